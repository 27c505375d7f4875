"""Unknown messages are settled by what the provider has, never by sending again.

A message whose answer was lost is looked for in the provider's list. Found: it is bound to it. Missing: the list may
lag, so it must be missing again a quarter of an hour later, with no callback meanwhile, before it counts as not sent
and is paid back. Where more messages fit than were lost, a person has to say.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.utils import timezone

from integrations import channels, failures, isolation
from integrations.events import Listed
from integrations.models import TwilioAccount
from messagehub import encryption, sql, tenancy
from messaging.live import event_log
from messaging.models import UNSUCCESSFUL, Message
from messaging.sending import states

log = logging.getLogger(__name__)
BATCH = 200
CLOCKS = timedelta(minutes=2)  # how far the provider's clock may be behind ours

# So many of each account: what one can't be asked for keeps no other waiting.
WAITING = """
SELECT * FROM (
    SELECT m.id, m.organization_id, m.from_address, m.to_address, n.id AS number_id, a.account_sid, a.auth_token,
           row_number() OVER (PARTITION BY a.id ORDER BY m.id) AS place
    FROM messages m
    JOIN sender_numbers n ON n.phone = m.from_address AND n.organization_id = m.organization_id
    JOIN twilio_accounts a ON a.id = n.twilio_account_id
    WHERE m.status = 'unknown' AND m.platform = 'SMS'
      AND (m.looked_at IS NULL OR m.looked_at < now() - interval '1 s' * %s)
) AS waiting
WHERE place <= %s ORDER BY id
"""
LOST = """
SELECT m.id, m.organization_id, m.chatroom_id, m.conversation_id, m.content, m.tokens, m.sent_by_id, m.missing_since,
       greatest(m.created_at, m.send_at) AS since, o.refund_policy
FROM messages m JOIN organizations o ON o.id = m.organization_id
WHERE m.id = ANY(%s) ORDER BY m.id
"""
STILL_UNKNOWN = """
SELECT id FROM messages WHERE id = ANY(%s) AND status = 'unknown' AND provider_id IS NULL
ORDER BY id FOR NO KEY UPDATE
"""
TAKEN = "SELECT provider_id FROM messages WHERE platform = 'SMS' AND provider_id = ANY(%s)"


def reconcile_unknown(limit: int = BATCH, *, pause: float | None = None) -> int:
    """Look for unknown messages at the provider and settle those that can be; returns how many were looked for.

    Each is looked for once in `pause` seconds (of the settings, if None).
    """
    with tenancy.system():
        waiting = sql.fetch_rows(WAITING, [settings.RECONCILE_SECONDS if pause is None else pause, limit])
    alike, out = defaultdict(list), set()
    for row in waiting:
        alike[row["account_sid"], row["from_address"], row["to_address"]].append(row)
    for (account, _, _), rows in alike.items():
        if account in out:
            continue
        with isolation.contain("Reconciliation", rows[0]["organization_id"], rows[0]["number_id"]):
            try:
                _look_for(rows)
            except (InvalidToken, channels.Away, channels.Refusal) as error:
                # Not looked for: its time goes on when the provider can be asked.
                log.warning("%s: unknown messages can't be looked for (%s).", account, type(error).__name__)
                if not isinstance(error, channels.Refusal):
                    out.add(account)
    return len(waiting)


def _look_for(alike: Sequence[dict]) -> None:
    """Settle unknown messages of one number to one recipient. Raises InvalidToken, Refusal and Away."""
    secret = encryption.decrypt(alike[0]["auth_token"])
    with tenancy.system():
        rows = sql.fetch_rows(LOST, [[row["id"] for row in alike]])
    if not rows:
        return
    since = min(row["since"] for row in rows) - CLOCKS
    listed = channels.sent_messages(
        alike[0]["account_sid"], secret, alike[0]["from_address"], alike[0]["to_address"], since
    )
    settle_unknown(rows, listed)


def settle_unknown(rows: Sequence[dict], listed: Sequence[Listed]) -> None:
    """Bring unknown messages of one sender to one recipient in line with the provider's list of them."""
    with tenancy.system():
        still = {row["id"] for row in sql.fetch_rows(STILL_UNKNOWN, [[row["id"] for row in rows]])}
        taken = {row["provider_id"] for row in sql.fetch_rows(TAKEN, [[each.provider_id for each in listed]])}
        lost, free = defaultdict(list), defaultdict(list)
        for row in rows:
            if row["id"] in still:
                lost[row["content"]].append(row)
        for each in listed:
            if each.provider_id not in taken:
                free[each.body].append(each)
        changed = [row for text, same in lost.items() for row in _match(same, free[text])]
        Message.objects.filter(pk__in=still).update(looked_at=timezone.now())
        event_log.record_events([states.message_updated(row) for row in sorted(changed, key=lambda row: row["id"])])


def _match(lost: list[dict], found: list[Listed]) -> list[dict]:
    """Settle messages of one text. The same text to the same person: which of ours is which makes no difference."""
    if len(found) > len(lost):
        return [
            row
            for row in lost
            if _note(row, error_code="ambiguous", error_message=failures.describe_failure("ambiguous"))
        ]
    changed = []
    for row, each in zip(lost, found, strict=False):
        _bind(row, each)
        changed.append(row)
    return changed + [row for row in lost[len(found) :] if _missing(row)]


