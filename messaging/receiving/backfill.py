"""Fetching inbound messages whose webhook never reached us, from the provider's list."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.fernet import InvalidToken

from integrations import isolation, providers
from integrations.events import InboundMessage
from integrations.models import WebhookEvent
from integrations.refusals import Away, Refusal
from messagehub import encryption, sql, tenancy
from messaging.live import event_log
from messaging.models import Message
from messaging.receiving import arrivals

log = logging.getLogger(__name__)
# By default Twilio tries an inbound webhook once more, and only when the connection failed. After that the message is
# in its list alone (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides). Of each number the hour
# before its newest known message is compared again, because the list may lag.
OVERLAP = timedelta(hours=1)
FURTHEST = timedelta(days=3)  # for numbers without a known message
BATCH = 200
TICK = timedelta(microseconds=1)
LONGEST_DELIVERY = timedelta(seconds=16)  # Twilio gives a webhook 15 s; what arrives later was brought once more


CHANNELS = """
SELECT n.id, n.organization_id FROM channels n JOIN provider_accounts a ON a.id = n.account_id
WHERE a.paused_at IS NULL AND n.retired_at IS NULL ORDER BY n.id
"""
CHANNEL = """
SELECT n.platform, n.address, a.provider, a.external_id, a.secret,
       greatest(n.created_at - interval '1 hour', now() - %s) AS since, (
    SELECT max(v.last_inbound_at) FROM conversations v WHERE v.channel_id = n.id) AS newest
FROM channels n JOIN provider_accounts a ON a.id = n.account_id
WHERE n.id = %s
"""


class Overtaken(Exception):
    """A webhook brought one of the listed messages while they were stored, and has given it another time."""


def backfill_inbound() -> int:
    """Store inbound messages that the provider lists and we do not have; returns how many changes that made."""
    with tenancy.system():
        channels = sql.fetch_rows(CHANNELS)
    repaired_count = 0
    for row in channels:
        with isolation.contain("Missed messages", row["organization_id"], row["id"]):
            try:
                repaired_count += _backfill_channel(row["id"])
            except (arrivals.NotRouted, arrivals.ClosedMeanwhile) as error:  # a race, gone at the next backfill
                log.warning("Channel %s is looked at again: %s", row["id"], error)
    return repaired_count


def _backfill_channel(channel_id: UUID) -> int:
    with tenancy.system():
        rows = sql.fetch_rows(CHANNEL, [FURTHEST, channel_id])
    if not rows:  # it was disconnected meanwhile
        return 0
    channel = rows[0]
    since = max(channel["since"], channel["newest"] - OVERLAP) if channel["newest"] else channel["since"]
    try:
        secret = encryption.decrypt(channel["secret"])
        provider_messages = providers.find_provider(channel["provider"]).list_received(
            channel["external_id"], secret, channel["platform"], channel["address"], since
        )
    except (Away, Refusal, InvalidToken) as error:
        log.warning("%s: what came in can't be compared (%s).", channel["external_id"], type(error).__name__)
        return 0
    # The webhook of the newest may still be on its way through the queue: receiving it twice changes nothing.
    # Twilio's clock has whole seconds: its order is kept within them.
    provider_messages = [
        replace(each, occurred_at=each.occurred_at + place * TICK) for place, each in enumerate(provider_messages)
    ]
    repaired_count = 0
    previous: dict[str, datetime] = {}
    for start in range(0, len(provider_messages), BATCH):
        repaired_count += _store_missing(channel, provider_messages[start : start + BATCH], previous)
    if repaired_count:
        log.warning(
            "%s messages to %s had not been brought to us and are here now.", repaired_count, channel["external_id"]
        )
    return repaired_count


def _store_missing(channel: Mapping, listed: Sequence[InboundMessage], previous: dict[str, datetime]) -> int:
    """Store those that are not known; returns how many changes that made. Updates `previous`."""
    while True:
        times = dict(previous)
        try:
            with tenancy.system():
                known = _find_times(channel, listed) | _find_times_on_their_way(channel, listed)
                missing = list(_place_missing(listed, known, times))
                changes = arrivals.receive_messages(missing)
                stored = _find_times(channel, missing)
                if any(stored[each.provider_id] != each.occurred_at for each in missing if each.provider_id in stored):
                    raise Overtaken
                event_log.record_events(changes)
        except Overtaken:  # each time by a message that is known from then on
            continue
        previous.update(times)
        return sum(change.type == event_log.CREATED for change in changes)


def _find_times(channel: Mapping, listed: Iterable[InboundMessage]) -> dict[str | None, datetime]:
    """When those were written that are stored."""
    messages = Message.objects.filter(
        platform=channel["platform"], provider_id__in=[each.provider_id for each in listed]
    )
    return dict(messages.values_list("provider_id", "occurred_at"))


def _find_times_on_their_way(channel: Mapping, listed: Iterable[InboundMessage]) -> dict[str | None, datetime]:
    """When those were written whose webhooks wait for their turn: taken from here, they would have another time."""
    id_of = {
        origin: each.provider_id
        for each in listed
        for origin in providers.list_origins(
            channel["external_id"], each.platform, each.channel_address, each.provider_id
        )
    }
    waiting = WebhookEvent.objects.filter(processed_at=None, quarantined="", attempts=0)
    webhooks = [
        (event.source, event.account, event.dedupe_key, bytes(event.body), event.query, event.created_at)
        for event in waiting.filter(
            source__in={source for source, _ in id_of}, dedupe_key__in=[key for _, key in id_of]
        )
    ]
    for batch in waiting.filter(source__in=providers.find_provider(channel["provider"]).batch_sources).iterator():
        with suppress(ValueError):  # ingest sets it aside
            source, parts = providers.split_batch(batch.source, bytes(batch.body))
            webhooks += [(source, batch.account, part.dedupe_key, part.body, "", batch.created_at) for part in parts]
    times: dict[str | None, datetime] = {}
    for source, account, key, body, query, received_at in webhooks:
        if (source, key) in id_of:
            with suppress(ValueError):
                event = providers.parse_event(source, account, body, query, received_at)
                if isinstance(event, InboundMessage):
                    times[id_of[source, key]] = event.occurred_at
    return times


def _place_missing(
    listed: Iterable[InboundMessage], known: Mapping[str | None, datetime], previous: dict[str, datetime]
) -> Iterator[InboundMessage]:
    """Those that are not known, each after what its sender wrote before: the last word on consent goes by it.

    The provider's time is cut to the second, while what was brought here has the moment of its arrival. `previous`
    keeps the time of each sender's last one.
    """
    for each in listed:
        at, before = known.get(each.provider_id), previous.get(each.from_address)
        if at is None:
            at = each.occurred_at
            if before and before < at + LONGEST_DELIVERY:
                at = max(at, before + TICK)
            yield replace(each, occurred_at=at)
        previous[each.from_address] = at
