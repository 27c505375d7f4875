"""The intake: a thin ASGI application that verifies webhooks, stores them, and answers after the commit.

Webhooks that arrive while a batch is written go into the next one: one INSERT and one COMMIT for up to 200 of them.
Nothing is interpreted here but the account, which the signature proves and which is stored with the webhook.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

import orjson
import psycopg
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from uuid_utils.compat import uuid7

from integrations import probes
from integrations.events import Reply, SignedWebhook, WebhookRequest
from integrations.providers import Provider, all_providers
from messagehub import encryption, failpoints
from messagehub.tenancy import SYSTEM_ROLE

log = logging.getLogger(__name__)
T = TypeVar("T")
WAKE_CHANNEL = "webhooks"  # a lost NOTIFY costs a second, because the worker also looks by itself
# Twilio gives up after 15 s (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides), so a body that
# takes longer than 10 s to arrive is of no use to it.
READ_SECONDS = 10
QUEUE_LENGTH, BATCH, WRITERS = 2000, 200, 2
# Meta's batches may have 4 MiB each.
MOST_WAITING_BYTES, BATCH_BYTES = 64 * 1024 * 1024, 8 * 1024 * 1024
# How old an account's cached credentials may be: usually, and before a signature is refused. A flood of bad signatures
# then costs five reads a second for each account, and a new token counts at once.
CREDENTIALS_SECONDS, REREAD_SECONDS = 1, 0.2
TICK = timedelta(microseconds=1)

INSERT = """
WITH stored AS (
    INSERT INTO webhook_events (id, created_at, source, account, dedupe_key, query, body, headers, quarantined)
    SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[],
                         %s::jsonb[], %s::text[])
    ON CONFLICT DO NOTHING
)
SELECT pg_notify(%s, '')
"""
CREDENTIALS = """
SELECT a.secret, CASE WHEN a.other_secret_until > now() THEN a.other_secret ELSE '' END,
       ARRAY(SELECT address FROM channels WHERE account_id = a.id)
FROM provider_accounts a
WHERE a.provider = %s AND a.external_id = %s AND a.retired_at IS NULL
"""
KEPT_HEADERS = {b"user-agent", b"i-twilio-idempotency-token", b"content-type"}


@dataclass(frozen=True, slots=True)
class Account:
    """An account's credentials and the addresses of its channels, as read at `read_at`."""

    provider: str
    external_id: str
    secret: str = field(repr=False)
    previous_secret: str = field(repr=False)  # empty, unless it was replaced within the last day
    addresses: frozenset[str]
    read_at: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """The time at which a request began, and its event's id. Both increase from request to request."""

    # Threads and consent are ordered by these and not by the time of storing: which of two bodies, batches or workers
    # is faster says nothing about what the customer wrote first. Twilio's webhooks carry no time of their own.

    id: UUID
    at: datetime


@dataclass(slots=True)
class Stored:
    """A verified webhook to store, and the future that its request waits for."""

    arrival: Arrival
    source: str
    account: str
    dedupe_key: str
    query: str
    body: bytes
    headers: str
    quarantined: str
    committed: asyncio.Future


class Refused(Exception):
    def __init__(self, status: int, text: str = "", **headers: str):
        self.status, self.text, self.headers = status, text, headers


