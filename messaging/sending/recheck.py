"""Messages that waited are asked once more whether they may be sent: those that are due, and those that are claimed."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from integrations import isolation
from messaging.live import event_log
from messaging.models import Message
from messaging.sending import eligibility, states

log = logging.getLogger(__name__)
ASKED = ("conversation__contact", "conversation__sender_number", "sent_by")
ROW = ("id", "organization_id", "chatroom_id", "conversation_id", "tokens", "sent_by_id")


def recheck_messages(messages: Sequence[Message]) -> set[UUID]:
    """Ask again whether these may be sent, which are due or claimed; returns the ids of those that may not.

    They fail and are paid back, but what has slipped into quiet hours waits for their end. A due one that may go is
    queued.
    """
    changed, stopped = [], set()
    for message in messages:
        verdict, claimed = eligibility.recheck_message(message), message.status == Message.Status.SENDING
        if verdict.allowed and claimed:
            continue
        values: dict = {"status": "queued", "lease_until": None}
        if not verdict.allowed:
            stopped.add(message.pk)
            reason = verdict.reasons[0]
            if verdict.waits_until is None:
                values |= {"status": "failed", "error_code": reason.code}
                values |= {"error_message": str(reason)[:300]}
            elif claimed:
                values |= {"not_before": verdict.waits_until}
            else:
                values = {"send_at": verdict.waits_until}
        Message.objects.filter(pk=message.pk).update(sendability=verdict.as_json(), **values)
        row = {name: getattr(message, name) for name in ROW}
        if values.get("status") == "failed":
            states.refund_message(row, state="failed", reason=f"Not sent: {values['error_code']}")
        changed.append(row)
    event_log.record_events([states.message_updated(row) for row in changed])
    return stopped


def recheck_claimed(claimed: Sequence[dict]) -> set[UUID]:
    """The ids of those claimed messages that may not be sent. One that can't be asked is queued again, for later."""
    if not claimed:
        return set()
    messages = Message.objects.select_related(*ASKED)
    try:
        with transaction.atomic():
            return recheck_messages(list(messages.filter(pk__in=[row["id"] for row in claimed]).order_by("pk")))
    except isolation.DATABASE_AWAY:
        raise
    except Exception as error:
        log.warning("Queued messages can't be asked together (%s); each is asked alone.", type(error).__name__)
    stopped = set()
    for row in claimed:
        contained = isolation.contain("Queued messages", row["organization_id"], row["number_id"])
        with contained as containment, transaction.atomic():
            stopped |= recheck_messages(list(messages.filter(pk=row["id"])))
        if containment.broken:
            stopped.add(row["id"])
            later = timezone.now() + timedelta(seconds=isolation.REST_SECONDS)
            Message.objects.filter(pk=row["id"]).update(status="queued", lease_until=None, not_before=later)
    return stopped
