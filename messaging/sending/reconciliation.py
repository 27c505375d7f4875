"""Settling unknown messages by the provider's list, never by sending again.

A message that the list has is bound to it. One that is missing twice, a quarter of an hour apart and without a callback
meanwhile, is `not_sent` and refunded. Where the list has more matches than were lost, a person decides, and beside a
message that was written elsewhere at that moment too: Meta may have changed ours.
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

from integrations import failures, isolation, providers
from integrations.events import Listed
from integrations.models import Platform, ProviderAccount
from integrations.refusals import Away, Refusal
from messagehub import encryption, sentences, sql, tenancy
from messaging.live import event_log
from messaging.models import UNSUCCESSFUL, Message
from messaging.sending import matching, states

log = logging.getLogger(__name__)
BATCH = 200

# A limit for each account and not for all: 200 messages of an account that can't be asked would keep the others
# waiting.
WAITING = """
SELECT * FROM (
    SELECT m.id, m.organization_id, m.from_address, m.to_address, m.channel_id, m.platform, a.id AS account_id,
           a.provider, a.external_id, a.secret,
           row_number() OVER (PARTITION BY a.id ORDER BY m.id) AS place
    FROM messages m
    JOIN channels n ON n.id = m.channel_id
    JOIN provider_accounts a ON a.id = n.account_id
    WHERE m.status = 'unknown'
      AND (m.looked_at IS NULL OR m.looked_at < now() - interval '1 s' * %s)
) AS waiting
WHERE place <= %s ORDER BY id
"""
LOST = """
SELECT m.id, m.organization_id, m.chatroom_id, m.conversation_id, m.channel_id, m.to_address, m.platform, m.content,
       m.tokens, m.sent_by_id, m.missing_since, m.attempted_at,
       coalesce(m.attempted_at, greatest(m.created_at, m.send_at)) AS since, o.refund_policy
FROM messages m JOIN organizations o ON o.id = m.organization_id
WHERE m.id = ANY(%s) ORDER BY m.id
"""
# Locked after the provider was asked: no transaction with locks waits for its answer. A callback may have come
# meanwhile.
STILL_UNKNOWN = """
SELECT id FROM messages WHERE id = ANY(%s) AND status = 'unknown' AND provider_id IS NULL
ORDER BY id FOR NO KEY UPDATE
"""
# In this organization: another one's message with this id says nothing about ours.
TAKEN = """
SELECT provider_id FROM messages WHERE provider_id = ANY(%s) AND platform = ANY(%s) AND organization_id = ANY(%s)
"""
# Echoes without our metadata: nobody here wrote or paid for these. Another text may be ours, changed by the provider.
FOREIGN = """
SELECT occurred_at FROM messages
WHERE conversation_id = ANY(%(conversations)s) AND channel_id = %(channel)s AND to_address = %(contact)s
  AND occurred_at >= %(since)s AND direction = 'outbound' AND sent_by_id IS NULL AND campaign_id IS NULL
  AND attempt = 0 AND provider_id IS NOT NULL