class Intake:
    """Verifies, gathers, stores, answers. `startup` and `shutdown` belong to the server's lifespan."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Stored] = asyncio.Queue(QUEUE_LENGTH)
        self.waiting_bytes = 0
        self.accounts: dict[tuple[str, str], Account] = {}
        self.writers: list[asyncio.Task] = []
        self.last_arrival = datetime.min.replace(tzinfo=UTC)
        self.pool: AsyncConnectionPool

    async def startup(self) -> None:
        params = connection.get_connection_params()
        self.pool = AsyncConnectionPool(
            kwargs={key: params[key] for key in ("host", "port", "dbname", "user", "password") if params.get(key)}
            | {"autocommit": True, "connect_timeout": 3},
            min_size=WRITERS,
            max_size=WRITERS + 2,
            open=False,
            timeout=3,
        )
        await self.pool.open()
        self.writers = [asyncio.create_task(self.write()) for _ in range(WRITERS)]

    async def shutdown(self) -> None:
        await self.queue.join()
        for writer in self.writers:
            writer.cancel()
        await self.pool.close()

    # ------------------------------------------------------------ requests
    async def __call__(self, scope, receive, send) -> None:
        try:
            reply, headers = await self.answer(scope, receive), {}
        except Refused as refused:
            reply = Reply(refused.status, "text/plain; charset=utf-8", refused.text.encode())
            headers = {name.replace("_", "-"): value for name, value in refused.headers.items()}
        lines = [(b"content-type", reply.content_type.encode())] if reply.body else []
        lines += [(b"content-length", str(len(reply.body)).encode()), (b"cache-control", b"no-store")]
        lines += [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": lines})
        await send({"type": "http.response.body", "body": reply.body})

    async def answer(self, scope, receive) -> Reply:
        provider = find_webhook(scope["path"])
        if provider is None:
            raise Refused(404, "There is no webhook at this address.")
        query = scope["query_string"].decode("latin-1")
        if scope["method"] == "GET" and (reply := provider.answer_handshake(query)):
            return reply
        if scope["method"] != "POST":
            raise Refused(405, "Webhooks are posted.", allow="POST")
        arrival = self.mark_arrival()
        body = await self.read(scope, receive, provider.most_webhook_bytes)
        request = WebhookRequest(scope["path"], public_url(scope, query), query, dict(scope["headers"]), body)
        try:
            webhook = provider.open_webhook(request)
            account = await self.verified(provider, webhook)
            if probes.HEADER.encode() in request.headers:
                return Reply(204)  # we asked ourselves whether the signature arrives whole
            return await self.accept(arrival, request, webhook, account)
        except ValueError as error:
            raise Refused(400, str(error)) from None

    async def accept(
        self, arrival: Arrival, request: WebhookRequest, webhook: SignedWebhook, account: Account | None
    ) -> Reply:
        """Store a verified webhook. Raises Refused, and ValueError for an unreadable body."""
        recipient, quarantined = webhook.read_recipient(), ""
        if account and recipient and recipient not in account.addresses:
            account = await self.account(account.provider, account.external_id, newer_than=REREAD_SECONDS) or account
            if recipient not in account.addresses:
                quarantined = "nobody owns this number"
        # The key has the account, so that no account can use up another's ids, and the reason for quarantine, so that a
        # quarantined webhook does not keep out the same one after the number is connected.
        key = ":".join(filter(None, [webhook.account, webhook.read_key(), quarantined]))
        await self.store(arrival, request, webhook, key, quarantined)
        if quarantined:
            log.warning("A message to a number that nobody owns was kept for operators.")
            raise Refused(404, "Nobody here owns this number.")
        return webhook.reply

    def mark_arrival(self) -> Arrival:
        self.last_arrival = max(timezone.now(), self.last_arrival + TICK)
        return Arrival(uuid7(), self.last_arrival)

    async def read(self, scope, receive, most_bytes: int) -> bytes:
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and (len(declared) > 12 or int(declared) > most_bytes):
            raise Refused(413, "The request body is too large.")
        body = bytearray()
        try:
            async with asyncio.timeout(READ_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "The body did not arrive whole.")
                    body += message.get("body", b"")
                    if len(body) > most_bytes:
                        raise Refused(413, "The request body is too large.")
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise Refused(408, "The body did not arrive in time.") from None

    async def verified(self, provider: Provider, webhook: SignedWebhook) -> Account | None:
        """The account whose secret signed the webhook; None where our app's did. Raises Refused."""
        if provider.signs_by_app:
            if webhook.verify(provider.read_app_secrets()):
                return None
            raise Refused(403, "The signature does not fit.")
        # Credentials are read again before a signature is refused, because the token may just have been replaced, and
        # before a previous token is believed, because an admin may just have revoked it.
        account = await self.account(provider.name, webhook.account)
        if account and webhook.verify([account.secret]):
            return account
        by_previous = account and webhook.verify([account.previous_secret])
        account = await self.account(provider.name, webhook.account, newer_than=0 if by_previous else REREAD_SECONDS)
        if account and webhook.verify([account.secret, account.previous_secret]):
            return account
        raise Refused(403, "The signature does not fit.")

    async def account(self, provider: str, external_id: str, newer_than: float = CREDENTIALS_SECONDS) -> Account | None:
        if not external_id:
            return None
        cached_account = self.accounts.get((provider, external_id))
        if cached_account and time.monotonic() - cached_account.read_at < newer_than:
            return cached_account
        try:
            row = await self.use_connection(lambda link: read_credentials(link, provider, external_id))
        except (psycopg.Error, OSError) as error:
            log.warning("Credentials can't be read: %s", type(error).__name__)
            raise Refused(503, "Not stored. Please send it again.", retry_after="5") from None
        if row is None:
            self.accounts.pop((provider, external_id), None)
            return None
        secret, previous_secret = (readable(external_id, secret) for secret in row[:2])
        # Neither token can be decrypted. 503 makes the provider send it again, until an operator restores the key.
        if not (secret or previous_secret):
            raise Refused(503, "Not stored. Please send it again.", retry_after="60")
        account = Account(provider, external_id, secret, previous_secret, frozenset(row[2]), time.monotonic())
        self.accounts[provider, external_id] = account
        return account

    async def use_connection(self, act: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run it on a connection; once more if PostgreSQL had closed that one, which nobody asks beforehand."""
        link = None
        try:
            async with self.pool.connection() as link:
                return await act(link)
        except psycopg.OperationalError:
            if link is None or not link.broken:
                raise
        await self.pool.check()  # the others may be closed as well
        async with self.pool.connection() as link:
            return await act(link)

    # ------------------------------------------------------------ group commit
    async def store(
        self,
        arrival: Arrival,
        request: WebhookRequest,
        webhook: SignedWebhook,
        key: str,
        quarantined: str = "",
    ) -> None:
        """Return once the event is committed. Raises Refused(503) where it is not, so that it is sent again."""
        key = key if len(key) <= 200 else digest(key.encode())
        committed = asyncio.get_running_loop().create_future()
        kept_headers = {
            name.decode(): request.headers[name].decode("latin-1") for name in KEPT_HEADERS if name in request.headers
        }
        event = Stored(
            arrival, webhook.source, webhook.account, key, request.query[:2000], request.body, dumps(kept_headers),
            quarantined, committed,
        )  # fmt: skip
        if self.queue.full() or self.waiting_bytes + len(event.body) > MOST_WAITING_BYTES:
            raise Refused(503, "Too much at once. Please send it again.", retry_after="1")
        self.queue.put_nowait(event)
        self.waiting_bytes += len(event.body)
        if not await event.committed:
            raise Refused(503, "Not stored. Please send it again.", retry_after="5")
        failpoints.hit("after_webhook_stored")

    async def write(self) -> None:
        while True:
            batch = [await self.queue.get()]
            gathered_bytes = len(batch[0].body)
            while len(batch) < BATCH and not self.queue.empty() and gathered_bytes < BATCH_BYTES:
                batch.append(self.queue.get_nowait())
                gathered_bytes += len(batch[-1].body)
            try:
                if not await self.insert(batch) and len(batch) > 1:
                    for event in batch:  # the one that PostgreSQL refuses must not keep the others out
                        await self.insert([event])
            finally:
                for event in batch:
                    self.waiting_bytes -= len(event.body)
                    if not event.committed.done():
                        event.committed.set_result(False)
                    self.queue.task_done()

    async def insert(self, batch: list[Stored]) -> bool:
        columns = zip(
            *(
                (
                    e.arrival.id,
                    e.arrival.at,
                    e.source,
                    e.account,
                    e.dedupe_key,
                    e.query,
                    e.body,
                    e.headers,
                    e.quarantined,
                )  # fmt: skip
                for e in batch
            ),
            strict=True,
        )
        try:
            values = [*map(list, columns), WAKE_CHANNEL]
            await self.use_connection(lambda link: link.execute(INSERT, values))  # repeated, it stores nothing twice
        except Exception as error:  # the writer has to go on with the next batch
            log.warning("%d webhooks were not stored: %s", len(batch), type(error).__name__)
            return False
        for event in batch:
            if not event.committed.done():
                event.committed.set_result(True)
        return True


async def read_credentials(link: AsyncConnection, provider: str, external_id: str) -> tuple | None:
    async with link.transaction():
        await link.execute(f"SET LOCAL ROLE {SYSTEM_ROLE}")
        return await (await link.execute(CREDENTIALS, [provider, external_id])).fetchone()


def find_webhook(path: str) -> Provider | None:
    return next((provider for provider in all_providers() if path in provider.webhook_paths), None)


def public_url(scope, query: str) -> str:
    """The URL as the provider called it: behind a proxy, the Host header says something else."""
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").split("?")[0]
    return f"{settings.PUBLIC_BASE_URL}{path}" + (f"?{query}" if query else "")


def readable(sid: str, ciphertext: str) -> str:
    """The decrypted token, or an empty text where no key of ours decrypts it."""
    try:
        return encryption.decrypt(ciphertext) if ciphertext else ""
    except (InvalidToken, ValueError):
        log.error("A token of %s can't be decrypted.", sid)
        return ""


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:32]


def dumps(headers: dict[str, str]) -> str:
    texts = {
        name: value.encode("latin-1").decode("utf-8", "replace").replace("\0", "") for name, value in headers.items()
    }
    return orjson.dumps(texts).decode()
