"""The worker's half of sending: claim what is queued, hand it over once, settle it by the provider's answer.

A claim is committed before the provider is called, so a crash leaves a message `sending` with a lease that runs out: it
becomes `unknown`, and is not sent again unless it turns out that the provider never took it.
"""

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
from django.db import connection
from django.utils import timezone

from chatrooms import contacts
from integrations import channels, failures, health, isolation, meanings
from integrations.events import Accepted, Busy, NotReached, Outcome, OutgoingText, Refused, ShutOut, Unclear
from messagehub import encryption, sql, tenancy
from messaging.live import event_log
from messaging.models import Message
from messaging.sending import consent, flow_control, recheck, states

log = logging.getLogger(__name__)
MOST_ATTEMPTS = 8  # that failed to reach the provider; being told to wait does not count
WAITED_SECONDS = 60  # from which a queued message is asked again whether it may be sent
LAST_ATTEMPT = 32_767  # that its column can count
BURST_SECONDS = 1  # that a number with a rate may send ahead
DUE_BATCH = 200

# The numbers that have something queued, by hopping through the index from one to the next: what the longest queue
# holds makes no difference. One whose account is shut out or asked to wait is left alone.
WAITING = """
WITH RECURSIVE hop AS (
    SELECT min(from_address) AS phone FROM messages WHERE status = 'queued'
    UNION ALL
    SELECT (SELECT min(m.from_address) FROM messages m WHERE m.status = 'queued' AND m.from_address > hop.phone)
    FROM hop WHERE hop.phone IS NOT NULL
)
SELECT n.id, n.organization_id, n.twilio_account_id, n.segments_per_second
FROM hop JOIN sender_numbers n ON n.phone = hop.phone JOIN twilio_accounts a ON a.id = n.twilio_account_id
WHERE a.paused_at IS NULL AND (a.held_until IS NULL OR a.held_until <= now())
  AND (n.held_until IS NULL OR n.held_until <= now())
"""
# Numbers with a rate are held until the commit, so that two workers can't both use it up.
RATES = """
SELECT id, segments_per_second,
       greatest(0, extract(epoch FROM now() + interval '1 s' * %s - greatest(next_segment_at, now()))) AS seconds
FROM sender_numbers WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
SPENT = """
UPDATE sender_numbers n
SET next_segment_at = greatest(n.next_segment_at, now()) + interval '1 s' * (u.segments / n.segments_per_second::float)
FROM unnest(%s::uuid[], %s::int[]) AS u (id, segments) WHERE n.id = u.id
"""
CLAIM = """
WITH due AS (
    SELECT m.id, n.id AS number_id, n.messaging_service_sid, n.twilio_account_id, a.account_sid, a.auth_token
    FROM unnest(%s::uuid[], %s::int[]) AS share (number_id, most)
    JOIN sender_numbers n ON n.id = share.number_id
    JOIN twilio_accounts a ON a.id = n.twilio_account_id
    CROSS JOIN LATERAL (
        SELECT q.id FROM messages q
        WHERE q.status = 'queued' AND q.from_address = n.phone AND q.organization_id = n.organization_id
          AND (q.not_before IS NULL OR q.not_before <= now())
          AND (q.campaign_id IS NULL OR EXISTS (  -- a paused campaign's wait; one that was unknown may outlast its own
              SELECT FROM campaigns g WHERE g.id = q.campaign_id AND g.state IN ('running', 'done')))
        ORDER BY q.priority, q.id LIMIT share.most FOR NO KEY UPDATE SKIP LOCKED
    ) m
)
UPDATE messages m
SET status = 'sending', attempt = least(m.attempt::int + 1, %s), lease_until = now() + interval '1 s' * %s
FROM due WHERE m.id = due.id
RETURNING m.id, m.organization_id, m.attempt, m.content,
          ARRAY(SELECT jsonb_array_elements_text(m.media_urls) WHERE jsonb_typeof(m.media_urls) = 'array')
              AS media_urls,
          m.from_address, m.to_address, m.segments, m.priority,
          extract(epoch FROM now() - greatest(m.created_at, m.send_at)) AS waited,
          due.number_id, due.messaging_service_sid, due.twilio_account_id, due.account_sid, due.auth_token
