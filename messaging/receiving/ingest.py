"""Turning stored webhooks into contacts, conversations and messages, in sets, each provider id once."""

import logging
from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from integrations import isolation, providers
from integrations.events import (
    Echo,
    Edited,
    ErasureRequested,
    Ignored,
    InboundMessage,
    Incoming,
    Reaction,
    Referred,
    StatusUpdate,
    Unsent,
    Unsupported,
    Watermark,
)
from integrations.models import WebhookEvent
from messagehub import sql, tenancy
from messaging.live import event_log
from messaging.receiving import arrivals, echoes, erasure, message_changes
from messaging.sending import delivery_reports, watermarks

log = logging.getLogger(__name__)
BATCH = 200
ARRIVING = (InboundMessage, Echo, Referred)
MOST_WAITS = 7  # for the message that a report is about; the last attempt sets it aside
BATCH_SOURCES = {source for provider in providers.all_providers() for source in provider.batch_sources}

# Eight attempts with doubling pauses take about four minutes. So long a status report without a known message is tried
# again too; then it is kept for operators.
WAITING = """
FROM webhook_events
WHERE processed_at IS NULL AND quarantined = '' AND attempts < 8 AND (try_again_at IS NULL OR try_again_at <= now())
  AND (%s::uuid[] IS NULL OR id = ANY(%s::uuid[]))
ORDER BY id LIMIT %s::int
"""
CLAIM = f"SELECT id, source, account, query, body, created_at, attempts {WAITING} FOR UPDATE SKIP LOCKED"
DONE = "UPDATE webhook_events SET processed_at = now(), error = '' WHERE id = ANY(%s::uuid[])"
FAILED = """
UPDATE webhook_events SET attempts = attempts + 1, error = %s, try_again_at = now() + interval '1 s' * 2 ^ attempts
WHERE id = %s
"""
# In the time of their batch; their keys are made in its order.
SPLIT = """
INSERT INTO webhook_events (created_at, source, account, dedupe_key, body)
SELECT %s, %s, %s, part.key, part.body FROM unnest(%s::text[], %s::bytea[]) WITH ORDINALITY AS part (key, body, place)
ORDER BY part.place
ON CONFLICT DO NOTHING
"""
# Its parts have everything that it had, and an unsent message's content has to go from everywhere.
EMPTY = "UPDATE webhook_events SET body = '' WHERE id = %s"
SET_ASIDE = "UPDATE webhook_events SET quarantined = %s WHERE id = %s"


class NotAlone(Exception):
    """A request for erasing came with other webhooks. It locks contacts, and must not hold others' messages before."""

    def __init__(self) -> None:
        super().__init__("A request for erasing is processed by itself.")


def drain_webhooks(limit: int = BATCH) -> int:
    """Process the oldest waiting webhooks; returns how many. Raises only when the database is away."""
    try:
        return _process_batch(limit)
    except isolation.DATABASE_AWAY:  # the worker repeats the call
        raise
    except Exception as error:
        # One bad webhook rolled back the whole batch. One by one, it stops only itself.
        log.warning("A batch of webhooks failed (%s) and is tried one by one.", type(error).__name__)
    return _process_each(limit)


def process_events(ids: Sequence) -> int:
    """Process failed or waiting webhooks again now; returns how many succeeded."""
    with tenancy.system():
        WebhookEvent.objects.filter(pk__in=ids, processed_at=None).update(
            attempts=0, try_again_at=None, error="", quarantined=""
        )
    return sum(_process_one(pk) for pk in ids)


def _process_each(limit: int) -> int:
    with tenancy.system():
        event_ids = [row["id"] for row in sql.fetch_rows(f"SELECT id {WAITING}", [None, None, limit])]
    for pk in event_ids:
        _process_one(pk)
    return len(event_ids)


def _process_one(pk) -> bool:
    try:
        _process_batch(1, [pk])
    except isolation.DATABASE_AWAY:
        raise
    except arrivals.ClosedMeanwhile as error:
        _record_failure(pk, f"{error}")
        return False
    except Exception as error:
        log.exception("Webhook %s could not be processed.", pk)
        _record_failure(pk, f"{type(error).__name__}: {error}")
        return False
    return True


def _record_failure(pk, error: str) -> None:
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(FAILED, [error.encode(errors="replace").decode().replace("\0", "")[:2000], pk])


