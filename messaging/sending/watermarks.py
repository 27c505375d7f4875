"""Applying watermarks: everything that we sent to a contact until a moment was delivered or read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from integrations.events import Watermark
from messagehub import sql
from messaging.live import event_log
from messaging.sending import states

# Messenger names a moment in milliseconds, Instagram the newest message that was seen, and with it all before
# (https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/message-reads).
# `sent_at` is the provider's own time, from the echo; until it comes, what counts is when the provider was asked, not
# when somebody wrote the message. A month back at most: Meta lets us write for a week.
# Delivered is less than read, and neither is told of a message that failed. Locked in one order, for all contacts.
LOCK = """
SELECT w.place, m.id, m.organization_id, m.chatroom_id, m.conversation_id, m.status, m.sent_at, m.delivered_at,
       m.read_at
FROM json_to_recordset(%s) AS w (place int, platform text, channel text, contact text, status text, until timestamptz,
                                 named text[])
JOIN channels n ON n.platform = w.platform AND n.address = w.channel AND n.retired_at IS NULL
JOIN contact_addresses k ON k.chatroom_id = n.chatroom_id AND k.platform = n.platform AND k.address = w.contact
JOIN conversations v ON v.contact_id = k.contact_id AND v.channel_id = n.id
JOIN messages m ON m.conversation_id = v.id AND m.direction = 'outbound'
    AND m.status IN ('accepted', 'sent', 'delivered') AND (w.status = 'read' OR m.status <> 'delivered')
    AND m.occurred_at > now() - interval '30 days'
WHERE coalesce(m.sent_at, m.attempted_at, m.occurred_at) <= greatest(w.until, (
        SELECT max(coalesce(named.sent_at, named.attempted_at, named.occurred_at)) FROM messages named
        WHERE named.platform = n.platform AND named.provider_id = ANY(w.named) AND named.channel_id = n.id))
    OR m.provider_id = ANY(w.named)
ORDER BY m.id FOR NO KEY UPDATE OF m
"""
MOVE = """
UPDATE messages m SET status = u.status, sent_at = u.sent_at, delivered_at = u.delivered_at, read_at = u.read_at
FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
    AS u (id, status, sent_at, delivered_at, read_at)
WHERE m.id = u.id
"""
MOVED = ("id", "status", "sent_at", "delivered_at", "read_at")
RECEIPTS = """
INSERT INTO message_receipts (organization_id, message_id, status, webhook_event_id)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::uuid[])
ON CONFLICT (message_id, status, error_code) DO NOTHING
"""


def apply_watermarks(watermarks: Sequence[tuple[UUID, Watermark]]) -> list[event_log.Change]:
    """Apply watermarks, each given with the id of its webhook; returns the changes to record."""
    if not watermarks:
        return []
    covered_rows = sql.fetch_rows(LOCK, [orjson.dumps(_build_columns(watermarks)).decode()])
    rows: dict[UUID, dict[str, Any]] = {}
    receipts = []
    for covered in sorted(covered_rows, key=lambda row: row["place"]):
        row = rows.setdefault(covered["id"], covered)
        webhook_id, watermark = watermarks[covered["place"]]
        if states.is_progress(row["status"], watermark.status):
            _apply_watermark(row, watermark.status, watermark.until or watermark.occurred_at)
            receipts.append((row["organization_id"], row["id"], watermark.status, webhook_id))
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(MOVE, [[row[name] for row in rows.values()] for name in MOVED])
            cursor.execute(RECEIPTS, [list(column) for column in zip(*receipts, strict=True)])
    return [states.message_updated(row) for row in rows.values()]


def _build_columns(watermarks: Sequence[tuple[UUID, Watermark]]) -> list[dict[str, Any]]:
    return [
        {
            "place": place,
            "platform": watermark.platform,
            "channel": watermark.channel_address,
            "contact": watermark.contact_address,
            "status": watermark.status,
            "until": watermark.until,
            "named": list(watermark.provider_ids),
        }
        for place, (_, watermark) in enumerate(watermarks)
    ]


def _apply_watermark(row: dict[str, Any], status: str, at: datetime) -> None:
    row |= {"status": status, "sent_at": row["sent_at"] or at, "delivered_at": row["delivered_at"] or at}
    if status == "read":
        row["read_at"] = row["read_at"] or at
