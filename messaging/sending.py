"""What goes out: paid and stored in one transaction, handed to the provider once, settled by its answer.

The queued message is the job. A worker claims it and commits that before it calls the provider, so a crash leaves it
`sending` with a lease that runs out: it becomes `unknown`, and nothing here ever sends an unknown message again.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import User
from integrations import providers, segments
from integrations.events import Accepted, NotReached, Outcome, OutgoingText, Refused, Unclear
from integrations.models import SenderNumber
from messagehub import encryption, limits, tenancy
from messaging import conversations, live, shapes
from messaging.models import Conversation, Message
from tokens import ledger

log = logging.getLogger(__name__)
PRICE = 1  # tokens for a message of an agent, whatever its length
LONGEST = 1600  # characters that Twilio takes in one message
MOST_ATTEMPTS = 8  # that failed to reach the provider; being told to wait does not count
BROKEN_SECONDS = 60  # until an account that can't be used is tried again
WAKE_CHANNEL = "outbox"


class NoSender(Exception):
    """The chatroom has no number to send from."""

    def __init__(self) -> None:
        super().__init__("This chatroom has no number to send from. Ask an admin to connect one.")


class Blocked(Exception):
    """The contact is blocked."""

    def __init__(self) -> None:
        super().__init__("This contact is blocked, so nothing is sent to them. Unblock them first.")


class ClientIdTaken(Exception):
    """Another message has this client_id."""

    def __init__(self) -> None:
        super().__init__("Another message was sent with this client_id. Make a new one for each message.")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that is paid and queued, and the tokens left (None for admins)."""

    message: Message
    remaining_tokens: int | None
    repeated: bool = False


def count(user: User) -> None:
    """Count one send against the user's limit. Raises limits.TooMany; without Valkey sending goes on uncounted."""
    try:
        limits.count("send_per_user", str(user.pk))
    except limits.Unavailable:
        log.warning("Sends are not counted: Valkey is away.")


@transaction.atomic
def send(
    conversation: Conversation,
    content: str,
    *,
    sent_by: User,
    media_urls: Sequence[str] = (),
    send_at: datetime | None = None,
    client_id: UUID | None = None,
    retry_of: Message | None = None,
) -> Sent:
    """Charge the sender, store the message as queued and tell everybody, all at once or not at all.

    Raises InsufficientTokens, Blocked, NoSender and ClientIdTaken; then nothing has changed. The same `client_id` with
    the same text answers with the message that it made before.
    """
    conversation = conversations.locked(conversation)
    contact, sender = conversation.contact, conversation.sender_number
    if contact.blocked_at:
        raise Blocked
    if sender is None or not contact.phone:
        raise NoSender
    asked = (sent_by.pk, contact.pk, sender.phone, content, list(media_urls), send_at)
    if client_id and (before := Message.objects.filter(client_id=client_id).first()):
        return _again(before, asked, sent_by)
    if conversation.status == Conversation.Status.CLOSED:
        conversation = conversations.open_with(contact, sender)
    message = Message(
        organization_id=conversation.organization_id,
        chatroom_id=conversation.chatroom_id,
        conversation=conversation,
        contact_id=conversation.contact_id,
        direction=Message.Direction.OUTBOUND,
        platform=conversation.platform,
        content=content,
        media_urls=list(media_urls),
        status=Message.Status.SCHEDULED if send_at else Message.Status.QUEUED,
        status_rank=0 if send_at else 1,
        from_address=sender.phone,
        to_address=contact.phone,
        segments=max(1, segments.count(content)),
        tokens=0 if sent_by.is_admin else PRICE,
        sent_by=sent_by,
        client_id=client_id,
        retry_of=retry_of,
        send_at=send_at,
    )
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:  # somebody used this client_id while we looked
        before = Message.objects.filter(client_id=client_id).first()
        if before is None:
            raise
        return _again(before, asked, sent_by)
    remaining = None
    if message.tokens:
        remaining = ledger.debit(sent_by, message.tokens, reference=f"message:{message.pk}")
    conversations.touch(conversation, message)
    live.record([_change(live.CREATED, message)])
    with connection.cursor() as cursor:  # delivered at commit
        cursor.execute("SELECT pg_notify(%s, '')", [WAKE_CHANNEL])
    return Sent(message, remaining)


