"""Who is viewing or typing: told to the colleagues in the same conversation who may see it, and to nobody else."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import redis

from messagehub import launcher
from tests.running_demo import Demo, Socket, clean_environment, eventually, is_ready, phones
from tests.sandbox_server import ROOT, free_port


@pytest.fixture
def conversation(demo: Demo) -> dict:
    return start_conversation(demo, "Who is there?")


def start_conversation(demo: Demo, text: str) -> dict:
    phone = next(phones)
    demo.text(phone, demo.number, text)
    return eventually(lambda: demo.client("maya").conversation_with(phone))


def presence(socket: Socket) -> list[tuple[str, str]]:
    return [(frame["user"]["name"], frame["state"]) for frame in socket.frames if frame["type"] == "presence"]


async def say_presence(socket: Socket, conversation: dict, state: str = "viewing") -> None:
    """Say it, and wait until the server has taken it: frames of one socket are served in order."""
    await socket.say(type="presence", conversation_id=conversation["id"], state=state)
    await socket.say(type="ping")
    await socket.until(lambda frame: frame["type"] == "pong")


def is_presence(state: str):
    return lambda frame: frame["type"] == "presence" and frame["state"] == state


def valkey_of(demo: Demo) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(launcher.locate(demo.local_dir).valkey_socket), decode_responses=True)


async def test_colleagues_in_the_conversation_are_told_and_strangers_are_not(demo: Demo, conversation):
    maya, dana, tom = demo.client("maya"), demo.client("dana"), demo.client("tom")
    async with demo.socket(maya) as first, demo.socket(dana) as second, demo.socket(tom) as stranger:
        for socket in (first, second, stranger):
            await socket.until(lambda frame: frame["type"] == "ready")
        await say_presence(second, conversation)
        await say_presence(stranger, conversation, "replying")
        await say_presence(first, conversation, "replying")

        await second.until(is_presence("replying"))
        await first.quiet(1)
        await stranger.quiet(0.5)
        assert presence(second) == [("Maya Okafor", "replying")]
        assert "Tom Lindqvist" not in str(presence(first))
        assert presence(stranger) == []

        await first.raw.close()
        await second.until(is_presence("gone"))


async def test_a_frame_names_the_person_and_the_conversation(demo: Demo, conversation):
    maya, dana = demo.client("maya"), demo.client("dana")
    async with demo.socket(maya) as first, demo.socket(dana) as second:
        await say_presence(second, conversation)
        await say_presence(first, conversation)

        assert await second.until(is_presence("viewing")) == {
            "type": "presence",
            "chatroom_id": conversation["chatroom_id"],
            "conversation_id": conversation["id"],
            "user": {"id": maya.user["id"], "name": "Maya Okafor"},
            "state": "viewing",
        }


async def test_a_colleague_in_another_conversation_is_not_told(demo: Demo, conversation):
    other = start_conversation(demo, "Somewhere else")
    async with demo.socket(demo.client("maya")) as first, demo.socket(demo.client("dana")) as second:
        await say_presence(second, other)
        await say_presence(first, conversation)
        await second.quiet(1)
        assert presence(second) == []

        await say_presence(first, other)
        await second.until(is_presence("viewing"))
        await say_presence(first, conversation)
        await second.until(is_presence("gone"))


async def test_who_says_nothing_is_told_nothing(demo: Demo, conversation):
    async with demo.socket(demo.client("maya")) as speaker, demo.socket(demo.client("dana")) as client:
        for socket in (speaker, client):
            await socket.until(lambda frame: frame["type"] == "ready")
        await say_presence(speaker, conversation)

        await client.quiet(1)

        assert presence(client) == []


async def test_who_has_gone_is_told_nothing_more(demo: Demo, conversation):
    async with demo.socket(demo.client("maya")) as first, demo.socket(demo.client("dana")) as second:
        await say_presence(second, conversation)
        await say_presence(second, conversation, "gone")
        await say_presence(first, conversation)

        await second.quiet(1)

        assert presence(second) == []


async def test_the_id_that_is_sent_on_is_ours_not_the_clients_text(demo: Demo, conversation):
    """UUID() ignores dashes, so 60,000 of them made one frame of 60 KB for every colleague."""
    async with demo.socket(demo.client("maya")) as first, demo.socket(demo.client("dana")) as second:
        await say_presence(second, conversation)

        await say_presence(first, {"id": "-" * 60_000 + conversation["id"].upper()})

        told = await second.until(is_presence("viewing"))
        assert told["conversation_id"] == conversation["id"]


async def test_frames_beyond_the_rate_limit_are_ignored(demo: Demo, conversation):
    async with demo.socket(demo.client("maya")) as first, demo.socket(demo.client("dana")) as second:
        await say_presence(second, conversation)
        for number in range(60):
            await first.say(
                type="presence", conversation_id=conversation["id"], state=("viewing", "replying")[number % 2]
            )

        await second.quiet(1.5)

        assert len(presence(second)) == 20


async def test_who_loses_the_chatroom_is_gone_and_told_nothing_more(demo: Demo, conversation):
    dana, tom = demo.client("dana"), demo.client("tom")
    assignment = {"user_id": tom.user["id"], "chatroom_id": conversation["chatroom_id"]}
    assert (await asyncio.to_thread(dana.post, "/api/user-chatrooms", json=assignment)).status_code == 201
    async with demo.socket(demo.client("maya")) as first, demo.socket(tom) as second:
        await say_presence(second, conversation)
        await say_presence(first, conversation)
        await second.until(is_presence("viewing"))

        await asyncio.to_thread(dana.delete, "/api/user-chatrooms", params=assignment)

        await first.until(is_presence("gone"))
        await second.until(lambda frame: frame["type"] == "access.revoked")
        seen = len(second.frames)
        await say_presence(first, conversation, "replying")
        await say_presence(second, conversation)
        await second.quiet(1)
        assert not [frame for frame in second.frames[seen:] if frame["type"] == "presence"]
        assert presence(first)[-1] == ("Tom Lindqvist", "gone")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"conversation_id": "x"},
        {"conversation_id": 7, "state": "viewing"},
        {"conversation_id": ["x"], "state": "viewing"},
        {"state": "there"},
        {"state": ["viewing"]},
    ],
)
async def test_nonsense_harms_nobody(demo: Demo, said):
    async with demo.socket(demo.client("maya")) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")
        await socket.say(type="presence", **said)

        await socket.say(type="ping")

        assert (await socket.until(lambda frame: frame["type"] == "pong"))["type"] == "pong"


# ---------------------------------------------------------------- the channel layer
def subscriptions(demo: Demo) -> set[str]:
    with valkey_of(demo) as valkey:
        return set(valkey.pubsub_channels("mh-channels*"))


async def test_a_socket_costs_a_subscription_only_while_its_person_is_somewhere(demo: Demo, conversation):
    group = f"mh-channels__group__conversation.{conversation['id']}"
    await asyncio.to_thread(eventually, lambda: not subscriptions(demo))
    async with demo.socket(demo.client("maya")) as first, demo.socket(demo.client("dana")) as second:
        for socket in (first, second):
            await socket.until(lambda frame: frame["type"] == "ready")
        assert subscriptions(demo) == set()

        await say_presence(first, conversation)
        assert group in subscriptions(demo)
        assert len(subscriptions(demo)) == 2

        await say_presence(first, conversation, "gone")
        await asyncio.to_thread(eventually, lambda: not subscriptions(demo))

        await say_presence(second, conversation)
        assert group in subscriptions(demo)
    await asyncio.to_thread(eventually, lambda: not subscriptions(demo))


@pytest.fixture
def other_process(demo: Demo) -> Iterator[str]:
    """The address of a second process that serves sockets, as production runs several."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "messagehub.asgi:application", "--port", str(port), "--log-level", "warning"],
        env={**clean_environment(demo.local_dir), "PORT": str(port)},
        cwd=ROOT,
    )
    try:
        eventually(lambda: is_ready(port), 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


async def test_colleagues_meet_across_processes(demo: Demo, conversation, other_process: str):
    maya, dana = demo.client("maya"), demo.client("dana")
    async with demo.socket(maya) as here, demo.socket(dana, base_url=other_process) as there:
        await say_presence(there, conversation)
        await say_presence(here, conversation, "replying")
        await there.until(is_presence("replying"))
        await say_presence(there, conversation, "replying")
        await here.until(is_presence("replying"))
    assert presence(there) == [("Maya Okafor", "replying")]


async def test_sockets_outlive_valkey_and_meet_again_when_it_is_back(demo: Demo, conversation):
    maya, dana = demo.client("maya"), demo.client("dana")
    async with demo.socket(maya) as first, demo.socket(dana) as second:
        await say_presence(first, conversation)
        await say_presence(second, conversation)
        with valkey_of(demo) as valkey:
            pid = valkey.info("server")["process_id"]
        os.kill(pid, signal.SIGKILL)

        await say_presence(first, conversation, "replying")
        await say_presence(second, {"id": "x"}, "gone")
        async with asyncio.timeout(30):
            while ("Maya Okafor", "viewing") not in presence(second)[-1:]:
                await say_presence(second, conversation, "replying")
                await say_presence(first, conversation)
                await second.quiet(0.5)
    assert "in receive task" not in (demo.local_dir / "demo.log").read_text()
