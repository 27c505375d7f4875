"""Sockets that stay open through everything: each admin's, cut now and then and going on from its last cursor."""

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

import orjson
import websockets

from tests.simulator.cast import Organization


@dataclass
class Watcher:
    """What one socket was given: for each chatroom the numbers of its events."""

    token: str
    rooms: dict[str, set[int]]
    cursor: str | None = None
    came_twice: int = 0
    out_of_order: int = 0
    connections: int = 0
    raw: websockets.ClientConnection | None = None

    def take(self, frame: dict) -> None:
        self.cursor = frame.get("cursor") or self.cursor
        if "seq" not in frame:
            return
        numbers = self.rooms[frame["chatroom_id"]]
        if frame["seq"] in numbers:
            self.came_twice += 1
        elif numbers and frame["seq"] < max(numbers):
            self.out_of_order += 1
        numbers.add(frame["seq"])


@dataclass
class Watchers:
    """All of them, in an event loop of their own thread."""

    url: str
    organizations: list[Organization]
    watchers: list[Watcher] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    tasks: list[Future] = field(default_factory=list)
    cuts: int = 0

    def start(self) -> None:
        for organization in self.organizations:
            rooms: dict[str, set[int]] = {room.id: set() for room in organization.rooms}
            self.watchers.append(Watcher(organization.admin.token, rooms))
        threading.Thread(target=self.loop.run_forever, name="watchers", daemon=True).start()
        self.tasks = [asyncio.run_coroutine_threadsafe(self.watch(each), self.loop) for each in self.watchers]

    def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.5), self.loop).result()  # they say goodbye
        self.loop.call_soon_threadsafe(self.loop.stop)

    def cut(self) -> None:
        """As if the network had gone: no goodbye."""
        for watcher in self.watchers:
            if watcher.raw:
                self.cuts += 1
                self.loop.call_soon_threadsafe(watcher.raw.transport.abort)

    async def watch(self, watcher: Watcher) -> None:
        url = self.url.replace("http", "ws") + "/ws/inbox"
        headers = {"Authorization": f"Bearer {watcher.token}"}
        while True:
            with contextlib.suppress(OSError, websockets.WebSocketException):
                async with websockets.connect(url, additional_headers=headers, max_size=None) as raw:
                    watcher.raw, watcher.connections = raw, watcher.connections + 1
                    hello = {"type": "hello"} | ({"cursor": watcher.cursor} if watcher.cursor else {})
                    await raw.send(orjson.dumps(hello).decode())
                    async for text in raw:
                        await self.heard(watcher, raw, orjson.loads(text))
            watcher.raw = None
            await asyncio.sleep(0.2)

    async def heard(self, watcher: Watcher, raw: websockets.ClientConnection, frame: dict) -> None:
        if frame["type"] == "catch_up":
            await raw.send(orjson.dumps({"type": "hello", "cursor": watcher.cursor}).decode())
        watcher.take(frame)
