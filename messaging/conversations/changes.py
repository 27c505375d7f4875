"""Opening, locking and changing conversations, and waking snoozed ones."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms import contacts
from chatrooms.models import Contact, ContactActivity
from integrations import isolation
from integrations.models import Channel
from messagehub import constraints, sql
from messaging.conversations import activity_lines, assignments
from messaging.live import event_log
from messaging.models import (
    Conversation,
    ConversationActivity,
    ConversationLabel,
    Label,
    Message,
    Notification,
)
from messaging.notifications import notices

# SKIP LOCKED: any number of workers may wake at once. At most 500 in a transaction, because the chatrooms' event
# counters stay locked until its commit.
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
    SELECT id, organization_id, channel_id AS subject_id FROM conversations
    WHERE status = 'SNOOZED' AND snoozed_until <= now() AND id <> ALL(%s::uuid[]) ORDER BY id
    """,
)


class NewerIsOpen(Exception):
    """The contact has another unclosed conversation with this number, and may have only one."""

    def __init__(self) -> None:
        super().__init__(_("This contact has a newer open conversation. Continue there."))


class NoWakingTime(Exception):
    """The status is to be SNOOZED, and there is no time at which it ends."""

    def __init__(self) -> None:
        self.fields = {"snoozed_until": [_("Choose when the snooze ends.")]}
        super().__init__(self.fields["snoozed_until"][0])


def open_conversation(contact: Contact, sender: Channel) -> Conversation:
    """The contact's open conversation with this channel, opened if there is none; locked until the commit.

    A new one goes on with the reply window of those before it, and what is said in it is a reply for as long. Raises
    ContactGone where a new one is needed and the contact was merged by another request.
    """
    channel_values = {"contact": contact, "platform": sender.platform, "channel": sender}
    still_open = Conversation.objects.exclude(status="CLOSED")
    if existing_conversation := still_open.filter(**channel_values).first():
        hold_contact(existing_conversation)
        return lock_conversation(existing_conversation)
    # A merge locks its contacts first and then lists their conversations. With the contact locked here, it can't miss
    # the one that is opened below.
    contacts.lock_contact(contact)
    last_word = Conversation.objects.filter(**channel_values).aggregate(at=Max("last_inbound_at"))["at"]
    conversation, created = still_open.get_or_create(
        **channel_values,
        defaults={
            "organization_id": contact.organization_id,
            "chatroom_id": contact.chatroom_id,
            "last_inbound_at": last_word,
        },
    )
    if created:
        ContactActivity.objects.create(
            organization_id=contact.organization_id,
            contact=contact,
            kind=ContactActivity.Kind.CONVERSATION_OPENED,
            reference=conversation.pk,
        )
    return lock_conversation(conversation)


def hold_contact(conversation: Conversation) -> None:
    """Lock the conversation's contact until the commit, for who is going to send to them.

    A correction of their number waits, and then finds the message that was made meanwhile; or it is waited for.
    """
    # Not FOR KEY SHARE: a merge that holds the conversation deletes its contact at the end, and would wait for us.
    list(Contact.objects.select_for_update(no_key=True, of=("self",)).filter(conversations=conversation))


def lock_conversation(conversation: Conversation) -> Conversation:
    """The conversation as it is now, locked until the commit."""
    # Lock order: the contact before it, messages after it.
    locked_rows = Conversation.objects.select_for_update(no_key=True, of=("self",)).select_related("contact", "channel")
    # The first query finds nothing after waiting for a merge that gave the conversation to another contact: PostgreSQL
    # checks the join again with the row that it had joined before the wait. The second query starts anew.
    return locked_rows.filter(pk=conversation.pk).first() or locked_rows.get(pk=conversation.pk)


def touch_conversation(conversation: Conversation, message: Message) -> None:
    """Make an outbound message the conversation's newest, and stop its waiting clock."""
    Conversation.objects.filter(pk=conversation.pk).update(
        last_message=message, last_message_at=Now(), waiting_since=None
    )


