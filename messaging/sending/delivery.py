"""The worker's half of sending: claim queued messages, and settle them by the provider's answers."""

import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import orjson
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.utils import timezone

from chatrooms import contacts
from integrations import failures, health, isolation, meanings, providers
from integrations.events import Accepted, Busy, NotReached, Outcome, OutgoingText, Refused, ShutOut, Unclear
from messagehub import encryption, sentences, sql, tenancy
from messaging.consent import entries
from messaging.live import event_log
from messaging.media import links
from messaging.models import Message
from messaging.sending import flow_control, recheck, states

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 8  # calls that did not reach the provider; being told to wait does not count
WAITED_SECONDS = 60  # after this time in the queue, everything is checked again and not only consent
LAST_ATTEMPT = 32_767  # the largest value of a smallint
BURST_SECONDS = 1  # how far a channel with a rate may be ahead of it; what is not used is not saved up

# Channels with a queued message, by a loose index scan: each step jumps to the next channel, so the length of a queue
# makes no difference. SELECT DISTINCT would read every queued message. Paused and held accounts are left out, but not
# retired channels: their messages are claimed to fail, with a refund, and their account may never be let in again.
WAITING = """
WITH RECURSIVE hop AS (
    (SELECT channel_id FROM messages WHERE status = 'queued' ORDER BY channel_id LIMIT 1)
    UNION ALL
    SELECT (SELECT m.channel_id FROM messages m WHERE m.status = 'queued' AND m.channel_id > hop.channel_id
            ORDER BY m.channel_id LIMIT 1)
    FROM hop WHERE hop.channel_id IS NOT NULL
)
SELECT n.id, n.organization_id, n.account_id, n.segments_per_second
FROM hop JOIN channels n ON n.id = hop.channel_id JOIN provider_accounts a ON a.id = n.account_id
WHERE n.retired_at IS NOT NULL
   OR a.paused_at IS NULL AND (a.held_until IS NULL OR a.held_until <= now())
      AND (n.held_until IS NULL OR n.held_until <= now())
"""
# Channels with a rate are locked until the commit, so that two workers can't both use it up. SKIP LOCKED leaves out
# those that another worker claims for at this moment.
RATES = """
SELECT id, segments_per_second,
       greatest(0, extract(epoch FROM now() + interval '1 s' * %s::float - greatest(next_segment_at, now()))) AS seconds
FROM channels WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
SPENT = """
UPDATE channels n
SET next_segment_at = greatest(n.next_segment_at, now()) + interval '1 s' * (u.segments / n.segments_per_second::float)
FROM unnest(%s::uuid[], %s::int[]) AS u (id, segments) WHERE n.id = u.id
"""
# One LATERAL query for each channel walks that channel's index of queued messages and stops at its share. Replies have
# a higher priority than campaigns. `sending` and the lease are committed before the provider is called.
# A campaign's message waits while the campaign is paused: pausing rewrites no messages. It may go out after the
# campaign is done, because an unknown message, for which no campaign waits, can become queued by a late answer.
CLAIM = """
WITH due AS (
    SELECT m.id, n.id AS channel_id, n.platform, n.messaging_service_sid, n.account_id, a.provider,
           a.external_id, a.secret
    FROM unnest(%s::uuid[], %s::int[]) AS share (channel_id, most)
    JOIN channels n ON n.id = share.channel_id
    JOIN provider_accounts a ON a.id = n.account_id
    CROSS JOIN LATERAL (
        SELECT q.id FROM messages q
        WHERE q.status = 'queued' AND q.channel_id = n.id
          AND (q.not_before IS NULL OR q.not_before <= now())
          AND (q.campaign_id IS NULL OR EXISTS (
              SELECT FROM campaigns g WHERE g.id = q.campaign_id AND g.state IN ('running', 'done')))
        ORDER BY q.priority, coalesce(q.send_at, q.created_at), q.id LIMIT share.most FOR NO KEY UPDATE SKIP LOCKED
    ) m
)
UPDATE messages m
SET status = 'sending', attempt = least(m.attempt::int + 1, %s::int), attempted_at = statement_timestamp(),
    lease_until = now() + interval '1 s' * %s::float
