"""Who looks after a conversation: somebody active who may see it, at any moment."""

from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms import membership
from chatrooms.models import Chatroom, UserChatroom
from messaging.live import event_log
from messaging.models import Conversation, ConversationActivity


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


def release_assignments(user: User, *, by: User | None) -> int:
    """Unassign the user from every conversation that is not closed and that they may not see; returns how many.

    A closed one keeps its assignee, as a part of its history, until it is opened again.
    """
    assigned = Conversation.objects.filter(assigned_to=user).exclude(status=Conversation.Status.CLOSED)
    lost = assigned.exclude(chatroom__in=Chatroom.objects.visible_to(user).values("pk"))
    return unassign_conversations([row.pk for row in lost.select_for_update(no_key=True).order_by("pk")], by=by)


def unassign_conversations(ids: list[UUID], *, by: User | None) -> int:
    """Unassign these locked conversations, with a line in each thread and an event; returns how many."""
    rows = list(Conversation.objects.filter(pk__in=ids).exclude(assigned_to=None).order_by("pk"))
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
    event_log.record_events(
        [event_log.Change(event_log.CONVERSATION, row.organization_id, row.chatroom_id, row.pk) for row in rows]
    )
    return len(rows)
