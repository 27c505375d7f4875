"""Who looks after a conversation: somebody active who may see it, at any moment."""

from collections.abc import Sequence
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms import membership
from chatrooms.models import Chatroom, UserChatroom
from messagehub import sql, tenancy
from messaging.live import event_log
from messaging.models import Conversation, ConversationActivity

LOST = """
SELECT DISTINCT u.id, u.organization_id FROM conversations v JOIN users u ON u.id = v.assigned_to_id
WHERE v.status <> 'CLOSED' AND NOT (u.is_active AND (u.role = 'admin' OR EXISTS (
    SELECT FROM user_chatrooms a WHERE a.user_id = u.id AND a.chatroom_id = v.chatroom_id)))
"""


class AssigneeGone(Exception):
    """The person lost the chatroom, or was deactivated, while they were being chosen."""

    def __init__(self) -> None:
        self.fields = {"assigned_to": [_("This person no longer has access to this chatroom. Choose someone else.")]}
        super().__init__(self.fields["assigned_to"][0])


def hold_access(person_id: UUID, chatroom: Chatroom) -> bool:
    """Whether the person works in the chatroom; if so, until the commit. To be called before anything is locked.

    Whoever ends their access waits, and then unassigns what is assigned to them here.
    """
    list(
        UserChatroom.objects.select_for_update(no_key=True).filter(user=person_id, chatroom=chatroom).values_list("pk")
    )
    list(User.objects.select_for_update(no_key=True, of=("self",)).filter(pk=person_id).values_list("pk"))
    return membership.people_of(chatroom).filter(pk=person_id, is_active=True).exists()


def release_lost_assignments() -> int:
    """Unassign whoever lost their access while that was not followed, in all organizations; returns how many."""
    with tenancy.system():
        people = sql.fetch_rows(LOST)
    released = 0
    for person in people:
        with tenancy.organization(person["organization_id"]):
            released += release_assignments(User.objects.get(pk=person["id"]), by=None)
    return released


def release_assignments(user: User, *, by: User | None) -> int:
    """Unassign the user from every conversation that is not closed and that they may not see; returns how many.

    A closed one keeps its assignee, as a part of its history, until it is opened again.
    """
    assigned = Conversation.objects.filter(assigned_to=user).exclude(status=Conversation.Status.CLOSED)
    lost = assigned.exclude(chatroom__in=Chatroom.objects.visible_to(user).values("pk"))
    rows = list(lost.select_for_update(no_key=True).order_by("pk"))
    unassign_conversations(rows, by=by)
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
