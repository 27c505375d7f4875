"""`campaign.updated`: what a socket hears of a campaign, how often, and who hears it."""

import asyncio
import json

from messagehub import bus
from messaging.live import event_log
from messaging.live.hub import Hub
from messaging.live.throttle import Throttle
from tests.live.test_hub_alone import Viewer


def run_with_clock(scenario) -> None:
    """Run a scenario on a loop whose time is moved by it: `await pass_time(seconds)`."""

    async def act() -> None:
        loop, now = asyncio.get_running_loop(), [0.0]
        loop.time = lambda: now[0]

        async def pass_time(seconds: float) -> None:
            now[0] += seconds
            for _ in range(3):
                await asyncio.sleep(0)

        await scenario(pass_time)

    asyncio.run(act())


def test_what_happens_often_is_let_through_at_once_and_then_once_a_second():
    heard = []
    throttle = Throttle(1, heard.append)

    async def scenario(pass_time) -> None:
        for _ in range(100):
            throttle.touch(("room", "one"))
        throttle.touch(("room", "other"))
        assert heard == [("room", "one"), ("room", "other")]
        await pass_time(0.9)
        assert len(heard) == 2
        await pass_time(0.2)
        assert heard[2:] == [("room", "one")]  # of the other nothing came in the meantime
        await pass_time(5)
        assert len(heard) == 3
        throttle.touch(("room", "one"))
        assert len(heard) == 4

    run_with_clock(scenario)


def test_campaign_s_messages_tell_of_it_to_the_sockets_of_its_chatroom_alone():
    hub, inside, outside = Hub(), Viewer("t", person="in"), Viewer("t", person="out")
    hub.join(inside, {"sales": 0})
    hub.join(outside, {"support": 0})

    async def scenario(pass_time) -> None:
        for seq in range(1, 301):
            frame = event_log.Frame("sales", seq, "{", "}", None, 0, {}, "spring")
            hub.heard(bus.EVENTS, frame.packed())
        hub.heard(bus.CAMPAIGNS, b'{"chatroom_id": "sales", "campaign_id": "spring"}')
        hub.heard(bus.CAMPAIGNS, b'{"chatroom_id": "elsewhere", "campaign_id": "spring"}')
        await pass_time(1)

    run_with_clock(scenario)
    told = [json.loads(frame) for frame in inside.frames if isinstance(frame, str)]
    assert told == [{"type": "campaign.updated", "chatroom_id": "sales", "campaign_id": "spring"}] * 2
    assert len(inside.frames) == 302
    assert outside.frames == []