"""
# Who was blocked or has opted out since, or whose number is retired: asked for every message, and cheap by its keys.
UNWANTED = """
SELECT m.id FROM messages m
JOIN contacts c ON c.id = m.contact_id
JOIN sender_numbers n ON n.phone = m.from_address AND n.organization_id = m.organization_id
WHERE m.id = ANY(%s) AND (c.blocked_at IS NOT NULL OR n.retired_at IS NOT NULL OR 'opt_out' = (
    SELECT e.kind FROM consent_entries e WHERE e.sender_number_id = n.id AND e.address = m.to_address
    ORDER BY e.created_at DESC, e.id DESC LIMIT 1))
"""
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
SELECT m.id, m.organization_id, v.sender_number_id AS subject_id
FROM messages m LEFT JOIN conversations v ON v.id = m.conversation_id
WHERE {} AND m.id <> ALL(%s::uuid[]) ORDER BY m.id
"""
LEASES = isolation.Batches("Messages without an answer", FIND.format("m.status = 'sending' AND m.lease_until < now()"))
SENDERS = isolation.Batches(
    "Sending",
    f"SELECT id, organization_id, id AS subject_id FROM ({WAITING}) AS waiting WHERE id <> ALL(%s::uuid[]) ORDER BY id",
)
SCHEDULED = isolation.Batches("Scheduled messages", FIND.format("m.status = 'scheduled' AND m.send_at <= now()"))
UNSETTLED = """
SELECT id, organization_id, chatroom_id, conversation_id, contact_id, to_address, status, attempt,
       failures, provider_id, segments, tokens, sent_by_id, error_code, error_message, not_before, lease_until
FROM messages WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
SETTLE = """
UPDATE messages m
SET status = u.status, provider_id = u.provider_id, segments = u.segments,
    failures = u.failures, not_before = u.not_before, error_code = u.error_code, error_message = u.error_message,
    lease_until = NULL
FROM json_to_recordset(%s) AS u (
    id uuid, status text, provider_id text, segments int, failures int, not_before timestamptz,
    error_code text, error_message text)
WHERE m.id = u.id
"""
SETTLED = (
    "id", "status", "provider_id", "segments", "failures", "not_before", "error_code", "error_message"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this worker alone may hand over, until its lease ends. The attempt number fences it."""

    text: OutgoingText
    attempt: int
    account_id: UUID
    number_id: UUID
    claimed_at: tuple[float, float]  # before the claim, by the clock that only runs and by the one on the wall

    @property
    def is_ours(self) -> bool:
        """Whether enough of the lease is left to hand it over. A process that was held up must not send any more:
        by then the message may have been given up, paid back, and sent again by somebody.
        """
        passed = max(now - then for now, then in zip(_clocks(), self.claimed_at, strict=True))
        return passed < settings.SEND_LEASE_SECONDS / 2


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.time()


def claim_messages(room: int, free: Mapping[UUID, int] | None = None) -> list[Claimed]:
    """Take up to `room` queued messages, committed as `sending` before anybody calls the provider.

    `free` says how many more of each account may be in flight. Organizations, and within them numbers, get alike; of a
    number what people wrote goes before what goes to many.
    """
    claimed_at = _clocks()
    taken = [row for rows in SENDERS.take(partial(_claim, room, free)) for row in rows]
    claimed, unreadable = [], []
    secrets: dict[str, str] = {}  # each opened once, and forgotten with this claim
    for row in sorted(taken, key=lambda row: (row["priority"], row["id"])):
        try:
            if row["auth_token"] not in secrets:
                secrets[row["auth_token"]] = encryption.decrypt(row["auth_token"])
            text = _outgoing(row, secrets[row["auth_token"]])
            claimed.append(Claimed(text, row["attempt"], row["twilio_account_id"], row["number_id"], claimed_at))
        except (ValueError, InvalidToken):
            unreadable.append(row)
    if unreadable:
        _put_back(unreadable)
    return claimed


def _claim(
    room: int, free: Mapping[UUID, int] | None, only: Sequence[UUID] | None, left_out: Sequence[UUID]
) -> list[dict]:
    """Claim messages of all numbers that wait, or of these, within the caller's transaction."""
    waiting = [
        row for row in sql.fetch_rows(WAITING) if (only is None or row["id"] in only) and row["id"] not in left_out
    ]
    allowed = _rates([row["id"] for row in waiting if row["segments_per_second"]])
    senders = [
        flow_control.Sender(row["id"], row["organization_id"], row["twilio_account_id"], allowed.get(row["id"]))
        for row in waiting
        if row["segments_per_second"] is None or row["id"] in allowed
    ]
    shares = flow_control.shares(senders, room, free if free is not None else {row.account_id: room for row in senders})
    if not shares:
        return []
    rows = sql.fetch_rows(CLAIM, [list(shares), list(shares.values()), LAST_ATTEMPT, settings.SEND_LEASE_SECONDS])
    rows = _still_wanted(rows)
    _spend([row for row in rows if row["number_id"] in allowed])
    return rows


