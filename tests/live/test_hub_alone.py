"""The hub's loops over all organizations: one whose log can't be read keeps no other's from being filled."""

import asyncio
from dataclasses import dataclass

import pytest

from messagehub import bus
from messaging.live.hub import Hub
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
