"""The pages, the API and the back office behind an ASGI server.

Django answers in threads, and there are few of them. So a request takes one when it has arrived whole, within a
deadline, and its answer leaves without one: strangers who send or read slowly hold a connection and nothing else.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import quote

from messagehub.wsgi import application as wsgi  # first: it sets Django up

# isort: split
import orjson
from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from messagehub import errors

THREADS = 8
BODY_SECONDS = 20  # for the whole body, and for each further BODY_BYTES that may be sent there
BODY_BYTES = 4 * 1024 * 1024  # phones send 2 Mbit/s
SEND_SECONDS = 30  # for each part of the answer that the client takes
HELD_BYTES = 200 * 1024 * 1024  # of all bodies at a time
TOO_MANY = "Too much is being uploaded right now. Nothing was changed. Try again in a moment."
TOO_LARGE = "The request body is too large."
BAD_LENGTH = "The header Content-Length is no length that a body can have."
MOST_DIGITS = 18  # of a length
TOO_SLOW = "The request body did not arrive in time. Nothing was changed. Send it again."
Headers = list[tuple[bytes, bytes]]


class BodyRefused(Exception):
    """The request is answered without asking Django."""

    def __init__(self, status: int, code: str, text: str):
        self.status, self.code, self.text = status, code, text


class ClientGone(Exception):
    """Nobody is there to be answered."""


class Pages:
    """The WSGI application in threads. `proxies` are those whose `X-Forwarded-For` is believed, or `*`."""

    def __init__(self, application=wsgi, *, proxies: str = "") -> None:
        # Without a bound: a thread never waits for whoever reads an answer, which is kept in memory meanwhile.
        self.bridge = WSGIMiddleware(application, workers=THREADS, send_queue_size=0)
        self.proxies = Proxies(proxies)
        self.held = HeldBytes(HELD_BYTES)

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 4404})
        if scope["type"] == "lifespan":
            return await self.bridge(scope, receive, send)
        with self.held.take_part() as part:
            try:
                most = largest_body(scope["path"], scope["headers"])
                body = await read_body(scope["headers"], receive, most=most, part=part)
            except ClientGone:
                return None
            except BodyRefused as refusal:
                return await refuse_request(scope, send, refusal)
            return await self.answer(scope, receive, send, body)

    async def answer(self, scope, receive, send, body: bytes) -> None:
        host, port = scope.get("client") or ("", 0)
        scope = {
            **scope,
            "headers": clean_headers(scope["headers"], len(body)),
            "client": (self.proxies.find_client(host, scope["headers"]), port),
            "query_string": quote(scope["query_string"], safe=PRINTABLE).encode(),  # the bridge reads it as ASCII
        }
        with contextlib.suppress(TimeoutError):  # of a client that takes nothing any more
            await self.bridge(scope, replay_body(body, receive), with_deadline(send))


PRINTABLE = "".join(map(chr, range(33, 127)))


class HeldBytes:
    """The bytes of all bodies that this process holds, `most` at a time: many large ones would fill its memory."""

    def __init__(self, most: int) -> None:
        self.most, self.total = most, 0

    @contextlib.contextmanager
    def take_part(self) -> Iterator[Callable[[int], None]]:
        """A function that takes so many bytes more, given back at the end. It raises BodyRefused."""
        taken = 0

        def take(count: int) -> None:
            nonlocal taken
            if self.total + count > self.most:
                raise BodyRefused(503, "unavailable", TOO_MANY)
            taken += count
            self.total += count

        try:
            yield take
        finally:
            self.total -= taken


def largest_body(path: str, headers: Headers) -> int:
    """In bytes. Strangers, who have neither a token nor a session, send no files."""
    names = {name for name, _ in headers}
    if not names & {b"authorization", b"cookie"}:
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return settings.LARGER_BODIES.get(path, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


async def read_body(headers: Headers, receive, *, most: int, part: Callable[[int], None]) -> bytes:
    """The whole body, of `most` bytes at most, for which `part` is asked first. Raises BodyRefused and ClientGone."""
    declared = dict(headers).get(b"content-length", b"0")
    # Python refuses to read a number of thousands of digits, and no body is that long.
    if not declared.isdigit() or len(declared) > MOST_DIGITS:
        raise BodyRefused(400, "invalid", BAD_LENGTH)
    if int(declared) > most:
        raise BodyRefused(413, "too_large", TOO_LARGE)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS * max(1, most // BODY_BYTES)):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                chunk = message.get("body", b"")
                if len(body) + len(chunk) > most:
                    raise BodyRefused(413, "too_large", TOO_LARGE)
                part(len(chunk))
                body += chunk
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise BodyRefused(408, "request_timeout", TOO_SLOW) from None


def replay_body(body: bytes, receive):
    """A `receive` that gives the body in one piece, and then what comes after it."""
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> dict:
        return parts.pop() if parts else await receive()

    return receive_again


def with_deadline(send):
    async def send_in_time(message: dict) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await send(message)

    return send_in_time


def clean_headers(headers: Headers, length: int) -> Headers:
    """`X_Forwarded_For` would become the same WSGI variable as the dashed header that proxies guard.

    The length is that of the body as it arrived: one in chunks comes without, and Django would read it as empty.
    """
    framing = (b"transfer-encoding", b"content-length")
    kept = [(name, value) for name, value in headers if b"_" not in name and name not in framing]
    return [*kept, (b"content-length", str(length).encode())]


async def refuse_request(scope, send, refusal: BodyRefused) -> None:
    """As the API or as text; the connection ends, because the rest of the body may still be on its way."""
    kind, content = b"text/plain; charset=utf-8", refusal.text.encode()
    if scope["path"].startswith("/api/"):
        kind, content = b"application/json", orjson.dumps(errors.body(refusal.code, refusal.text))
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    if refusal.status == 503:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


class Proxies:
    """Which addresses are believed when they say for whom they ask."""

    def __init__(self, allowed: str) -> None:
        names = [name.strip() for name in allowed.split(",") if name.strip()]
        self.nearest_only = "*" in names  # whoever connects is our proxy; what stood before it is only its claim
        try:
            self.networks = [ip_network(name, strict=False) for name in names if name != "*"]
        except ValueError as error:
            raise ImproperlyConfigured(f"FORWARDED_ALLOW_IPS takes addresses, networks or *: {error}.") from None

    def find_client(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The last address in `X-Forwarded-For` that one of our proxies wrote. Junk there is ignored."""
        values = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
        address, steps = peer, 0
        for entry in reversed(",".join(values).split(",")):
            written = read_address(entry.strip())
            if written is None or not self.is_proxy(address, steps):
                break
            address, steps = written, steps + 1
        return address

    def is_proxy(self, address: str, steps: int) -> bool:
        if self.nearest_only and steps == 0:
            return True
        return read_address(address) is not None and any(ip_address(address) in each for each in self.networks)


def read_address(text: str) -> str | None:
    """The address as PostgreSQL takes it, or None for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if getattr(address, "scope_id", None):
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


application = Pages(proxies=os.environ.get("FORWARDED_ALLOW_IPS", ""))
