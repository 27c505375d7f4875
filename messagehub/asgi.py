"""Sockets, webhooks and, on one port, everything else.

`live` is what production runs under uvicorn: websockets and webhooks. `application` adds the pages through a pool of
threads, and the sandbox when it is on, so that a demo or a development server needs one port only.
"""

import asyncio

from messagehub.web import Pages  # first: it sets Django up

# isort: split
from channels.routing import URLRouter
from django.conf import settings
from django.urls import path

from integrations.sandbox import wire
from integrations.webhooks import Intake
from messaging.live.consumers import InboxConsumer
from messaging.live.hub import hub

WEBHOOKS = "/api/webhooks/"

intake = Intake()
sockets = URLRouter([path("ws/inbox", InboxConsumer.as_asgi())])


async def refuse(send, status: int, text: str) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Lifespan:
    """Starts and stops what lives as long as the server.

    The development server (daphne) knows no lifespan: there the first connection starts everything.
    """

    def __init__(self, parts: list) -> None:
        self.parts = parts
        self.started = False
        self.starting = asyncio.Lock()

    async def start(self) -> None:
        async with self.starting:
            if not self.started:
                for part in self.parts:
                    await part.startup()
                self.started = True

    async def __call__(self, scope, receive, send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                for part in reversed(self.parts):
                    await part.shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return


class Router:
    """Sends each connection to the application that is made for it."""

    def __init__(self, pages=None, sandbox=None) -> None:
        self.pages, self.sandbox = pages, sandbox
        self.lifespan = Lifespan([intake, hub, *([sandbox] if sandbox else [])])

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return await self.lifespan(scope, receive, send)
        if not self.lifespan.started:
            await self.lifespan.start()
        if scope["type"] == "websocket":
            if scope["path"] != "/ws/inbox":
                return await send({"type": "websocket.close", "code": 4404})
            return await sockets(scope, receive, send)
        if scope["path"].startswith(WEBHOOKS):
            return await intake(scope, receive, send)
        if self.sandbox and (scope["path"] == "/sandbox" or scope["path"].startswith("/sandbox/")):
            return await self.sandbox.application(scope, receive, send)
        if self.pages:
            return await self.pages(scope, receive, send)
        await refuse(send, 404, "Not found.")


live = Router()
application = Router(pages=Pages(), sandbox=wire if settings.SANDBOX else None)
