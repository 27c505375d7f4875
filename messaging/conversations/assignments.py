"""Assignees of conversations, who must be active and have access to the chatroom.

`manage.py prove` checks that at any time.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.utils.translation import gettext as _

from accounts import team
from accounts.models import User
from chatrooms import membership
from chatrooms.models import Chatroom, UserChatroom
from integrations import isolation
from messagehub import sql, tenancy
from messaging.live import event_log
from messaging.models import Conversation, ConversationActivity
from messaging.notifications import notices

# An admin has access to every chatroom of the organization; an agent needs a row.
LOST = """
SELECT DISTINCT u.id, u.organization_id FROM conversations v JOIN users u ON u.id = v.assigned_to_id
WHERE v.status <> 'CLOSED' AND NOT (u.is_active AND (u.role = 'admin' OR EXISTS (
    SELECT FROM user_chatrooms a WHERE a.user_id = u.id AND a.chatroom_id = v.chatroom_id)))
"""


class AssigneeGone(Exception):
    """The person has no access to the chatroom (any more), or is deactivated."""

    def __init__(self) -> None:
        self.fields = {"assigned_to": [_("This person no longer has access to this chatroom. Choose someone else.")]}
        super().__init__(self.fields["assigned_to"][0])


def hold_access(person_id: UUID, chatroom: Chatroom) -> bool:
    """Whether the person may see the chatroom; if so, that stays true until the commit.

    Call it before any conversation is locked.
    """
    # Ending the access locks these two rows too. It waits for our commit, and then unassigns what we assign here.
    list(
        UserChatroom.objects.select_for_update(no_key=True).filter(user=person_id, chatroom=chatroom).values_list("pk")
    )
    list(User.objects.select_for_update(no_key=True, of=("self",)).filter(pk=person_id).values_list("pk"))
    return has_access(person_id, chatroom)


def hold_each_access(pairs: Iterable[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """`hold_access` for many: which of these people (the first of each) may see which of these chatrooms."""
    pairs = set(pairs)
    people, room_ids = {person_id for person_id, _room in pairs}, {room_id for _person, room_id in pairs}
    rows = UserChatroom.objects.filter(user__in=people, chatroom__in=room_ids)
    users = User.objects.filter(pk__in=people)
    list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    list(users.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk"))
    admins = User.objects.filter(pk__in=people, is_active=True, role=User.Role.ADMIN)
    everywhere = set(admins.values_list("pk", "organization_id"))
    inside = set(rows.filter(user__is_active=True).values_list("user_id", "chatroom_id"))
    organization_of = dict(Chatroom.objects.filter(pk__in=room_ids).values_list("pk", "organization_id"))
    return {
        (person_id, room_id)
        for person_id, room_id in pairs
        if (person_id, room_id) in inside or (person_id, organization_of.get(room_id)) in everywhere
    }


def has_access(person_id: UUID, chatroom: Chatroom) -> bool:
    return membership.people_of(chatroom).filter(pk=person_id, is_active=True).exists()


def release_lost_assignments() -> int:
    """Unassign people without access, in all organizations; returns how many conversations.

    Version 0.1.0 left assignees behind when their access ended.
    """
    with tenancy.system():
        people = sql.fetch_rows(LOST)
    released = 0
    for person in people:
        guard = isolation.contain("Lost assignees", person["organization_id"], person["id"])
        with guard, tenancy.organization(person["organization_id"]):
            released += release_assignments(User.objects.get(pk=person["id"]), by=None)
    return released


def release_assignments(user: User, *, by: User | None) -> int:
    """Unassign the user from unclosed conversations that they may not see; returns how many.

    A closed conversation keeps its assignee as history until it is reopened.
    """
    assigned = Conversation.objects.filter(assigned_to=user).exclude(status=Conversation.Status.CLOSED)
    unseen = assigned.exclude(chatroom__in=Chatroom.objects.visible_to(user).values("pk"))
    rows = list(unseen.select_for_update(no_key=True).order_by("pk"))
    unassign_conversations(rows, by=by)
    event_log.record_events(
        [event_log.Change(event_log.CONVERSATION, row.organization_id, row.chatroom_id, row.pk) for row in rows]
    )
    return len(rows)


def hand_over_conversations(user: User, successor: User, *, by: User) -> int:
    """Assign the user's unclosed conversations to a colleague where that person may see them; returns how many.

    The successor is told of each on their page, and once by the live count.
    """
    # Locked as in `hold_access`: access, people, conversations.
    list(UserChatroom.objects.select_for_update(no_key=True).filter(user=successor).order_by("pk").values_list("pk"))
    team.hold_admins(user, successor)
    successor = User.objects.get(pk=successor.pk)
    visible = Chatroom.objects.visible_to(successor).values("pk")
    assigned = Conversation.objects.filter(assigned_to=user, chatroom__in=visible).exclude(
        status=Conversation.Status.CLOSED
    )
    rows = list(assigned.select_for_update(no_key=True, of=("self",)).order_by("pk"))
    ConversationActivity.objects.bulk_create(
        ConversationActivity(
            organization_id=row.organization_id,
            conversation=row,
            actor=by,
            kind=ConversationActivity.Kind.ASSIGNED,
            person_id=successor.pk,
            previous=str(user.pk),
        )
        for row in rows
    )
    Conversation.objects.filter(pk__in=[row.pk for row in rows]).update(assigned_to=successor)
    notices.notify_assignee(successor, rows, by=by)
    event_log.record_events(
        [event_log.Change(event_log.CONVERSATION, row.organization_id, row.chatroom_id, row.pk) for row in rows]
    )
    return len(rows)


def unassign_conversations(rows: Sequence[Conversation], *, by: User | None) -> None:
    """Unassign these locked conversations, with a line in each thread. The caller records the events."""
    ConversationActivity.objects.bulk_create(
        ConversationActivity(
            organization_id=row.organization_id,
            conversation=row,
            actor=by,
            kind=ConversationActivity.Kind.UNASSIGNED,
            person_id=row.assigned_to_id,
        )
        for row in rows
    )
    Conversation.objects.filter(pk__in=[row.pk for row in rows]).update(assigned_to=None)
