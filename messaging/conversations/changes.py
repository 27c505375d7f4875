"""Conversations: the inbox list, the thread, opening one, reading, and what colleagues do with them."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from chatrooms import contacts
from chatrooms.models import Contact, ContactActivity
from integrations import isolation
from integrations.models import SenderNumber
from messagehub import constraints, sql
from messaging.conversations import activity_lines, assignments
from messaging.live import event_log
from messaging.models import (
    Conversation,
    ConversationActivity,
    ConversationLabel,
    Label,
    Message,
    Platform,
)

WAKE = """
WITH due AS (
    SELECT id FROM conversations
    WHERE status = 'SNOOZED' AND snoozed_until <= now()
      AND (%(only)s::uuid[] IS NULL OR id = ANY(%(only)s)) AND id <> ALL(%(left_out)s::uuid[])
    ORDER BY id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE conversations v SET status = 'OPEN', snoozed_until = NULL FROM due WHERE v.id = due.id
RETURNING v.id, v.organization_id, v.chatroom_id
"""
AWAKE = isolation.Batches(
    "Snoozed conversations",
    """
    SELECT id, organization_id, sender_number_id AS subject_id FROM conversations
    WHERE status = 'SNOOZED' AND snoozed_until <= now() AND id <> ALL(%s::uuid[]) ORDER BY id
    """,
)


class NewerIsOpen(Exception):
    """The contact came back meanwhile: at most one conversation of a channel is not closed."""

    def __init__(self) -> None:
        super().__init__("This contact has a newer open conversation. Continue there.")


class NoWakingTime(Exception):
    """A conversation is snoozed until some time."""

    def __init__(self) -> None:
        self.fields = {"snoozed_until": ["Choose when the snooze ends."]}
        super().__init__(self.fields["snoozed_until"][0])


def open_conversation(contact: Contact, sender: SenderNumber) -> Conversation:
    """The contact's open conversation with this number, opened if there is none; locked until the commit.

    Raises ContactGone where a new one would be for a contact that was merged meanwhile.
    """
    channel = {"contact": contact, "platform": Platform.SMS, "sender_number": sender}
    still_open = Conversation.objects.exclude(status="CLOSED")
    if found := still_open.filter(**channel).first():
        return lock_conversation(found)
    contacts.lock_contact(contact)  # no merge overlooks what is opened now
    conversation, created = still_open.get_or_create(
        **channel,
        defaults={"organization_id": contact.organization_id, "chatroom_id": contact.chatroom_id},
    )
    if created:
        ContactActivity.objects.create(
            organization_id=contact.organization_id,
            contact=contact,
            kind=ContactActivity.Kind.CONVERSATION_OPENED,
            reference=conversation.pk,
        )
    return lock_conversation(conversation)


def lock_conversation(conversation: Conversation) -> Conversation:
    """The row as it is now, held until the commit. The contact is locked before it, messages after it."""
    row = Conversation.objects.select_for_update(no_key=True, of=("self",)).select_related("contact", "sender_number")
    # Waiting for a merge that gave it to another contact finds nothing: the join was made with the one before.
    return row.filter(pk=conversation.pk).first() or row.get(pk=conversation.pk)


def touch_conversation(conversation: Conversation, message: Message) -> None:
    """Make this message the conversation's newest: somebody has answered."""
    Conversation.objects.filter(pk=conversation.pk).update(
        last_message=message, last_message_at=Now(), waiting_since=None
    )


@transaction.atomic
def change_conversation(
    conversation: Conversation, *, by: User | None = None, labels: Iterable[Label] | None = None, **values
) -> dict:
    """Change state (`status`, `snoozed_until`), `assigned_to` or labels, and show it if it is a change.

    Returns what was there before, as a call that undoes it takes it. Raises NoWakingTime, and NewerIsOpen where the
    contact has another conversation that is not closed, and AssigneeGone. One that is opened again is nobody's where
    its assignee may not see it any more.
    """
    if "assigned_to" in values:
        values["assigned_to_id"] = getattr(values.pop("assigned_to"), "pk", None)
    lost = _lost_assignee(conversation, values)
    held = lock_conversation(conversation)
    values |= _state(held, values)
    if lost and values.get("assigned_to_id", held.assigned_to_id) == lost:
        values["assigned_to_id"] = None
    before = {name: getattr(held, name) for name in values}
    changed = {name: value for name, value in values.items() if before[name] != value}
    if changed:
        with constraints.translate_violation("conversations_one_open", NewerIsOpen()):
            Conversation.objects.filter(pk=held.pk).update(**values)
    done = _done(held, changed)
    if labels is not None:
        wanted = {label.pk: label for label in labels}
        before["labels"] = list(held.labels.all())
        done += _relabel(held, wanted, before["labels"])
    activity_lines.record_activities(held, done, by=by)
    if done:
        event_log.record_events([_updated(held.organization_id, held.chatroom_id, held.pk)])
    return before


def _lost_assignee(conversation: Conversation, values: dict) -> UUID | None:
    """Who would be the assignee of an open conversation and may not see it. Raises AssigneeGone for a new one."""
    person_id = values.get("assigned_to_id", conversation.assigned_to_id)
    is_opening = {"status", "snoozed_until"} & values.keys() and values.get("status") != Conversation.Status.CLOSED
    if person_id is None or not ("assigned_to_id" in values or is_opening):
        return None
    if assignments.hold_access(person_id, conversation.chatroom):
        return None
    if "assigned_to_id" in values:
        raise assignments.AssigneeGone
    return person_id


def _done(held: Conversation, changed: Mapping) -> list[dict]:
    """The lines of the thread that tell of these changes."""
    kinds = ConversationActivity.Kind
    done = []
    if "assigned_to_id" in changed:
        person = changed["assigned_to_id"]
        kind = kinds.ASSIGNED if person else kinds.UNASSIGNED
        previous = str(held.assigned_to_id or "")
        done.append({"kind": kind, "person_id": person or held.assigned_to_id, "previous": previous})
    if "status" in changed or "snoozed_until" in changed:
        status = changed.get("status", held.status)
        kind_of = {"OPEN": kinds.REOPENED, "CLOSED": kinds.CLOSED, "PENDING": kinds.PENDING, "SNOOZED": kinds.SNOOZED}
        previous = activity_lines.describe_state(held.status, held.snoozed_until)
        done.append({"kind": kind_of[status], "until": changed.get("snoozed_until"), "previous": previous})
    return done


@transaction.atomic
def block_contact(conversation: Conversation, blocked: bool, *, by: User) -> None:
    """Block the contact, or let them write and be written to again. Raises ContactGone."""
    contacts.change_contact(conversation.contact, by=by, blocked=blocked)  # locks the contact, which goes first
    held = lock_conversation(conversation)
    kinds = ConversationActivity.Kind
    activity_lines.record_activities(held, [{"kind": kinds.BLOCKED if blocked else kinds.UNBLOCKED}], by=by)
    announce_contact_change(held.contact)


def _state(held: Conversation, values: dict) -> dict:
    """The state that is meant: a waking time alone snoozes, and taking it away wakes."""
    if "status" not in values and "snoozed_until" not in values:
        return {}
    until = values.get("snoozed_until", held.snoozed_until)
    awake = Conversation.Status.OPEN if held.status == Conversation.Status.SNOOZED else held.status
    status = values.get("status", Conversation.Status.SNOOZED if until else awake)
    if status != Conversation.Status.SNOOZED:
        return {"status": status, "snoozed_until": None}
    if until is None:
        raise NoWakingTime
    return {"status": status, "snoozed_until": until}


def _relabel(held: Conversation, wanted: Mapping[UUID, Label], present: list[Label]) -> list[dict]:
    gone = [label for label in present if label.pk not in wanted]
    kept = {label.pk for label in present}
    fresh = [label for pk, label in wanted.items() if pk not in kept]
    held.labelings.filter(label__in=gone).delete()
    ConversationLabel.objects.bulk_create(
        ConversationLabel(organization_id=held.organization_id, conversation=held, label=label) for label in fresh
    )
    kinds = ConversationActivity.Kind
    return [{"kind": kinds.UNLABELED, "label_name": label.name} for label in gone] + [
        {"kind": kinds.LABELED, "label_name": label.name} for label in fresh
    ]


def wake_snoozed() -> int:
    """Open the snoozed conversations whose time has come, in all organizations; returns how many."""
    return sum(AWAKE.take(_wake))


def _wake(only: Sequence[UUID] | None, left_out: Sequence[UUID]) -> int:
    woken = sql.fetch_rows(WAKE, {"only": only, "left_out": left_out})
    event_log.record_events([_updated(row["organization_id"], row["chatroom_id"], row["id"]) for row in woken])
    return len(woken)


def announce_contact_change(contact: Contact) -> None:
    """Show what is new about a contact wherever its conversations are on a screen."""
    shown = contact.conversations.order_by("pk").values_list("pk", flat=True)
    event_log.record_events([_updated(contact.organization_id, contact.chatroom_id, pk) for pk in shown])


def _updated(organization_id: UUID, chatroom_id: UUID, pk: UUID) -> event_log.Change:
    return event_log.Change(event_log.CONVERSATION, organization_id, chatroom_id, pk)