def _again(before: Message, asked: tuple, sent_by: User) -> Sent:
    made = (before.sent_by_id, before.contact_id, before.from_address, before.content, before.media_urls)
    if (*made, before.send_at) != asked:
        raise ClientIdTaken
    return Sent(before, ledger.balance(sent_by), repeated=True)


def _change(kind: str, message: Message) -> live.Change:
    return live.Change(kind, message.organization_id, message.chatroom_id, message.conversation_id, message.pk)


def sender_of(chatroom_id: UUID) -> SenderNumber:
    """The number that a chatroom sends from unless another is named. Raises NoSender."""
    number = SenderNumber.objects.filter(chatroom_id=chatroom_id).order_by("id").first()
    if number is None:
        raise NoSender
    return number


# ---------------------------------------------------------------- the worker's half
CLAIM = """
WITH due AS (
    SELECT m.id, n.messaging_service_sid, a.account_sid, a.auth_token
    FROM messages m
    JOIN sender_numbers n ON n.phone = m.from_address AND n.organization_id = m.organization_id
    JOIN twilio_accounts a ON a.id = n.twilio_account_id
    WHERE m.status = 'queued' AND (m.not_before IS NULL OR m.not_before <= now())
    ORDER BY m.id LIMIT %s FOR NO KEY UPDATE OF m SKIP LOCKED
)
UPDATE messages m
SET status = 'sending', status_rank = 2, attempt = m.attempt + 1, lease_until = now() + interval '1 s' * %s
FROM due WHERE m.id = due.id
RETURNING m.id, m.attempt, m.content, ARRAY(SELECT jsonb_array_elements_text(m.media_urls)) AS media_urls,
          m.from_address, m.to_address, due.messaging_service_sid, due.account_sid, due.auth_token
"""
OVERDUE = """
WITH lost AS (
    SELECT id FROM messages WHERE status = 'sending' AND lease_until < now() ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE messages m
SET status = 'unknown', lease_until = NULL,
    error_code = 'no_answer', error_message = 'The provider''s answer was lost. It is being checked.'
FROM lost WHERE m.id = lost.id
RETURNING m.id, m.organization_id, m.chatroom_id, m.conversation_id
"""
DUE = """
WITH due AS (
    SELECT id FROM messages WHERE status = 'scheduled' AND send_at <= now() ORDER BY send_at, id
    LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE messages m SET status = 'queued', status_rank = 1 FROM due WHERE m.id = due.id
RETURNING m.id, m.organization_id, m.chatroom_id, m.conversation_id
"""
UNSETTLED = """
SELECT id, organization_id, chatroom_id, conversation_id, status, attempt, failures, provider_id, tokens, sent_by_id
FROM messages WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this worker alone may hand over, until its lease ends. The attempt number fences it."""

    text: OutgoingText
    attempt: int


def claim(limit: int) -> list[Claimed]:
    """Take up to `limit` queued messages, committed as `sending` before anybody calls the provider."""
    with tenancy.system():
        found = shapes.rows(CLAIM, [limit, settings.SEND_LEASE_SECONDS])
    claimed, unreadable = [], []
    for row in sorted(found, key=lambda row: row["id"]):
        try:
            claimed.append(Claimed(_outgoing(row), row["attempt"]))
        except (ValueError, InvalidToken):
            unreadable.append(row)
    if unreadable:
        _put_back(unreadable)
    return claimed


def _outgoing(row: dict) -> OutgoingText:
    return OutgoingText(
        message_id=row["id"],
        account=row["account_sid"],
        secret=encryption.decrypt(row["auth_token"]),
        from_address=row["from_address"],
        to_address=row["to_address"],
        body=row["content"],
        callback_url=providers.callback_url(row["id"]),
        messaging_service=row["messaging_service_sid"],
        media_urls=tuple(row["media_urls"]),
    )