FROM due WHERE m.id = due.id
RETURNING m.id, m.organization_id, m.attempt, m.content,
          ARRAY(SELECT jsonb_array_elements_text(m.media_urls) WHERE jsonb_typeof(m.media_urls) = 'array')
              AS media_urls,
          m.from_address, m.to_address, m.segments, m.priority,
          m.campaign_id IS NOT NULL OR m.automatic <> '' AS is_impersonal,
          extract(epoch FROM now() - greatest(m.created_at, m.send_at)) AS waited,
          CASE WHEN due.platform <> 'SMS' THEN (
              SELECT now() - v.last_inbound_at FROM conversations v WHERE v.id = m.conversation_id) END AS unheard,
          due.channel_id, due.platform, due.messaging_service_sid, due.account_id, due.provider, due.external_id,
          due.secret
"""
# Asked for every claimed message, since it is read by primary keys: contacts that were blocked or opted out after the
# message was queued, and channels that were retired.
UNWANTED = f"""
SELECT m.id FROM messages m
JOIN contacts c ON c.id = m.contact_id
JOIN channels n ON n.id = m.channel_id
JOIN organizations o ON o.id = m.organization_id
WHERE m.id = ANY(%s::uuid[]) AND (c.blocked_at IS NOT NULL OR n.retired_at IS NOT NULL OR
    {entries.OPTED_OUT.format(address="m.to_address")})
"""
SENDERS = isolation.Batches(
    "Sending",
    f"SELECT id, organization_id, id AS subject_id FROM ({WAITING}) AS waiting WHERE id <> ALL(%s::uuid[]) ORDER BY id",
)
UNSETTLED = """
SELECT id, organization_id, chatroom_id, conversation_id, contact_id, to_address, status, attempt,
       failures, provider_id, segments, tokens, sent_by_id, error_code, error_message, not_before, lease_until