"""


def reconcile_unknown(limit: int = BATCH, *, pause: float | None = None) -> int:
    """Settle unknown messages by the provider's list; returns how many were due.

    Each is due once in `pause` seconds (settings.RECONCILE_SECONDS if None).
    """
    with tenancy.system():
        waiting_rows = sql.fetch_rows(WAITING, [settings.RECONCILE_SECONDS if pause is None else pause, limit])
    rows_by_pair, unreachable_accounts = defaultdict(list), set()
    for row in waiting_rows:
        rows_by_pair[row["account_id"], row["channel_id"], row["to_address"]].append(row)
    for (account, _, _), rows in rows_by_pair.items():
        if account in unreachable_accounts:
            continue
        with isolation.contain("Reconciliation", rows[0]["organization_id"], rows[0]["channel_id"]):
            try:
                _reconcile_pair(rows)
            except (InvalidToken, Away, Refusal) as error:
                # `looked_at` and `missing_since` stay: the quarter of an hour counts only while Twilio can be asked.
                name = rows[0]["external_id"]
                log.warning("%s: unknown messages can't be looked for (%s).", name, type(error).__name__)
                if not isinstance(error, Refusal):
                    unreachable_accounts.add(account)
    return len(waiting_rows)


def _reconcile_pair(waiting_rows: Sequence[dict]) -> None:
    """Settle the unknown messages of one number to one recipient. Raises InvalidToken, Refusal and Away."""
    # The list can be filtered by To, From and DateSent, but a queued message has no DateSent yet, so times are compared
    # on our side (https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources).
    first = waiting_rows[0]
    secret = encryption.decrypt(first["secret"])
    with tenancy.system():
        rows = sql.fetch_rows(LOST, [[row["id"] for row in waiting_rows]])
    if not rows:
        return
    since = min(row["since"] for row in rows) - matching.CLOCKS
    provider_messages = providers.find_provider(first["provider"]).list_sent(
        first["external_id"], secret, first["platform"], first["from_address"], first["to_address"], since
    )
    settle_unknown(rows, provider_messages)


def settle_unknown(rows: Sequence[dict], provider_messages: Sequence[Listed]) -> None:
    """Settle messages of one sender to one recipient by the provider's list of messages between the two."""
    with tenancy.system():
        unknown_ids = {row["id"] for row in sql.fetch_rows(STILL_UNKNOWN, [[row["id"] for row in rows]])}
        known_provider_ids = {
            row["provider_id"]
            for row in sql.fetch_rows(
                TAKEN,
                [
                    [each.provider_id for each in provider_messages],
                    list({row["platform"] for row in rows}),
                    list({row["organization_id"] for row in rows}),
                ],
            )
        }
        free_messages = [each for each in provider_messages if each.provider_id not in known_provider_ids]
        lost_rows = [row for row in rows if row["id"] in unknown_ids]
        changed_rows = _match_texts(lost_rows, free_messages, _find_foreign_times(lost_rows))
        Message.objects.filter(pk__in=unknown_ids).update(looked_at=timezone.now())
        event_log.record_events(
            [states.message_updated(row) for row in sorted(changed_rows, key=lambda row: row["id"])]
        )


def _find_foreign_times(lost_rows: Sequence[dict]) -> list[datetime]:
    """When something was written elsewhere to the recipient, where the provider may change what ours say."""
    if not lost_rows or lost_rows[0]["platform"] == Platform.SMS:
        return []
    columns = {
        "conversations": sorted({row["conversation_id"] for row in lost_rows}),
        "channel": lost_rows[0]["channel_id"],
        "contact": lost_rows[0]["to_address"],
        "since": min(row["since"] for row in lost_rows) - matching.CLOCKS,
    }
    return [row["occurred_at"] for row in sql.fetch_rows(FOREIGN, columns)]


def _match_texts(
    lost_rows: Sequence[dict], free_messages: Sequence[Listed], foreign_times: Sequence[datetime]
) -> list[dict]:
    """Settle messages by text and time; returns those that changed.

    Those with one text are interchangeable, so they are bound in order of time. Where more of the provider's messages
    fit than were lost, a person decides; also where one fits by its time alone and the provider changes texts.
    """
    # Twilio's messages have no field for an id of ours; only the callback's address carries it.
    lost_by_text: dict[str, list[dict]] = defaultdict(list)
    for row in lost_rows:
        lost_by_text[row["content"]].append(row)
    changed_rows, missing_rows, bound_ids = [], [], set()
    for text, alike in lost_by_text.items():
        fitting = [each for each in free_messages if each.body == text and any(_fits(row, each) for row in alike)]
        if len(fitting) > len(alike):
            changed_rows += [row for row in alike if _ask_person(row, "ambiguous")]
            continue
        pairs, rest = _pair_up(alike, fitting)
        for row, provider_message in pairs:
            _bind_message(row, provider_message)
            bound_ids.add(provider_message.provider_id)
        changed_rows += [row for row, _ in pairs]
        missing_rows += rest
    free_messages = [each for each in free_messages if each.provider_id not in bound_ids]
    for row in missing_rows:
        if _is_explained(row, free_messages, foreign_times):
            changed_rows += [row] if _record_missing(row) else []
        elif _ask_person(row, "unexplained"):
            changed_rows.append(row)
    return changed_rows


