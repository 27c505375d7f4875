"""Applying watermarks: everything that we sent to a contact until a moment was delivered or read."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from integrations.events import Watermark
from messagehub import sql
from messaging.live import event_log
from messaging.sending import states

# Messenger names a moment in milliseconds, Instagram the newest message that was seen, and with it all before
# (https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/message-reads).
# `sent_at` is the provider's own time, from the echo. A month back at most: Meta lets us write for a week.
LOCK = """
SELECT m.id FROM channels n
JOIN contact_addresses k ON k.chatroom_id = n.chatroom_id AND k.platform = n.platform AND k.address = %(contact)s
JOIN conversations v ON v.contact_id = k.contact_id AND v.channel_id = n.id
JOIN messages m ON m.conversation_id = v.id AND m.direction = 'outbound' AND m.status = ANY(%(below)s)
    AND m.occurred_at > now() - interval '30 days'
WHERE n.platform = %(platform)s AND n.address = %(channel)s AND n.retired_at IS NULL AND (
    coalesce(m.sent_at, m.occurred_at) <= greatest(%(until)s, (
        SELECT max(coalesce(named.sent_at, named.occurred_at)) FROM messages named
        WHERE named.platform = n.platform AND named.provider_id = ANY(%(named)s) AND named.channel_id = n.id))
    OR m.provider_id = ANY(%(named)s))
ORDER BY m.id FOR NO KEY UPDATE OF m
"""
# Delivered is less than read, and neither is told of a message that failed.
BELOW = {"delivered": ["accepted", "sent"], "read": ["accepted", "sent", "delivered"]}
MOVE = """
UPDATE messages SET status = %(status)s, sent_at = coalesce(sent_at, %(at)s),
    delivered_at = coalesce(delivered_at, %(at)s),
    read_at = CASE WHEN %(status)s = 'read' THEN coalesce(read_at, %(at)s) ELSE read_at END
WHERE id = ANY(%(ids)s)
RETURNING id, organization_id, chatroom_id, conversation_id
"""
RECEIPTS = """
INSERT INTO message_receipts (organization_id, message_id, status, webhook_event_id)
SELECT organization_id, id, %(status)s, %(webhook)s FROM messages WHERE id = ANY(%(ids)s)
ON CONFLICT (message_id, status, error_code) DO NOTHING
"""


def apply_watermarks(watermarks: Sequence[tuple[UUID, Watermark]]) -> list[event_log.Change]:
    """Apply watermarks, each given with the id of its webhook; returns the changes to record."""
    moved_rows: dict[UUID, dict] = {}
    # Each locks messages of one contact. In one order of contacts, two workers don't wait for each other.
    for webhook_id, watermark in sorted(watermarks, key=_identify_thread):
        columns: dict = {
            "platform": watermark.platform,
            "channel": watermark.channel_address,
            "contact": watermark.contact_address,
            "until": watermark.until,
            "named": list(watermark.provider_ids),
            "below": BELOW[watermark.status],
            "status": watermark.status,
            "at": watermark.until or watermark.occurred_at,
            "webhook": webhook_id,
        }
        columns["ids"] = [row["id"] for row in sql.fetch_rows(LOCK, columns)]
        if columns["ids"]:
            moved_rows |= {row["id"]: row for row in sql.fetch_rows(MOVE, columns)}
            with connection.cursor() as cursor:
                cursor.execute(RECEIPTS, columns)
    return [states.message_updated(row) for row in moved_rows.values()]


def _identify_thread(watermark: tuple[UUID, Watermark]) -> tuple[str, str, str]:
    return watermark[1].platform, watermark[1].channel_address, watermark[1].contact_address