FROM messages WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
# All columns as one JSON text, which costs the worker less CPU than an array for each column.
SETTLE = """
UPDATE messages m
SET status = u.status, provider_id = u.provider_id, segments = u.segments,
    failures = u.failures, not_before = u.not_before, error_code = u.error_code, error_message = u.error_message,
    lease_until = NULL
FROM json_to_recordset(%s::json) AS u (
    id uuid, status text, provider_id text, segments int, failures int, not_before timestamptz,
    error_code text, error_message text)
WHERE m.id = u.id
"""
SETTLED = (
    "id", "status", "provider_id", "segments", "failures", "not_before", "error_code", "error_message"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that only this worker may send until its lease ends. `attempt` fences off answers that come later."""

    text: OutgoingText
    attempt: int
    account_id: UUID
    channel_id: UUID
    # Monotonic and wall clock before the claim: suspending stops the one, and a correction moves the other.
    claimed_at: tuple[float, float]

    @property
    def is_ours(self) -> bool:
        """Whether less than half of the lease has passed, so that the call ends within it."""
        # A process that was stopped for longer must not send: the message may be unknown, refunded and retried by now.
        elapsed = max(end - start for end, start in zip(_clocks(), self.claimed_at, strict=True))
        return elapsed < settings.SEND_LEASE_SECONDS / 2


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.time()


def claim_messages(room: int, capacity_of: Mapping[UUID, int] | None = None) -> list[Claimed]:
    """Claim up to `room` queued messages and commit them as `sending`.

    `capacity_of` is how many more messages of each account may be in flight.
    """
    claimed_at = _clocks()
    rows = [row for batch in SENDERS.take(partial(_claim_rows, room, capacity_of)) for row in batch]
    claims, unreadable = [], []
    secret_of: dict[str, str] = {}  # decrypted once for each claim, and kept in memory no longer than that
    for row in sorted(rows, key=lambda row: (row["priority"], row["id"])):
        try:
            if row["secret"] not in secret_of:
                secret_of[row["secret"]] = encryption.decrypt(row["secret"])
            text = _build_text(row, secret_of[row["secret"]])
            claims.append(Claimed(text, row["attempt"], row["account_id"], row["channel_id"], claimed_at))
        except (ValueError, InvalidToken):
            unreadable.append(row)
    if unreadable:
        _requeue_unreadable(unreadable)
    return claims


def _claim_rows(
    room: int, capacity_of: Mapping[UUID, int] | None, only: Sequence[UUID] | None, left_out: Sequence[UUID]
) -> list[dict]:
    """Claim within the caller's transaction, from all channels with queued messages or `only` from some."""
    channels = [
        row for row in sql.fetch_prepared(WAITING) if (only is None or row["id"] in only) and row["id"] not in left_out
    ]
    allowances = _lock_rates([row["id"] for row in channels if row["segments_per_second"]])
    senders = [
        flow_control.Sender(row["id"], row["organization_id"], row["account_id"], allowances.get(row["id"]))
        for row in channels
        if row["segments_per_second"] is None or row["id"] in allowances
    ]
    capacity_of = {row.account_id: room for row in senders} if capacity_of is None else capacity_of
    shares = flow_control.shares(senders, room, capacity_of)
    if not shares:
        return []
    rows = sql.fetch_prepared(CLAIM, [list(shares), list(shares.values()), LAST_ATTEMPT, settings.SEND_LEASE_SECONDS])
    rows = _drop_unsendable(rows)
    _use_rates([row for row in rows if row["channel_id"] in allowances])
    return rows


def _drop_unsendable(rows: list[dict]) -> list[dict]:
    """Leave out messages that may not be sent any more; `recheck` has failed, refunded or delayed them."""
    if not rows:
        return rows
    doubtful_ids = {row["id"] for row in sql.fetch_prepared(UNWANTED, [[row["id"] for row in rows]])}
    doubtful_ids |= {
        row["id"] for row in rows if row["waited"] > WAITED_SECONDS or row["is_impersonal"] and _is_late(row)
    }
    doubtful_ids |= entries.find_opt_outs_by_form((row["id"], row["to_address"]) for row in rows)
    stopped_ids = recheck.recheck_claimed([row for row in rows if row["id"] in doubtful_ids])
    return [row for row in rows if row["id"] not in stopped_ids]


def _lock_rates(channel_ids: list[UUID]) -> dict[UUID, int]:
    """Segments that channels with a rate may send now. Channels that another worker has locked are left out."""
    if not channel_ids:
        return {}
    rows = sql.fetch_prepared(RATES, [BURST_SECONDS, channel_ids])
    return {row["id"]: int(float(row["seconds"]) * row["segments_per_second"]) for row in rows}


def _use_rates(rows: Sequence[dict]) -> None:
    segments_of: dict[UUID, int] = {}
    for row in rows:
        segments_of[row["channel_id"]] = segments_of.get(row["channel_id"], 0) + row["segments"]
    if segments_of:
        sql.fetch_prepared(SPENT, [list(segments_of), list(segments_of.values())])


def _build_text(row: dict, secret: str) -> OutgoingText:
    return OutgoingText(
        message_id=row["id"],
        account=row["external_id"],
        secret=secret,
        from_address=row["from_address"],
        to_address=row["to_address"],
        body=row["content"],
        callback_url=providers.find_provider(row["provider"]).callback_url(row["id"]),
        messaging_service=row["messaging_service_sid"],
        media_urls=tuple(links.sign_reference(address) for address in row["media_urls"]),
        provider=row["provider"],
        platform=row["platform"],
        tag=_choose_tag(row),
    )


def _choose_tag(row: dict) -> str:
    """HUMAN_AGENT where a person answers whom the platform's window has closed for. Nothing else is a person."""
    return "HUMAN_AGENT" if row["unheard"] and not row["is_impersonal"] and _is_late(row) else ""


def _is_late(row: dict) -> bool:
    """Whether the platform has a window, and the customer has not written within it."""
    window = providers.read_limits(row["platform"]).window
    return window is not None and (row["unheard"] is None or row["unheard"] >= window)


def _requeue_unreadable(rows: Sequence[dict]) -> None:
    """Queue messages again whose account's token can't be decrypted, and pause the account."""
    log.error("The token of %s can't be decrypted.", ", ".join(sorted({row["external_id"] for row in rows})))
    with tenancy.system():
        Message.objects.filter(pk__in=[row["id"] for row in rows], status="sending").update(
            status="queued", lease_until=None
        )
        for account_id in sorted({row["account_id"] for row in rows}):
            health.pause_account(account_id, health.UNREADABLE, "The token that we keep can't be read any more.")


# ---------------------------------------------------------------- the answer
def settle_outcomes(outcomes: Sequence[tuple[Claimed, Outcome]]) -> None:
    """Write provider answers down, all in one transaction and one UPDATE.

    An answer to an older attempt is ignored, and a status that a callback has raised meanwhile stays.
    """
    answer_of = {claim.text.message_id: (claim, outcome) for claim, outcome in outcomes}
    with tenancy.system():
        changed_rows, refusals = [], []
        consequences: list[event_log.Change] = []
        for row in sql.fetch_prepared(UNSETTLED, [list(answer_of)]):
            claim, outcome = answer_of[row["id"]]
            if row["attempt"] != claim.attempt:
                continue
            previous_status = row["status"]
            if _apply_outcome(row, outcome):
                changed_rows.append(row)
            if previous_status != "failed" and row["status"] == "failed":
                refusals.append((claim, row))
        _write_outcomes(changed_rows)
        # Wallets are locked in the order of their users, like everywhere; the event counters are locked last.
        for claim, row in sorted(refusals, key=lambda pair: (str(pair[1]["sent_by_id"]), pair[1]["id"])):
            states.refund_message(row, state="failed", reason=sentences.NOT_SENT_CODE.format(code=row["error_code"]))
            consequences += _apply_meaning(claim, row)
        _slow_senders_down(answer_of.values())
        event_log.record_events([states.message_updated(row) for row in changed_rows] + consequences)
    _mark_bad_numbers([row for _, row in refusals])


def give_up(claim: Claimed) -> None:
    """Make a message unknown whose answer can't be written down, so that it is reconciled."""
    settle_outcomes([(claim, Unclear("The provider's answer made no sense."))])


def _apply_outcome(row: dict, outcome: Outcome) -> bool:
    """Apply the answer to the row; returns whether it changed."""
    if isinstance(outcome, Accepted):
        row |= {"provider_id": outcome.provider_id, "segments": outcome.segments}
        # `not_sent` too: the provider's word beats our belief. It stays refunded.
        if row["status"] in ("sending", "unknown", "not_sent"):
            row |= {"status": "accepted", "error_code": "", "error_message": ""}
        return True
    if row["status"] not in ("sending", "unknown"):
        return False  # a callback has told more than this answer does
    is_exhausted = isinstance(outcome, NotReached) and row["failures"] + 1 >= MOST_ATTEMPTS
    if isinstance(outcome, Refused):
        row |= {"error_code": outcome.code, "error_message": failures.describe_failure(outcome.code, outcome.message)}
        row |= {"status": "failed"}
    elif is_exhausted:
        row |= {"error_code": "unreachable", "error_message": failures.describe_failure("unreachable")}
        row |= {"status": "failed"}
    elif isinstance(outcome, NotReached):
        row |= {"status": "queued", "failures": row["failures"] + 1}
        row["not_before"] = _seconds_from_now(random.uniform(0.5, min(300, 2 ** row["failures"])))  # noqa: S311  jitter
    elif isinstance(outcome, Busy):
        row |= {"status": "queued", "not_before": _seconds_from_now(outcome.retry_after)}
    elif isinstance(outcome, ShutOut):
        row |= {"status": "queued", "not_before": None}
    else:
        row |= {"status": "unknown", "error_code": "no_answer", "error_message": outcome.reason[:300]}
    return True


def _seconds_from_now(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def _write_outcomes(rows: Sequence[dict]) -> None:
    if rows:
        sql.fetch_prepared(SETTLE, [orjson.dumps([{name: row[name] for name in SETTLED} for row in rows]).decode()])


def _apply_meaning(claim: Claimed, row: dict) -> list[event_log.Change]:
    """Apply what an error code says about the recipient or our number; returns the changes to record."""
    meaning = failures.explain_code(row["error_code"])
    if meaning.kind == meanings.OPTED_OUT:
        return entries.record_provider_opt_out(
            row["organization_id"],
            claim.channel_id,
            row["to_address"],
            message_id=row["id"],
            text=row["error_message"],
        )
    elif meaning.kind == meanings.CONFIGURATION:
        words = sentences.REFUSED_MESSAGE.format(
            sender=claim.text.from_address, code=row["error_code"], answer=row["error_message"]
        )
        health.raise_alert(row["organization_id"], claim.channel_id, row["error_code"], words)
    return []


def _mark_bad_numbers(failed_rows: Sequence[dict]) -> None:
    """Mark contacts whose number the provider calls impossible."""
    # In a transaction of its own, because contacts are locked before messages and this one holds messages.
    bad_rows = [row for row in failed_rows if failures.explain_code(row["error_code"]).kind == meanings.BAD_NUMBER]
    if bad_rows:
        with tenancy.system():
            for row in sorted(bad_rows, key=lambda row: row["contact_id"]):
                contacts.refuse_phone(row["contact_id"], row["to_address"], row["error_code"])


def _slow_senders_down(answers) -> None:
    """Pause accounts that are shut out, and hold those that were told to wait, for all workers."""
    for claim, outcome in answers:
        if isinstance(outcome, ShutOut):
            health.pause_account(claim.account_id, outcome.code, outcome.reason)
        elif isinstance(outcome, Busy) and outcome.whole_account:
            health.hold_account(claim.account_id, outcome.retry_after)
        elif isinstance(outcome, Busy):
            health.hold_channel(claim.channel_id, outcome.retry_after)