def _pair_up(rows: Sequence[dict], fitting: Sequence[Listed]) -> tuple[list[tuple[dict, Listed]], list[dict]]:
    """Each message with the first one of the provider's that fits its time, and those without one."""
    free_messages, pairs, rest = list(fitting), [], []
    for row in rows:
        if provider_message := next((each for each in free_messages if _fits(row, each)), None):
            free_messages.remove(provider_message)
            pairs.append((row, provider_message))
        else:
            rest.append(row)
    return pairs, rest


def _fits(row: dict, provider_message: Listed) -> bool:
    return matching.is_in_time(provider_message.created_at, row["since"], row["attempted_at"])


def _is_explained(row: dict, free_messages: Sequence[Listed], foreign_times: Sequence[datetime]) -> bool:
    """Whether nothing that went out at that moment may be this message with another text."""
    if row["platform"] == Platform.SMS:
        return True  # Twilio sends a text as it is given
    return not any(_fits(row, each) for each in free_messages) and not any(
        matching.is_in_time(moment, row["since"], row["attempted_at"]) for moment in foreign_times
    )


def _ask_person(row: dict, code: str) -> bool:
    """Leave it to a person; returns whether that is news."""
    return _update_if_changed(row, error_code=code, error_message=failures.describe_failure(code))


def _bind_message(row: dict, provider_message: Listed) -> None:
    current_time, is_failure = timezone.now(), provider_message.status in UNSUCCESSFUL
    values = {
        "status": provider_message.status,
        "provider_id": provider_message.provider_id,
        "segments": provider_message.segments,
        "error_code": provider_message.error_code if is_failure else "",
        "error_message": failures.describe_failure(provider_message.error_code) if is_failure else "",
    }
    if provider_message.status in ("sent", "delivered", "read"):
        # Not now: a watermark that names it covers what was sent before it. Providers list whole seconds.
        values["sent_at"] = max(provider_message.created_at, row["since"])
    if provider_message.status in ("delivered", "read"):
        values["delivered_at"] = current_time
    Message.objects.filter(pk=row["id"]).update(**values)
    states.refund_undelivered(row | values)


def _record_missing(row: dict) -> bool:
    """Record that the list does not have the message; returns whether its status changed.

    The second time, RECONCILE_GRACE_SECONDS after the first, it becomes `not_sent` and is refunded.
    """
    # Twilio documents no bound on how far its list may lag, so missing once proves nothing.
    current_time = timezone.now()
    if row["missing_since"] is None:
        Message.objects.filter(pk=row["id"]).update(missing_since=current_time)
        return False
    if current_time - row["missing_since"] < timedelta(seconds=settings.RECONCILE_GRACE_SECONDS):
        return False
    Message.objects.filter(pk=row["id"]).update(
        status="not_sent",
        error_code="not_sent",
        error_message=failures.describe_failure("not_sent"),
    )
    states.refund_message(row, state="not_sent", reason=sentences.NOT_SENT)
    return True


def _update_if_changed(row: dict, **values: str) -> bool:
    return bool(Message.objects.filter(pk=row["id"]).exclude(**values).update(**values))


# ---------------------------------------------------------------- one message
CONTESTED = """
SELECT m.id, m.organization_id, m.chatroom_id, m.conversation_id, m.status, m.provider_id, m.error_code, m.tokens,
       m.sent_by_id, o.refund_policy, a.provider, a.external_id, a.secret
FROM messages m
JOIN organizations o ON o.id = m.organization_id
JOIN channels n ON n.id = m.channel_id
JOIN provider_accounts a ON a.id = n.account_id
WHERE m.id = %s AND m.provider_id IS NOT NULL
FOR NO KEY UPDATE OF m
"""