@transaction.atomic
def change_conversation(
    conversation: Conversation, *, by: User | None = None, labels: Iterable[Label] | None = None, **values
) -> dict:
    """Change `status`, `snoozed_until`, `assigned_to` or labels; returns the previous values, for undoing it.

    Reopening unassigns an assignee who may not see the conversation any more. Raises NoWakingTime, NewerIsOpen and
    AssigneeGone.
    """
    if "assigned_to" in values:
        values["assigned_to_id"] = getattr(values.pop("assigned_to"), "pk", None)
    # Before the conversation is locked: whoever ends a person's access locks that access first and then unassigns.
    lost_assignee_id, chatroom_id = _lost_assignee(conversation, values), conversation.chatroom_id
    conversation = lock_conversation(conversation)
    _require_access_after_move(conversation, chatroom_id, values.get("assigned_to_id"))
    values |= _read_state(conversation, values)
    values |= mark_resolved(conversation, values)
    if lost_assignee_id and values.get("assigned_to_id", conversation.assigned_to_id) == lost_assignee_id:
        values["assigned_to_id"] = None
    previous_values = {name: getattr(conversation, name) for name in values}
    changed_values = {name: value for name, value in values.items() if previous_values[name] != value}
    if changed_values:
        with constraints.translate_violation("conversations_one_open", NewerIsOpen()):
            Conversation.objects.filter(pk=conversation.pk).update(**values)
    activities = describe_activities(conversation, changed_values)
    if labels is not None:
        label_by_id = {label.pk: label for label in labels}
        previous_values["labels"] = list(conversation.labels.all())
        activities += _replace_labels(conversation, label_by_id, previous_values["labels"])
    activity_lines.record_activities(conversation, activities, by=by)
    if person_id := changed_values.get("assigned_to_id"):
        notices.notify_users([person_id], conversation, kind=Notification.Kind.ASSIGNMENT, by=by)
    if activities:
        event_log.record_events(
            [conversation_updated(conversation.organization_id, conversation.chatroom_id, conversation.pk)]
        )
    return previous_values


def _lost_assignee(conversation: Conversation, values: dict) -> UUID | None:
    """The present assignee, where the change reopens the conversation and they lost access to it.

    Raises AssigneeGone where the change assigns it to a person without access.
    """
    person_id = values.get("assigned_to_id", conversation.assigned_to_id)
    is_opening = {"status", "snoozed_until"} & values.keys() and values.get("status") != Conversation.Status.CLOSED
    if person_id is None or not ("assigned_to_id" in values or is_opening):
        return None
    if assignments.hold_access(person_id, conversation.chatroom):
        return None
    if "assigned_to_id" in values:
        raise assignments.AssigneeGone
    return person_id


def _require_access_after_move(conversation: Conversation, former_chatroom_id: UUID, person_id: UUID | None) -> None:
    """Ask about the new assignee again where the conversation moved while its lock was waited for."""
    if person_id is None or conversation.chatroom_id == former_chatroom_id:
        return
    if not assignments.has_access(person_id, conversation.chatroom):
        raise assignments.AssigneeGone


def describe_activities(conversation: Conversation, changed_values: Mapping) -> list[dict]:
    """Lines about values that a conversation, which still has those before, gets."""
    kinds = ConversationActivity.Kind
    activities = []
    if "assigned_to_id" in changed_values:
        person = changed_values["assigned_to_id"]
        kind = kinds.ASSIGNED if person else kinds.UNASSIGNED
        previous = str(conversation.assigned_to_id or "")
        activities.append({"kind": kind, "person_id": person or conversation.assigned_to_id, "previous": previous})
    if "status" in changed_values or "snoozed_until" in changed_values:
        status = changed_values.get("status", conversation.status)
        kind_of = {"OPEN": kinds.REOPENED, "CLOSED": kinds.CLOSED, "PENDING": kinds.PENDING, "SNOOZED": kinds.SNOOZED}
        previous = activity_lines.describe_state(conversation.status, conversation.snoozed_until)
        activities.append({"kind": kind_of[status], "until": changed_values.get("snoozed_until"), "previous": previous})
    return activities


