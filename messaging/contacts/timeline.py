"""A contact's history over all channels and conversations: messages, notes, and what colleagues did."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chatrooms.models import Contact, ContactActivity
from messagehub import sql
from messaging import payloads
from messaging.conversations.activity_lines import Line, build_lines
from messaging.models import ConversationActivity, Note

KINDS = ("message", "note", "activity", "done")
Position = tuple[datetime, UUID]

# The newest page of each kind from its own index, then one page of all. A UNION sorted as a whole would read the
# contact's entire history for each page.
PAGE = """
SELECT * FROM (
    (SELECT 'message' AS kind, m.id, m.occurred_at AS at FROM messages m
     WHERE m.contact_id = %(contact)s {messages} ORDER BY m.occurred_at DESC, m.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT 'activity', a.id, a.created_at FROM contact_activities a
     WHERE a.contact_id = %(contact)s {activities} ORDER BY a.created_at DESC, a.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT 'done', d.id, d.created_at FROM conversations v CROSS JOIN LATERAL (
        SELECT o.id, o.created_at FROM conversation_activities o
        WHERE o.conversation_id = v.id AND o.kind NOT IN ('blocked', 'unblocked') {done}
        ORDER BY o.created_at DESC, o.id DESC LIMIT %(limit)s) d
     WHERE v.contact_id = %(contact)s ORDER BY d.created_at DESC, d.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT 'note', n.id, n.created_at FROM conversations v CROSS JOIN LATERAL (
        SELECT o.id, o.created_at FROM notes o WHERE o.conversation_id = v.id {notes}
        ORDER BY o.created_at DESC, o.id DESC LIMIT %(limit)s) n
     WHERE v.contact_id = %(contact)s ORDER BY n.created_at DESC, n.id DESC LIMIT %(limit)s)
) found ORDER BY at DESC, id DESC LIMIT %(limit)s
"""
COLUMNS = {
    "messages": "m.occurred_at, m.id",
    "activities": "a.created_at, a.id",  # has blocking, which PAGE therefore leaves out of what conversations have
    "done": "o.created_at, o.id",
    "notes": "o.created_at, o.id",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the history. `what` is a payload for `message`, a row for `note` and `activity`, a Line for `done`."""

    kind: str
    id: UUID
    at: datetime
    what: Any


def list_timeline(
    contact: Contact, *, limit: int, before: Position | None = None
) -> tuple[list[Entry], Position | None]:
    """At most `limit` entries, newest first, below a position; and the position of the next page, if there is one."""
    params: dict = {"contact": contact.pk, "limit": limit + 1}
    conditions = dict.fromkeys(COLUMNS, "")
    if before:
        params["at"], params["id"] = before
        conditions = {name: f"AND ({columns}) < (%(at)s, %(id)s)" for name, columns in COLUMNS.items()}
    rows = sql.fetch_rows(PAGE.format(**conditions), params)
    older = (rows[limit - 1]["at"], rows[limit - 1]["id"]) if len(rows) > limit else None
    by_kind = {kind: [row["id"] for row in rows[:limit] if row["kind"] == kind] for kind in KINDS}
    items_of_kind = {
        "message": payloads.describe_messages_by_id(by_kind["message"]),
        "note": _notes(by_kind["note"]),
        "activity": ContactActivity.objects.select_related("actor").in_bulk(by_kind["activity"]),
        "done": _lines(by_kind["done"]),
    }
    entries = [
        Entry(row["kind"], row["id"], row["at"], items_of_kind[row["kind"]][row["id"]])
        for row in rows[:limit]
        if row["id"] in items_of_kind[row["kind"]]
    ]
    return entries, older


def _lines(keys: Iterable[UUID]) -> dict[UUID, Line]:
    """Lines by the id of their newest change, so that each is on one page only. Undone changes are left out."""
    activities = ConversationActivity.objects.select_related("actor", "person").filter(pk__in=list(keys))
    return {line.last.pk: line for line in build_lines(activities) if line.effects}


def _notes(keys: Iterable[UUID]) -> dict[UUID, Note]:
    return Note.objects.select_related("author").in_bulk(list(keys))