def _still_wanted(found: list[dict]) -> list[dict]:
    """Leave out what may not be sent any more. Who waited, for a paused account say, is asked everything again."""
    if not found:
        return found
    doubtful = {row["id"] for row in sql.fetch_rows(UNWANTED, [[row["id"] for row in found]])}
    doubtful |= {row["id"] for row in found if row["waited"] > WAITED_SECONDS}
    doubtful |= consent.find_opt_outs_by_form((row["id"], row["to_address"]) for row in found)
    stopped = recheck.recheck_claimed([row for row in found if row["id"] in doubtful])
    return [row for row in found if row["id"] not in stopped]


def _rates(numbers: list[UUID]) -> dict[UUID, int]:
    """How many segments the numbers with a rate may send now; those that another worker looks at are left out."""
    if not numbers:
        return {}
    found = sql.fetch_rows(RATES, [BURST_SECONDS, numbers])
    return {row["id"]: int(float(row["seconds"]) * row["segments_per_second"]) for row in found}


def _spend(claimed: Sequence[dict]) -> None:
    segments: dict[UUID, int] = {}
    for row in claimed:
        segments[row["number_id"]] = segments.get(row["number_id"], 0) + row["segments"]
    if segments:
        with connection.cursor() as cursor:
            cursor.execute(SPENT, [list(segments), list(segments.values())])


def _outgoing(row: dict, secret: str) -> OutgoingText:
    return OutgoingText(
        message_id=row["id"],
        account=row["account_sid"],
        secret=secret,
        from_address=row["from_address"],
        to_address=row["to_address"],
        body=row["content"],
        callback_url=channels.callback_url(row["id"]),
        messaging_service=row["messaging_service_sid"],
        media_urls=tuple(row["media_urls"]),
    )


def _put_back(rows: Sequence[dict]) -> None:
    """An account whose token no key of ours opens waits for an operator; nobody else's does."""
    log.error("The token of %s can't be decrypted.", ", ".join(sorted({row["account_sid"] for row in rows})))
    with tenancy.system():
        Message.objects.filter(pk__in=[row["id"] for row in rows], status="sending").update(
            status="queued", lease_until=None
        )
        for account_id in sorted({row["twilio_account_id"] for row in rows}):
            health.pause_account(account_id, health.UNREADABLE, "The token that we keep can't be read any more.")


# ---------------------------------------------------------------- the answer
def settle_outcomes(outcomes: Sequence[tuple[Claimed, Outcome]]) -> None:
    """Write down what the provider answered, all in one transaction and one statement for the messages.

    Fenced: an answer to another attempt than the row's is ignored, and a state that a callback has raised meanwhile
    stays.
    """
    answers = {claimed.text.message_id: (claimed, outcome) for claimed, outcome in outcomes}
    with tenancy.system():
        changed, refused = [], []
        for row in sql.fetch_rows(UNSETTLED, [list(answers)]):
            claimed, outcome = answers[row["id"]]
            if row["attempt"] != claimed.attempt:
                continue
            before = row["status"]
            if _settle(row, outcome):
                changed.append(row)
            if before != "failed" and row["status"] == "failed":
                refused.append((claimed, row))
        _write(changed)
        for claimed, row in sorted(refused, key=lambda each: (str(each[1]["sent_by_id"]), each[1]["id"])):
            states.refund_message(row, state="failed", reason=f"Not sent: {row['error_code']}")
            _learn(claimed, row)
        _slow_down(answers.values())
        event_log.record_events([states.message_updated(row) for row in changed])
    _mark_numbers([row for _, row in refused])


def give_up(claimed: Claimed) -> None:
    """The provider's answer can't be written down: the message is unknown, and reconciled like any other."""
    settle_outcomes([(claimed, Unclear("The provider's answer made no sense."))])


