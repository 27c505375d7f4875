"""What time alone changes: leases that ended, and scheduled messages that are due."""

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from integrations import isolation
from messagehub import sql
from messaging.live import event_log
from messaging.models import Message
from messaging.sending import recheck, states

DUE_BATCH = 200

# A lease that ended means that the worker died or lost the database between call and answer: Twilio may have the
# message. It has no idempotency key for new messages (https://www.twilio.com/docs/messaging/api/message-resource), so
# sending it again could send it twice.
OVERDUE = """
WITH lost AS (
    SELECT id FROM messages
    WHERE status = 'sending' AND lease_until < now()
      AND (%(only)s::uuid[] IS NULL OR id = ANY(%(only)s)) AND id <> ALL(%(left_out)s::uuid[])
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE messages m
SET status = 'unknown', lease_until = NULL,
    error_code = 'no_answer', error_message = 'The provider''s answer was lost. It is being checked.'
FROM lost WHERE m.id = lost.id
RETURNING m.id, m.organization_id, m.chatroom_id, m.conversation_id
"""
FIND = """
SELECT m.id, m.organization_id, v.channel_id AS subject_id
FROM messages m LEFT JOIN conversations v ON v.id = m.conversation_id
WHERE {} AND m.id <> ALL(%s::uuid[]) ORDER BY m.id
"""
LEASES = isolation.Batches("Messages without an answer", FIND.format("m.status = 'sending' AND m.lease_until < now()"))
SCHEDULED = isolation.Batches("Scheduled messages", FIND.format("m.status = 'scheduled' AND m.send_at <= now()"))


def sweep_overdue() -> int:
    """Make messages with an ended lease unknown, and queue scheduled messages that are due; returns how many."""
    # In two transactions: recording events twice in one would lock the chatrooms' counters in no order.
    return sum(LEASES.take(_give_up_leases)) + sum(SCHEDULED.take(_queue_due))


def _give_up_leases(only: Sequence[UUID] | None, left_out: Sequence[UUID]) -> int:
    rows = sql.fetch_rows(OVERDUE, {"only": only, "left_out": left_out})
    event_log.record_events([states.message_updated(row) for row in rows])
    return len(rows)


def _queue_due(only: Sequence[UUID] | None, left_out: Sequence[UUID]) -> int:
    """Queue scheduled messages that may still be sent; returns how many were due."""
    due_messages = Message.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    due_messages = due_messages.filter(status="scheduled", send_at__lte=timezone.now()).order_by("send_at", "pk")
    if only is not None:
        due_messages = due_messages.filter(pk__in=only)
    messages = list(due_messages.exclude(pk__in=left_out).select_related(*recheck.ASKED)[:DUE_BATCH])
    recheck.recheck_messages(messages)
    return len(messages)
