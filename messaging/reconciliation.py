"""Unknown messages are settled by what the provider has, never by sending again.

A message whose answer was lost is looked for in the provider's list. Found: it is bound to it. Missing: the list may
lag, so it must be missing again a quarter of an hour later, with no callback meanwhile, before it counts as not sent
and is paid back. Where more messages fit than were lost, a person has to say.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from integrations import providers
from integrations.events import Listed
from messagehub import encryption, tenancy
from messaging import live, sending, shapes, statuses
from messaging.models import Message

BATCH = 200
CLOCKS = timedelta(minutes=2)  # how far the provider's clock may be behind ours

WAITING = """
SELECT m.id, m.organization_id, m.chatroom_id, m.conversation_id, m.content, m.from_address, m.to_address, m.tokens,
       m.sent_by_id, m.missing_since, greatest(m.created_at, m.send_at) AS since, a.account_sid, a.auth_token
FROM messages m
JOIN sender_numbers n ON n.phone = m.from_address AND n.organization_id = m.organization_id
JOIN twilio_accounts a ON a.id = n.twilio_account_id
WHERE m.status = 'unknown' AND m.platform = 'SMS'
  AND (m.looked_at IS NULL OR m.looked_at < now() - interval '1 s' * %s)
ORDER BY m.id LIMIT %s
"""
STILL_UNKNOWN = """
SELECT id FROM messages WHERE id = ANY(%s) AND status = 'unknown' AND provider_id IS NULL
ORDER BY id FOR NO KEY UPDATE
"""
TAKEN = "SELECT provider_id FROM messages WHERE platform = 'SMS' AND provider_id = ANY(%s)"
AMBIGUOUS = "More than one message at the provider fits. Look there, then say which is right."


def reconcile(limit: int = BATCH) -> int:
    """Look for unknown messages at the provider and settle those that can be; returns how many were looked for."""
    with tenancy.system():
        waiting = shapes.rows(WAITING, [settings.RECONCILE_SECONDS, limit])
    alike = defaultdict(list)
    for row in waiting:
        alike[row["account_sid"], row["from_address"], row["to_address"]].append(row)
    for (account, sender, recipient), rows in alike.items():
        try:
            since = min(row["since"] for row in rows) - CLOCKS
            secret = encryption.decrypt(rows[0]["auth_token"])
            listed = providers.sent_messages(account, secret, sender, recipient, since)
        except (providers.Away, providers.Refusal):
            continue  # not looked for: its time goes on when the provider can be asked
        settle(rows, listed)
    return len(waiting)


def settle(rows: Sequence[dict], listed: Sequence[Listed]) -> None:
    """Bring unknown messages of one sender to one recipient in line with the provider's list of them."""
    with tenancy.system():
        still = {row["id"] for row in shapes.rows(STILL_UNKNOWN, [[row["id"] for row in rows]])}
        taken = {row["provider_id"] for row in shapes.rows(TAKEN, [[each.provider_id for each in listed]])}
        lost, free = defaultdict(list), defaultdict(list)
        for row in rows:
            if row["id"] in still:
                lost[row["content"]].append(row)
        for each in listed:
            if each.provider_id not in taken:
                free[each.body].append(each)
        changed = [row for text, same in lost.items() for row in _match(same, free[text])]
        Message.objects.filter(pk__in=still).update(looked_at=timezone.now())
        live.record([sending.updated(row) for row in sorted(changed, key=lambda row: row["id"])])


def _match(lost: list[dict], found: list[Listed]) -> list[dict]:
    """Settle messages of one text. The same text to the same person: which of ours is which makes no difference."""
    if len(found) > len(lost):
        return [row for row in lost if _note(row, error_code="ambiguous", error_message=AMBIGUOUS)]
    changed = []
    for row, each in zip(lost, found, strict=False):
        _bind(row, each)
        changed.append(row)
    return changed + [row for row in lost[len(found) :] if _missing(row)]


def _bind(row: dict, each: Listed) -> None:
    now, failed = timezone.now(), each.status in statuses.FAILURES
    values = {
        "status": each.status,
        "status_rank": statuses.RANK[each.status],
        "provider_id": each.provider_id,
        "segments": each.segments,
        "error_code": each.error_code if failed else "",
        "error_message": statuses.reason(each.error_code) if failed else "",
    }
    if each.status in ("sent", "delivered", "read"):
        values["sent_at"] = now
    if each.status in ("delivered", "read"):
        values["delivered_at"] = now
    Message.objects.filter(pk=row["id"]).update(**values)


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
        status_rank=statuses.RANK["not_sent"],
        error_code="not_sent",
        error_message="It never reached the provider. It was not sent, and can be sent again.",
    )
    sending.refund(row, reason="Not sent: it never reached the provider")
    return True


def _note(row: dict, **values: str) -> bool:
    return bool(Message.objects.filter(pk=row["id"]).exclude(**values).update(**values))