def _settle(row: dict, outcome: Outcome) -> bool:
    """Bring the row to what the answer says; whether that changed anything."""
    if isinstance(outcome, Accepted):
        row |= {"provider_id": outcome.provider_id, "segments": outcome.segments}
        # Also one that was given up as not sent: somebody held this answer back for a quarter of an hour.
        if row["status"] in ("sending", "unknown", "not_sent"):
            row |= {"status": "accepted", "error_code": "", "error_message": ""}
        return True
    if row["status"] not in ("sending", "unknown"):
        return False  # a callback knows better than a lost answer
    spent = isinstance(outcome, NotReached) and row["failures"] + 1 >= MOST_ATTEMPTS
    if isinstance(outcome, Refused):
        row |= {"error_code": outcome.code, "error_message": failures.describe_failure(outcome.code, outcome.message)}
        row |= {"status": "failed"}
    elif spent:
        row |= {"error_code": "unreachable", "error_message": failures.describe_failure("unreachable")}
        row |= {"status": "failed"}
    elif isinstance(outcome, NotReached):
        row |= {"status": "queued", "failures": row["failures"] + 1}
        row["not_before"] = _after(random.uniform(0.5, min(300, 2 ** row["failures"])))  # noqa: S311  jitter
    elif isinstance(outcome, Busy):
        row |= {"status": "queued", "not_before": _after(outcome.retry_after)}
    elif isinstance(outcome, ShutOut):
        row |= {"status": "queued", "not_before": None}
    else:
        row |= {"status": "unknown", "error_code": "no_answer", "error_message": outcome.reason[:300]}
    return True


def _after(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def _write(rows: Sequence[dict]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(SETTLE, [orjson.dumps([{name: row[name] for name in SETTLED} for row in rows]).decode()])


def _learn(claimed: Claimed, row: dict) -> None:
    """What a refusal says beyond this message: about the recipient, or about our own number."""
    meaning = failures.explain_code(row["error_code"])
    if meaning.kind == meanings.OPTED_OUT:
        consent.record_provider_opt_out(
            row["organization_id"],
            claimed.number_id,
            row["to_address"],
            message_id=row["id"],
            text=row["error_message"],
        )
    elif meaning.kind == meanings.CONFIGURATION:
        said = f"A message from {claimed.text.from_address} was refused ({row['error_code']}): {row['error_message']}"
        health.raise_alert(row["organization_id"], claimed.number_id, row["error_code"], said)


def _mark_numbers(refused: Sequence[dict]) -> None:
    """Numbers that can't be sent to are marked, in a transaction of its own: contacts are locked before messages."""
    bad = [row for row in refused if failures.explain_code(row["error_code"]).kind == meanings.BAD_NUMBER]
    if bad:
        with tenancy.system():
            for row in sorted(bad, key=lambda row: row["contact_id"]):
                contacts.refuse_phone(row["contact_id"], row["to_address"], row["error_code"])


def _slow_down(answers) -> None:
    """Hold or pause the accounts and numbers that were told to wait or are shut out: every worker sees that."""
    for claimed, outcome in answers:
        if isinstance(outcome, ShutOut):
            health.pause_account(claimed.account_id, outcome.code, outcome.reason)
        elif isinstance(outcome, Busy) and outcome.whole_account:
            health.hold_account(claimed.account_id, outcome.retry_after)
        elif isinstance(outcome, Busy):
            health.hold_number(claimed.number_id, outcome.retry_after)


# ---------------------------------------------------------------- what time moves on
def sweep_overdue() -> int:
    """Move on what time has moved on: leases that ran out become unknown, scheduled messages that are due queued."""
    # Apart: who records twice in one transaction holds chatrooms' counters in no order.
    return sum(LEASES.take(_give_up_leases)) + sum(SCHEDULED.take(_queue_due))


def _give_up_leases(only: Sequence[UUID] | None, left_out: Sequence[UUID]) -> int:
    moved = sql.fetch_rows(OVERDUE, {"only": only, "left_out": left_out})
    event_log.record_events([states.message_updated(row) for row in moved])
    return len(moved)


def _queue_due(only: Sequence[UUID] | None, left_out: Sequence[UUID]) -> int:
    """Queue what was scheduled for now, as far as it may still be sent; returns how many were looked at."""
    due = Message.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    due = due.filter(status="scheduled", send_at__lte=timezone.now()).order_by("send_at", "pk")
    if only is not None:
        due = due.filter(pk__in=only)
    messages = list(due.exclude(pk__in=left_out).select_related(*recheck.ASKED)[:DUE_BATCH])
    recheck.recheck_messages(messages)
    return len(messages)