def look_up_message(message_id: UUID) -> None:
    """Ask the provider for the status of a message that it reported both delivered and failed. Raises Away."""
    with tenancy.system():
        rows = sql.fetch_rows(CONTESTED, [message_id])
    if not rows:
        return
    account, secret = rows[0]["external_id"], encryption.decrypt(rows[0]["secret"])
    provider_message = providers.find_provider(rows[0]["provider"]).one_sent(account, secret, rows[0]["provider_id"])
    with tenancy.system():
        (row,) = sql.fetch_rows(CONTESTED, [message_id])
        if (
            provider_message.status not in states.FINAL
            or provider_message.status == row["status"]
            or row["status"] == "read"
        ):
            return
        is_failure = provider_message.status in UNSUCCESSFUL
        row |= {
            "status": provider_message.status,
            "error_code": provider_message.error_code or "unknown" if is_failure else "",
        }
        Message.objects.filter(pk=message_id).update(
            status=provider_message.status,
            error_code=row["error_code"],
            error_message=failures.describe_failure(row["error_code"]) if is_failure else "",
        )
        states.refund_undelivered(row)
        event_log.record_events([states.message_updated(row)])


# ---------------------------------------------------------------- the other half of the proof
@dataclass(slots=True)
class Compared:
    """The comparison of one account's lists: provider ids that only one side has, or the error."""

    account: str
    both: int
    only_there: list[str]
    only_here: list[str]
    error: str = ""

    @property
    def holds(self) -> bool:
        return not self.error and not self.only_there and not self.only_here


OURS = """
SELECT provider_id FROM messages WHERE platform = ANY(%s) AND direction = 'outbound' AND provider_id = ANY(%s)
"""
MADE = """
SELECT m.provider_id FROM messages m
JOIN channels n ON n.id = m.channel_id
WHERE m.direction = 'outbound' AND m.provider_id IS NOT NULL AND n.account_id = %s
  AND m.created_at >= greatest(n.created_at, %s)
"""


def compare_lists(since: datetime, until: datetime) -> Iterator[Compared]:
    """Compare the provider's messages of a time with ours, account by account.

    `until` should be some minutes ago, because of messages in flight.
    """
    # Only messages of our numbers since they were connected: an account may serve other programs too, and a number may
    # have been used before.
    with tenancy.system():
        provable = [each.name for each in providers.all_providers() if each.lists_everything]
        accounts = ProviderAccount.objects.filter(provider__in=provable).order_by("external_id")
        account_ids = list(accounts.values_list("pk", "external_id"))
    for account_id, external_id in account_ids:
        try:
            yield _compare_account(account_id, since, until)
        except isolation.DATABASE_AWAY:
            raise
        except Exception as error:
            log.warning("%s: its list can't be compared.", external_id, exc_info=True)
            yield Compared(external_id, 0, [], [], type(error).__name__)


def _compare_account(account_id: UUID, since: datetime, until: datetime) -> Compared:
    with tenancy.system():
        account = ProviderAccount.objects.prefetch_related("channels").get(pk=account_id)
    connected_since = {channel.address: channel.created_at for channel in account.channels.all()}
    provider = providers.find_provider(account.provider)
    provider_messages = provider.all_sent(account.external_id, account.secret, since)
    created_at_of = {
        provider_message.provider_id: provider_message.created_at
        for provider_message in provider_messages
        if provider_message.from_address in connected_since
        and provider_message.created_at >= connected_since[provider_message.from_address] - matching.CLOCKS
    }
    with tenancy.system():
        known_ids = {
            row["provider_id"] for row in sql.fetch_rows(OURS, [list(provider.platforms), list(created_at_of)])
        }
        our_ids = {row["provider_id"] for row in sql.fetch_rows(MADE, [account.pk, since + matching.CLOCKS])}
    unknown_ids = sorted(
        sid for sid, created_at in created_at_of.items() if created_at <= until and sid not in known_ids
    )
    return Compared(account.external_id, len(known_ids), unknown_ids, sorted(our_ids - set(created_at_of)))