def _process_batch(limit: int, only: list | None = None) -> int:
    """Claim, process and mark a batch in one transaction, so that a crash leaves all of it waiting."""
    with tenancy.system():
        rows = sql.fetch_prepared(CLAIM, [only, only, limit])
        if not rows:
            return 0
        events = _read_events(rows)
        if len(rows) > 1 and any(isinstance(event, ErasureRequested) for _, event in events):
            raise NotAlone
        patient_ids = {row["id"] for row in rows if row["attempts"] < MOST_WAITS}
        changes, unmatched_ids = _apply_events(events, patient_ids)
        event_log.record_events(changes)
        sql.fetch_prepared(DONE, [[pk for pk, _ in events if pk not in unmatched_ids]])
        for pk in unmatched_ids:
            if pk in patient_ids:
                _wait_for_message(pk)
            else:
                _set_aside(pk, "It is about a message that is not here.")
        return len(rows)


def _read_events(rows: Sequence[dict]) -> list[tuple[UUID, Incoming]]:
    """The events of webhooks, by id. Batches are split; what can't be processed is set aside."""
    events: list[tuple[UUID, Incoming]] = []
    for row in rows:
        try:
            if row["source"] in BATCH_SOURCES:
                _split_batch(row)
                events.append((row["id"], Ignored("split")))
                continue
            event = providers.parse_event(
                row["source"], row["account"], bytes(row["body"]), row["query"], row["created_at"]
            )
        except ValueError as error:
            _set_aside(row["id"], str(error))
            continue
        if isinstance(event, Unsupported):
            _set_aside(row["id"], event.reason)
        else:
            events.append((row["id"], event))
    return _drop_unrouted(events)


def _split_batch(row: dict) -> None:
    """Store each event of a batch as a webhook of its own, in their order. Raises ValueError."""
    source, parts = providers.split_batch(row["source"], bytes(row["body"]))
    keys, bodies = [part.dedupe_key for part in parts], [part.body for part in parts]
    with connection.cursor() as cursor:
        cursor.execute(SPLIT, [row["created_at"], source, row["account"], keys, bodies])
        cursor.execute(EMPTY, [row["id"]])


def _drop_unrouted(events: list[tuple[UUID, Incoming]]) -> list[tuple[UUID, Incoming]]:
    """Set aside messages of pages that no organization has.

    An account's own webhooks are tried again instead: its number may be on its way to another chatroom.
    """
    app_signed = {pk: event for pk, event in events if isinstance(event, ARRIVING) and not event.account}
    if not app_signed:
        return events
    routed_keys = arrivals.find_routed(app_signed.values())
    for pk, event in app_signed.items():
        if arrivals.identify_arrival(event) not in routed_keys:
            _set_aside(pk, f"No organization has the {event.platform.title()} account {event.channel_address}.")
    return [
        (pk, event)
        for pk, event in events
        if pk not in app_signed or arrivals.identify_arrival(app_signed[pk]) in routed_keys
    ]


def _apply_events(
    events: Sequence[tuple[UUID, Incoming]], patient_ids: set[UUID]
) -> tuple[list[event_log.Change], set[UUID]]:
    """Apply events; returns the changes to record, and those about a message that is not known yet."""

    def pick(*kinds: type) -> list:
        return [(pk, event) for pk, event in events if isinstance(event, kinds)]

    # Messages first, since what happens to one may stand in the same batch; and contacts and conversations are locked
    # before messages.
    sorted_echoes = echoes.sort_echoes(pick(Echo), patient_ids)
    inbound = [event for _, event in pick(InboundMessage)]
    arrivals.receive_referrals([event for _, event in pick(Referred)])
    changes = arrivals.receive_messages([*inbound, *sorted_echoes.foreign])
    report_changes, unmatched_reports = delivery_reports.apply_reports(pick(StatusUpdate) + sorted_echoes.reports)
    later_changes, unmatched_changes = message_changes.apply_message_changes(
        pick(Reaction, Edited, Unsent), patient_ids
    )
    changes += [*report_changes, *later_changes, *watermarks.apply_watermarks(pick(Watermark))]
    changes += erasure.erase_people([event for _, event in pick(ErasureRequested)])
    return changes, unmatched_reports | unmatched_changes | sorted_echoes.waiting_ids


def _wait_for_message(pk: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FAILED, ["No message of ours is known by this id yet.", pk])


def _set_aside(pk, reason: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SET_ASIDE, [reason[:200], pk])
