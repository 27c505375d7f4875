"""Checking messages again that had to wait: scheduled ones that are due, and claimed ones."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from integrations import isolation
from messagehub import sentences
from messaging.live import event_log
from messaging.models import Message
from messaging.sending import eligibility, states

log = logging.getLogger(__name__)
ASKED = ("conversation__contact", "conversation__channel", "conversation__chatroom", "sent_by__organization")
ROW = ("id", "organization_id", "chatroom_id", "conversation_id", "tokens", "sent_by_id")


def recheck_messages(messages: Sequence[Message]) -> set[UUID]:
    """Check due or claimed messages again; returns the ids of those that may not be sent.

    They fail and are refunded, or wait for the end of quiet hours. Due messages that may be sent are queued.
    """
    changed_rows, stopped_ids = [], set()
    for message in messages:
        recheck = eligibility.may_answer if message.automatic else eligibility.recheck_message
        verdict, is_claimed = recheck(message), message.status == Message.Status.SENDING
        if verdict.allowed and is_claimed:
            continue
        values: dict = {"status": "queued", "lease_until": None}
        if not verdict.allowed:
            stopped_ids.add(message.pk)
            reason = verdict.reasons[0]
            if verdict.waits_until is None:
                values |= {"status": "failed", "error_code": reason.code}
                values |= {"error_message": str(reason)[:300]}
            elif is_claimed:
                values |= {"not_before": verdict.waits_until}
            else:
                values = {"send_at": verdict.waits_until}
        Message.objects.filter(pk=message.pk).update(sendability=verdict.as_json(), **values)
        row = {name: getattr(message, name) for name in ROW}
        if values.get("status") == "failed":
            states.refund_message(row, state="failed", reason=sentences.NOT_SENT_CODE.format(code=values["error_code"]))
        changed_rows.append(row)
    event_log.record_events([states.message_updated(row) for row in changed_rows])
    return stopped_ids


def recheck_claimed(rows: Sequence[dict]) -> set[UUID]:
    """Check claimed messages again; returns the ids of those that may not be sent.

    A message whose check raises is queued again with a delay.
    """
    if not rows:
        return set()
    messages = Message.objects.select_related(*ASKED)
    try:
        with transaction.atomic():
            return recheck_messages(list(messages.filter(pk__in=[row["id"] for row in rows]).order_by("pk")))
    except isolation.DATABASE_AWAY:
        raise
    except Exception as error:
        # One broken row rolls all of them back. Each alone costs a transaction for each, but only when something
        # breaks.
        log.warning("Queued messages can't be asked together (%s); each is asked alone.", type(error).__name__)
    stopped_ids = set()
    for row in rows:
        guard = isolation.contain("Queued messages", row["organization_id"], row["channel_id"])
        with guard as containment, transaction.atomic():
            stopped_ids |= recheck_messages(list(messages.filter(pk=row["id"])))
        if containment.broken:
            stopped_ids.add(row["id"])
            later = timezone.now() + timedelta(seconds=isolation.REST_SECONDS)
            Message.objects.filter(pk=row["id"]).update(status="queued", lease_until=None, not_before=later)
    return stopped_ids