def _put_back(rows: Sequence[dict]) -> None:
    """Messages of an account whose token no key of ours opens wait for an operator; nobody else's do."""
    log.error("The token of %s can't be decrypted.", ", ".join(sorted({row["account_sid"] for row in rows})))
    with tenancy.system():
        Message.objects.filter(pk__in=[row["id"] for row in rows], status="sending").update(
            status="queued", status_rank=1, lease_until=None, not_before=Now() + timedelta(seconds=BROKEN_SECONDS)
        )


def settle(outcomes: Sequence[tuple[Claimed, Outcome]]) -> None:
    """Write down what the provider answered, all in one transaction.

    Fenced: an answer to another attempt than the row's is ignored, and a state that a callback has raised meanwhile
    stays.
    """
    answers = {claimed.text.message_id: (claimed, outcome) for claimed, outcome in outcomes}
    with tenancy.system():
        changes = []
        for row in shapes.rows(UNSETTLED, [list(answers)]):
            claimed, outcome = answers[row["id"]]
            if row["attempt"] == claimed.attempt and _settle(row, outcome):
                changes.append(updated(row))
        live.record(changes)


def give_up(claimed: Claimed) -> None:
    """The provider's answer can't be written down: the message is unknown, and reconciled like any other."""
    with tenancy.system():
        for row in shapes.rows(UNSETTLED, [[claimed.text.message_id]]):
            if row["attempt"] == claimed.attempt and _settle(row, Unclear("The provider's answer made no sense.")):
                live.record([updated(row)])


def _settle(row: dict, outcome: Outcome) -> bool:
    message = Message.objects.filter(pk=row["id"])
    waiting = row["status"] in ("sending", "unknown")
    if isinstance(outcome, Accepted):
        values = {"provider_id": outcome.provider_id, "segments": outcome.segments, "lease_until": None}
        if waiting:
            values |= {"status": "accepted", "status_rank": 3, "error_code": "", "error_message": ""}
        message.update(**values)
        return True
    if not waiting:
        return False  # a callback knows better than a lost answer
    spent = isinstance(outcome, NotReached) and outcome.counts and row["failures"] + 1 >= MOST_ATTEMPTS
    if isinstance(outcome, Refused) or spent:
        code, text = (
            (outcome.code, outcome.message) if isinstance(outcome, Refused) else ("unreachable", outcome.reason)
        )
        message.update(status="failed", status_rank=5, lease_until=None, error_code=code, error_message=text[:300])
        refund(row, reason=f"Not sent: {code}")
    elif isinstance(outcome, NotReached):
        message.update(
            status="queued",
            status_rank=1,
            lease_until=None,
            failures=F("failures") + int(outcome.counts),
            not_before=Now() + _pause(row["failures"] + 1, outcome.retry_after),
        )
    else:
        message.update(status="unknown", lease_until=None, error_code="no_answer", error_message=outcome.reason[:300])
    return True


def _pause(attempt: int, retry_after: float | None):
    return timedelta(seconds=retry_after or random.uniform(0.5, min(300, 2**attempt)))  # noqa: S311  jitter


def refund(row: dict, *, reason: str) -> None:
    """Give the sender the message's tokens back, once. The caller holds the message's row."""
    if row["tokens"] and row["sent_by_id"]:
        ledger.refund(row["sent_by_id"], row["tokens"], reference=f"message:{row['id']}", reason=reason)
        Message.objects.filter(pk=row["id"]).update(tokens=0)


def updated(row: dict) -> live.Change:
    """The change that a row of a message stands for."""
    return live.Change(live.UPDATED, row["organization_id"], row["chatroom_id"], row["conversation_id"], row["id"])


def sweep() -> int:
    """Move on what time has moved on: leases that ran out become unknown, scheduled messages that are due queued."""
    with tenancy.system():
        moved = shapes.rows(OVERDUE) + shapes.rows(DUE)
        live.record([updated(row) for row in moved])
    return len(moved)