@transaction.atomic
def block_contact(conversation: Conversation, blocked: bool, *, by: User) -> None:
    """Block or unblock the conversation's contact. Raises ContactGone."""
    contacts.change_contact(conversation.contact, by=by, blocked=blocked)  # locks the contact, before the conversation
    conversation = lock_conversation(conversation)
    kinds = ConversationActivity.Kind
    activity_lines.record_activities(conversation, [{"kind": kinds.BLOCKED if blocked else kinds.UNBLOCKED}], by=by)
    announce_contact_change(conversation.contact)


def _read_state(conversation: Conversation, values: dict) -> dict:
    """The resulting state: `snoozed_until` alone snoozes, and null alone wakes. Raises NoWakingTime."""
    if "status" not in values and "snoozed_until" not in values:
        return {}
    until = values.get("snoozed_until", conversation.snoozed_until)
    awake = Conversation.Status.OPEN if conversation.status == Conversation.Status.SNOOZED else conversation.status
    status = values.get("status", Conversation.Status.SNOOZED if until else awake)
    if status != Conversation.Status.SNOOZED:
        return {"status": status, "snoozed_until": None}
    if until is None:
        raise NoWakingTime
    return {"status": status, "snoozed_until": until}


def mark_resolved(conversation: Conversation, values: Mapping) -> dict:
    """When it was resolved, as far as these values change that."""
    status = values.get("status", conversation.status)
    if status == conversation.status:
        return {}
    return {"resolved_at": timezone.now() if status == Conversation.Status.CLOSED else None}


def _replace_labels(
    conversation: Conversation, label_by_id: Mapping[UUID, Label], present_labels: list[Label]
) -> list[dict]:
    removed_labels = [label for label in present_labels if label.pk not in label_by_id]
    present_ids = {label.pk for label in present_labels}
    added_labels = [label for pk, label in label_by_id.items() if pk not in present_ids]
    conversation.labelings.filter(label__in=removed_labels).delete()
    ConversationLabel.objects.bulk_create(
        ConversationLabel(organization_id=conversation.organization_id, conversation=conversation, label=label)
        for label in added_labels
    )
    kinds = ConversationActivity.Kind
    return [{"kind": kinds.UNLABELED, "label_name": label.name} for label in removed_labels] + [
        {"kind": kinds.LABELED, "label_name": label.name} for label in added_labels
    ]


def wake_snoozed() -> int:
    """Open snoozed conversations whose time has come, in all organizations; returns how many."""
    return sum(AWAKE.take(_wake_due))


def _wake_due(only: Sequence[UUID] | None, left_out: Sequence[UUID]) -> int:
    rows = sql.fetch_rows(WAKE, {"only": only, "left_out": left_out})
    event_log.record_events(
        [conversation_updated(row["organization_id"], row["chatroom_id"], row["id"]) for row in rows]
    )
    return len(rows)


def announce_contact_change(contact: Contact) -> None:
    """Record an event for each conversation of the contact."""
    event_log.record_events(list_contact_changes(contact))


def list_contact_changes(contact: Contact) -> list[event_log.Change]:
    """An event for each conversation of the contact, to be recorded: their payloads include the contact."""
    conversation_ids = contact.conversations.order_by("pk").values_list("pk", flat=True)
    return [conversation_updated(contact.organization_id, contact.chatroom_id, pk) for pk in conversation_ids]


def conversation_updated(organization_id: UUID, chatroom_id: UUID, pk: UUID) -> event_log.Change:
    return event_log.Change(event_log.CONVERSATION, organization_id, chatroom_id, pk)
