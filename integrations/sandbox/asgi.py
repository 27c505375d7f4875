"""The little of HTTP that the sandbox needs above ASGI."""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

import orjson

from integrations.sandbox.errors import Refused

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_BODY = 1024 * 1024


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> dict[str, Any]:
        headers = {
            "content-type": self.content_type,
            "content-length": str(len(self.body)),
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            **self.headers,
        }
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return {"type": "http.response.start", "status": self.status, "headers": pairs}

    async def send(self, send: Send) -> None:
        await send(self.start())
        await send({"type": "http.response.body", "body": self.body})


class CutShort(Response):
    """Promises its whole body and sends half of it; the server then closes the connection."""

    async def send(self, send: Send) -> None:
        await send(self.start())
        await send(
            {
                "type": "http.response.body",
                "body": self.body[: len(self.body) // 2],
                "more_body": True,
            }
        )


@dataclass(frozen=True)
class Withheld(CutShort):
    """Waits until the client has given up, and is cut short if it is still there after `seconds`."""

    request: "Request" = field(kw_only=True)
    seconds: float = field(kw_only=True)

    async def send(self, send: Send) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                await self.request.disconnected()
        except TimeoutError:
            await super().send(send)


def json_response(payload: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, orjson.dumps(payload), headers=headers or {})


class Request:
    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_query: str = scope["query_string"].decode("latin-1")
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.receive = receive

    def header(self, name: bytes) -> str | None:
        for key, value in self._headers:
            if key.lower() == name:
                return value.decode("latin-1")
        return None

    @cached_property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.raw_query, keep_blank_values=True).items()}

    @cached_property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of Basic authentication; an unreadable header counts as wrong credentials."""
        header = self.header(b"authorization")
        if header is None:
            return None
        scheme, _, value = header.partition(" ")
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ("", "")
        return (user, password) if scheme.lower() == "basic" else ("", "")

    async def body(self) -> bytes:
        chunks, size = [], 0
        while True:
            event = await self.receive()
            if event["type"] == "http.disconnect":
                raise Refused(400, "The request ended before its body did.")
            chunks.append(event.get("body", b""))
            size += len(chunks[-1])
            if size > MAX_BODY:
                raise Refused(413, "The request is larger than 1 MiB.")
            if not event.get("more_body"):
                return b"".join(chunks)

    async def form(self) -> dict[str, list[str]]:
        return parse_qs((await self.body()).decode("utf-8", "replace"), keep_blank_values=True)

    async def json(self) -> dict[str, Any]:
        if not (self.header(b"content-type") or "").startswith("application/json"):
            raise Refused(415, "Send this as application/json.")
        try:
            payload = json.loads(await self.body())
        except (ValueError, RecursionError):
            raise Refused(400, "The body is not valid JSON.") from None
        if not isinstance(payload, dict):
            raise Refused(400, "The body must be a JSON object.")
        return payload

    async def disconnected(self) -> None:
        """Return when the client has gone; call it after the body was read."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
