"""Fetching inbound messages whose webhook never reached us, from the provider's list."""

import logging
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from cryptography.fernet import InvalidToken

from integrations import channels, isolation
from messagehub import encryption, sql, tenancy
from messaging.live import event_log
from messaging.models import Message
from messaging.receiving import ingest

log = logging.getLogger(__name__)
# By default Twilio tries an inbound webhook once more, and only when the connection failed. After that the message is
# in its list alone (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides). Of each number the hour
# before its newest known message is compared again, because the list may lag.
OVERLAP = timedelta(hours=1)
FURTHEST = timedelta(days=3)  # for numbers without a known message
BATCH = 200
TICK = timedelta(microseconds=1)

NUMBERS = """
SELECT n.id, n.organization_id FROM sender_numbers n JOIN twilio_accounts a ON a.id = n.twilio_account_id
WHERE a.paused_at IS NULL AND n.retired_at IS NULL ORDER BY n.id
"""
NUMBER = """
SELECT n.phone, a.account_sid, a.auth_token, greatest(n.created_at - interval '1 hour', now() - %s) AS since, (
    SELECT max(v.last_inbound_at) FROM conversations v WHERE v.sender_number_id = n.id) AS newest
FROM sender_numbers n JOIN twilio_accounts a ON a.id = n.twilio_account_id
WHERE n.id = %s
"""


def backfill_inbound() -> int:
    """Store inbound messages that the provider lists and we do not have; returns how many changes that made."""
    with tenancy.system():
        numbers = sql.fetch_rows(NUMBERS)
    repaired_count = 0
    for row in numbers:
        with isolation.contain("Missed messages", row["organization_id"], row["id"]):
            try:
                repaired_count += _backfill_number(row["id"])
            except (ingest.NotRouted, ingest.ClosedMeanwhile) as error:  # a race, gone at the next backfill
                log.warning("Number %s is looked at again: %s", row["id"], error)
    return repaired_count


def _backfill_number(number_id: UUID) -> int:
    with tenancy.system():
        rows = sql.fetch_rows(NUMBER, [FURTHEST, number_id])
    if not rows:  # it was disconnected meanwhile
        return 0
    number = rows[0]
    since = max(number["since"], number["newest"] - OVERLAP) if number["newest"] else number["since"]
    try:
        secret = encryption.decrypt(number["auth_token"])
        provider_messages = channels.received_messages(number["account_sid"], secret, number["phone"], since)
    except (channels.Away, channels.Refusal, InvalidToken) as error:
        log.warning("%s: what came in can't be compared (%s).", number["account_sid"], type(error).__name__)
        return 0
    # The newest message's webhook may still be in our queue; storing it twice changes nothing.
    # Twilio's times have whole seconds. A microsecond for each place keeps the list's order within one.
    provider_messages = [
        replace(message, occurred_at=message.occurred_at + place * TICK)
        for place, message in enumerate(provider_messages)
    ]
    repaired_count = 0
    for start in range(0, len(provider_messages), BATCH):
        batch = provider_messages[start : start + BATCH]
        with tenancy.system():
            messages = Message.objects.filter(
                platform="SMS", provider_id__in=[message.provider_id for message in batch]
            )
            known_ids = set(messages.values_list("provider_id", flat=True))
            changes = ingest.receive_messages(message for message in batch if message.provider_id not in known_ids)
            event_log.record_events(changes)
            repaired_count += len(changes)
    if repaired_count:
        log.warning(
            "%s messages to %s had not been brought to us and are here now.", repaired_count, number["account_sid"]
        )
    return repaired_count
