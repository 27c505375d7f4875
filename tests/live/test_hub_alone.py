"""The hub's loops over all sockets: what is wrong with one keeps no other from what it is to be given."""

import asyncio
import time
from dataclasses import dataclass

import pytest
import redis.asyncio

from accounts import keys
from messagehub import bus, tenancy
from messaging.live import consumers, event_log
from messaging.live.hub import Hub, hub
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(eq=False)
class Viewer:
    """A socket as far as the hub knows it."""

    tenant: str
    person: str = "p"
    checked_at: float = 0.0

    def __post_init__(self) -> None:
        self.frames: list = []

    def offer(self, frame) -> None:
        self.frames.append(frame)

    def check_soon(self) -> None:
        self.frames.append("checked")

    def end_if_stuck(self, current_time: float) -> None: ...

    async def close(self, code: int) -> None: ...


def test_log_that_cannot_be_read_keeps_no_other_waiting():
    acme = create_tenant("acme", "+15550100100")
    viewer, room = Viewer(str(acme["organization"].pk)), str(acme["room"].pk)
    hub = Hub()
    hub.join(Viewer("no organization"), {"00000000-0000-0000-0000-000000000000": 0})
    hub.join(viewer, {room: 0})

    async def read() -> None:
        await hub.read_log()
        await asyncio.gather(*hub.fills)

    asyncio.run(read())
    assert [frame.seq for frame in viewer.frames] == [1]


def test_hint_that_cannot_be_read_does_not_end_the_subscription():
    hub, viewer = Hub(), Viewer("t", person="someone")
    hub.join(viewer, {})

    async def listen() -> None:
        listening = asyncio.create_task(hub.listen())
        while not bus.client().pubsub_numsub(bus.ACCESS)[0][1]:
            await asyncio.sleep(0)
        for hint in (b"\xff", b'{"user_id": "someone"}'):
            bus.client().publish(bus.ACCESS, hint)
        while not viewer.frames and not listening.done():
            await asyncio.sleep(0)
        assert not listening.done()
        listening.cancel()

    asyncio.run(listen())
    assert viewer.frames == ["checked"]


def test_subscription_begins_again_whatever_ended_it(monkeypatch):
    """A transport that is lost while it is written to raises RuntimeError under uvloop, which is no error of Valkey."""
    hub, viewer = Hub(), Viewer("t", person="someone")
    hub.join(viewer, {})
    subscribe = redis.asyncio.client.PubSub.subscribe
    failures = iter([RuntimeError("the handler is closed")])

    async def subscribe_later(self, *channels) -> None:
        for failure in failures:
            raise failure
        await subscribe(self, *channels)

    monkeypatch.setattr(redis.asyncio.client.PubSub, "subscribe", subscribe_later)

    async def listen() -> None:
        listening = asyncio.create_task(hub.listen())
        while not bus.client().pubsub_numsub(bus.ACCESS)[0][1]:
            assert not listening.done()
            await asyncio.sleep(0)
        bus.client().publish(bus.ACCESS, b'{"user_id": "someone"}')
        while not viewer.frames:
            await asyncio.sleep(0)
        listening.cancel()

    asyncio.run(listen())
    assert viewer.frames == ["checked"]


def test_client_that_takes_nothing_is_closed_and_no_other():
    """Its server-side `send` never returns, as where a connection's buffer is full."""
    acme = create_tenant("acme", "+15550100100")
    with tenancy.organization(acme["organization"].pk):
        frames = event_log.missed_frames(str(acme["room"].pk), 0)
        token = keys.create_key(acme["agent"], "Key", ["read"])[1]
    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "websocket", "path": "/ws/inbox", "headers": headers, "query_string": consumers.WILL_SAY_HELLO}

    async def look() -> tuple[list, list]:
        stuck, brisk = Connection(scope, takes_frames=False), Connection(scope, takes_frames=True)
        for connection in (stuck, brisk):
            await connection.say('{"type": "hello"}')
            await connection.has("ready")
        for room in hub.rooms:
            hub.last[room] = frames[0].seq - 1
        for socket in hub.sockets():
            socket.seen = dict.fromkeys(socket.seen, frames[0].seq - 1)
        hub.deliver(frames[0])
        await brisk.has("message.created")
        await stuck.blocked.wait()
        for seconds in (consumers.SEND_SECONDS - 1, consumers.SEND_SECONDS + 1):
            assert "4408" not in str(stuck.sent)
            for socket in hub.sockets():
                socket.end_if_stuck(time.monotonic() + seconds)
            await asyncio.sleep(0)
        await stuck.has("4408")
        for connection in (stuck, brisk):
            await connection.end()
        return stuck.sent, brisk.sent

    stuck, brisk = asyncio.run(look())
    assert "message.created" not in str(stuck)
    assert "4408" not in str(brisk)
    assert not hub.people


class Connection:
    """The server's side of one websocket."""

    def __init__(self, scope: dict, takes_frames: bool) -> None:
        self.takes_frames, self.sent = takes_frames, []
        self.blocked, self.news = asyncio.Event(), asyncio.Event()
        self.incoming: asyncio.Queue[dict] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(consumers.InboxConsumer.as_asgi()(scope, self.incoming.get, self.send))

    async def send(self, message: dict) -> None:
        if not self.takes_frames and "message.created" in message.get("text", ""):
            self.blocked.set()
            await asyncio.Event().wait()
        self.sent.append(message)
        self.news.set()

    async def has(self, text: str) -> None:
        while text not in str(self.sent):
            self.news.clear()
            await self.news.wait()

    async def say(self, text: str) -> None:
        await self.incoming.put({"type": "websocket.receive", "text": text})

    async def end(self) -> None:
        await self.incoming.put({"type": "websocket.disconnect", "code": 1000})
        await self.task
