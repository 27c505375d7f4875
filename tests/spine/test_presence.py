"""Who is looking at a conversation: told to those who may see it and who say where they are, and to nobody else."""

import asyncio

import pytest

from tests.running_demo import Demo, eventually, phones


@pytest.fixture
def conversation(demo: Demo) -> dict:
    phone = next(phones)
    demo.text(phone, demo.number, "Who is there?")
    return eventually(lambda: demo.client("maya").conversation_with(phone))


def presence(socket) -> list[tuple[str, str]]:
    return [(frame["user"]["name"], frame["state"]) for frame in socket.frames if frame["type"] == "presence"]


async def test_colleagues_in_the_room_are_told_and_strangers_are_not(demo: Demo, conversation):
    maya, dana, tom = demo.client("maya"), demo.client("dana"), demo.client("tom")
    async with demo.socket(maya) as first, demo.socket(dana) as second, demo.socket(tom) as stranger:
        for socket in (first, second, stranger):
            await socket.until(lambda frame: frame["type"] == "ready")
        await second.say(type="presence", conversation_id=conversation["id"], state="viewing")
        await stranger.say(type="presence", conversation_id=conversation["id"], state="replying")
        await asyncio.sleep(0.5)  # sockets are served side by side: only who is there already is told
        await first.say(type="presence", conversation_id=conversation["id"], state="replying")

        await second.until(lambda frame: frame["type"] == "presence" and frame["state"] == "replying")
        await first.quiet(1)
        await stranger.quiet(0.5)
        assert presence(second) == [("Maya Okafor", "replying")]
        assert "Tom Lindqvist" not in str(presence(first))
        assert presence(stranger) == []

        await first.raw.close()
        await second.until(lambda frame: frame["type"] == "presence" and frame["state"] == "gone")


async def test_who_says_nothing_is_told_nothing(demo: Demo, conversation):
    async with demo.socket(demo.client("maya")) as speaker, demo.socket(demo.client("dana")) as client:
        for socket in (speaker, client):
            await socket.until(lambda frame: frame["type"] == "ready")
        await speaker.say(type="presence", conversation_id=conversation["id"], state="viewing")

        await client.quiet(1)

        assert presence(client) == []


@pytest.mark.parametrize(
    "said", [{}, {"conversation_id": "x"}, {"conversation_id": 7, "state": "viewing"}, {"state": "there"}]
)
async def test_nonsense_harms_nobody(demo: Demo, said):
    async with demo.socket(demo.client("maya")) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")
        await socket.say(type="presence", **said)

        await socket.say(type="ping")

        assert (await socket.until(lambda frame: frame["type"] == "pong"))["type"] == "pong"