def _bind(row: dict, each: Listed) -> None:
    now, failed = timezone.now(), each.status in UNSUCCESSFUL
    values = {
        "status": each.status,
        "provider_id": each.provider_id,
        "segments": each.segments,
        "error_code": each.error_code if failed else "",
        "error_message": failures.describe_failure(each.error_code) if failed else "",
    }
    if each.status in ("sent", "delivered", "read"):
        values["sent_at"] = now
    if each.status in ("delivered", "read"):
        values["delivered_at"] = now
    Message.objects.filter(pk=row["id"]).update(**values)
    states.refund_undelivered(row | values)


def _missing(row: dict) -> bool:
    """Note that the list does not have it; the second time, after the grace, it was not sent. Whether that changed."""
    now = timezone.now()
    if row["missing_since"] is None:
        Message.objects.filter(pk=row["id"]).update(missing_since=now)
        return False
    if now - row["missing_since"] < timedelta(seconds=settings.RECONCILE_GRACE_SECONDS):
        return False
    Message.objects.filter(pk=row["id"]).update(
        status="not_sent",
        error_code="not_sent",
        error_message=failures.describe_failure("not_sent"),
    )
    states.refund_message(row, state="not_sent", reason="Not sent")
    return True


def _note(row: dict, **values: str) -> bool:
    return bool(Message.objects.filter(pk=row["id"]).exclude(**values).update(**values))


# ---------------------------------------------------------------- one message
CONTESTED = """
SELECT m.id, m.organization_id, m.chatroom_id, m.conversation_id, m.status, m.provider_id, m.error_code, m.tokens,
       m.sent_by_id, o.refund_policy, a.account_sid, a.auth_token
FROM messages m
JOIN organizations o ON o.id = m.organization_id
JOIN sender_numbers n ON n.phone = m.from_address AND n.organization_id = m.organization_id
JOIN twilio_accounts a ON a.id = n.twilio_account_id
WHERE m.id = %s AND m.provider_id IS NOT NULL
FOR NO KEY UPDATE OF m
"""


def look_up_message(message_id: UUID) -> None:
    """Ask the provider how a message ended of which it has said two things. Raises Away to be tried again."""
    with tenancy.system():
        found = sql.fetch_rows(CONTESTED, [message_id])
    if not found:
        return
    account, secret = found[0]["account_sid"], encryption.decrypt(found[0]["auth_token"])
    listed = channels.one_sent(account, secret, found[0]["provider_id"])
    with tenancy.system():
        (row,) = sql.fetch_rows(CONTESTED, [message_id])
        if listed.status not in states.FINAL or listed.status == row["status"] or row["status"] == "read":
            return
        failed = listed.status in UNSUCCESSFUL
        row |= {"status": listed.status, "error_code": listed.error_code or "unknown" if failed else ""}
        Message.objects.filter(pk=message_id).update(
            status=listed.status,
            error_code=row["error_code"],
            error_message=failures.describe_failure(row["error_code"]) if failed else "",
        )
        states.refund_undelivered(row)
        event_log.record_events([states.message_updated(row)])


# ---------------------------------------------------------------- the other half of the proof
@dataclass(slots=True)
class Compared:
    """The provider's list against ours, of one account: ids that only one side has, or why it can't be compared."""

    account: str
    both: int
    only_there: list[str]
    only_here: list[str]
    error: str = ""

    @property
    def holds(self) -> bool:
        return not self.error and not self.only_there and not self.only_here


OURS = """
SELECT provider_id FROM messages WHERE platform = 'SMS' AND direction = 'outbound' AND provider_id = ANY(%s)
"""
MADE = """
SELECT m.provider_id FROM messages m
JOIN sender_numbers n ON n.phone = m.from_address AND n.organization_id = m.organization_id
WHERE m.direction = 'outbound' AND m.provider_id IS NOT NULL AND n.twilio_account_id = %s
  AND m.created_at >= greatest(n.created_at, %s)
"""


def compare_lists(since: datetime, until: datetime) -> Iterator[Compared]:
    """Whether the provider has exactly our messages of that time, account by account.

    From numbers of ours only, since they were connected: an account may serve other programs too, and numbers may have
    had a life before. Give `until` some minutes of distance, for what is just on its way.
    """
    with tenancy.system():
        accounts = list(TwilioAccount.objects.order_by("account_sid").values_list("pk", "account_sid"))
    for account_id, account_sid in accounts:
        try:
            yield _compare(account_id, since, until)
        except isolation.DATABASE_AWAY:
            raise
        except Exception as error:
            log.warning("%s: its list can't be compared.", account_sid, exc_info=True)
            yield Compared(account_sid, 0, [], [], type(error).__name__)


def _compare(account_id: UUID, since: datetime, until: datetime) -> Compared:
    with tenancy.system():
        account = TwilioAccount.objects.prefetch_related("sender_numbers").get(pk=account_id)
    connected = {number.phone: number.created_at for number in account.sender_numbers.all()}
    listed = channels.all_sent(account.account_sid, account.auth_token, since)
    there = {
        each.provider_id: each.created_at
        for each in listed
        if each.from_address in connected and each.created_at >= connected[each.from_address] - CLOCKS
    }
    with tenancy.system():
        known = {row["provider_id"] for row in sql.fetch_rows(OURS, [list(there)])}
        made = {row["provider_id"] for row in sql.fetch_rows(MADE, [account.pk, since + CLOCKS])}
    strangers = sorted(sid for sid, created_at in there.items() if created_at <= until and sid not in known)
    return Compared(account.account_sid, len(known), strangers, sorted(made - set(there)))
