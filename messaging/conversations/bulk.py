"""Changing many conversations at once: the lines and events of single changes, in as many statements as for one.

Lock order: who may see what, conversations by their ids, and the chatrooms' event counters last.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from messagehub import constraints
from messaging.conversations import activity_lines, assignments, changes
from messaging.live import event_log
from messaging.models import Conversation, ConversationActivity, ConversationLabel, Label
from messaging.notifications import notices

MOST_CHANGED = 200  # conversations at once: each is an event, whose number is counted under a lock
State = tuple[str, datetime | None]  # status and snoozed_until
Status = Conversation.Status


class TooManyConversations(Exception):
    """More than MOST_CHANGED are selected."""

    def __init__(self) -> None:
        super().__init__(_("At most {n} conversations are changed at once.").format(n=MOST_CHANGED))


@dataclass(slots=True)
class BulkChange:
    """What became of the conversations that the user sees: `previous` has the value before of those that changed.

    `left` counts the others: `same` needed no change, `newer_open` have a newer conversation that is open, and in
    `no_access` the assignee does not see the chatroom.
    """

    previous: dict[UUID, Any] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)


@transaction.atomic
def move_conversations(states: Mapping[UUID, State], *, by: User) -> BulkChange:
    """Set the state of each; reopening unassigns assignees who lost access.

    Raises TooManyConversations, and NewerIsOpen where a newer conversation was opened meanwhile.
    """
    opened_ids = [pk for pk, (status, _until) in states.items() if status != Status.CLOSED]
    lost = _find_lost_assignees(by, opened_ids)
    result, changed_of = BulkChange(), {}
    rows = _lock(by, states)
    taken = _list_open([row for row in rows if row.status == Status.CLOSED])
    for row in sorted(rows, key=lambda row: (row.last_message_at, row.pk), reverse=True):
        status, until = states[row.pk]
        place = (row.contact_id, row.platform, row.channel_id)
        if (row.status, row.snoozed_until) == (status, until):
            result.left["same"] += 1
        elif row.status == Status.CLOSED and place in taken:
            result.left["newer_open"] += 1
        else:
            taken.add(place)
            values = {"status": status, "snoozed_until": until}
            values |= changes.mark_resolved(row, values)
            if status != Status.CLOSED and (row.assigned_to_id, row.chatroom_id) in lost:
                values["assigned_to_id"] = None
            result.previous[row.pk] = (row.status, row.snoozed_until)
            changed_of[row.pk] = {name: value for name, value in values.items() if getattr(row, name) != value}
    with constraints.translate_violation("conversations_one_open", changes.NewerIsOpen()):
        _write(rows, changed_of, by)
    return result


@transaction.atomic
def assign_conversations(assignees: Mapping[UUID, UUID | None], *, by: User) -> BulkChange:
    """Assign each to a person, or to nobody. Raises TooManyConversations."""
    visible = Conversation.objects.visible_to(by).filter(pk__in=assignees)
    pairs = [(assignees[pk], chatroom_id) for pk, chatroom_id in visible.values_list("pk", "chatroom_id")]
    seen = assignments.hold_each_access((person_id, room_id) for person_id, room_id in pairs if person_id)
    result, changed_of, rows_of = BulkChange(), {}, defaultdict(list)
    rows = _lock(by, assignees)
    for row in rows:
        person_id = assignees[row.pk]
        if row.assigned_to_id == person_id:
            result.left["same"] += 1
        elif person_id and (person_id, row.chatroom_id) not in seen:
            result.left["no_access"] += 1
        else:
            result.previous[row.pk] = row.assigned_to_id
            changed_of[row.pk] = {"assigned_to_id": person_id}
            rows_of[person_id].append(row)
    _write(rows, changed_of, by)
    for person in User.objects.filter(pk__in=filter(None, rows_of)).order_by("pk"):
        notices.notify_assignee(person, rows_of[person.pk], by=by)
    return result


@transaction.atomic
def label_conversations(ids: Collection[UUID], label: Label, *, by: User, removes: bool = False) -> BulkChange:
    """Put a label on each, or take it off. Raises TooManyConversations."""
    rows = _lock(by, ids)
    labelings = ConversationLabel.objects.filter(label=label, conversation__in=rows)
    labeled_ids = set(labelings.values_list("conversation_id", flat=True))
    changed = [row for row in rows if (row.pk in labeled_ids) == removes]
    if removes:
        labelings.delete()
    else:
        ConversationLabel.objects.bulk_create(
            ConversationLabel(organization_id=row.organization_id, conversation=row, label=label) for row in changed
        )
    kind = ConversationActivity.Kind.UNLABELED if removes else ConversationActivity.Kind.LABELED
    _tell([(row, [{"kind": kind, "label_name": label.name}]) for row in changed], by)
    return BulkChange(dict.fromkeys(row.pk for row in changed), +Counter(same=len(rows) - len(changed)))


def _lock(by: User, ids: Collection[UUID]) -> list[Conversation]:
    """Those of the conversations that the user sees, locked until the commit."""
    if len(ids) > MOST_CHANGED:
        raise TooManyConversations
    visible = Conversation.objects.visible_to(by).filter(pk__in=ids)
    return list(visible.select_for_update(no_key=True, of=("self",)).order_by("pk"))


def _find_lost_assignees(by: User, ids: Collection[UUID]) -> set[tuple[UUID, UUID]]:
    """Assignees with chatrooms that they do not see any more."""
    assigned = Conversation.objects.visible_to(by).filter(pk__in=ids, assigned_to__isnull=False)
    pairs = set(assigned.values_list("assigned_to_id", "chatroom_id"))
    return pairs - assignments.hold_each_access(pairs)


def _list_open(closed: Collection[Conversation]) -> set[tuple]:
    """Contacts of these conversations who have another that is not closed: with the channel, which has at most one."""
    still_open = Conversation.objects.exclude(status=Status.CLOSED)
    rows = still_open.filter(contact__in={row.contact_id for row in closed})
    return set(rows.values_list("contact_id", "platform", "channel_id")) if closed else set()


def _write(rows: Collection[Conversation], changed_of: Mapping[UUID, dict], by: User) -> None:
    changed = [row for row in rows if row.pk in changed_of]
    activities = [(row, changes.describe_activities(row, changed_of[row.pk])) for row in changed]
    for row in changed:
        for name, value in changed_of[row.pk].items():
            setattr(row, name, value)
    names = {name.removesuffix("_id") for values in changed_of.values() for name in values}
    if changed:
        Conversation.objects.bulk_update(changed, sorted(names))
    _tell(activities, by)


def _tell(activities: list[tuple[Conversation, list[dict]]], by: User) -> None:
    """A line in each thread, and an event for each."""
    activity_lines.record_each(activities, by=by)
    event_log.record_events(
        [changes.conversation_updated(row.organization_id, row.chatroom_id, row.pk) for row, _activities in activities]
    )
