"""The socket's part of the permission table: every caller with every kind of chatroom id."""

import asyncio
from uuid import uuid4

import pytest
import websockets

from tests.running_demo import Demo, Socket, phones

MADE_UP = "01900000-0000-7000-8000-000000000000"
KINDS = ("own", "other_room", "other_org", "made_up")
# Which chatrooms each caller may subscribe to; None for those who are not let in at all.
SEEN = {
    "dana": {"own", "other_room"},  # admin
    "maya": {"own"},  # agent of the chatroom
    "tom": {"other_room"},  # agent of another one
    "ines": {"other_org"},  # admin of another organization
    "key": {"own"},  # an API key of maya's that may read
    "key without the scope": None,
    "operator": None,
    "nobody": None,
    "a made-up token": None,
}


def credentials(demo: Demo, caller: str) -> str:
    """A bearer token; empty for who has none. Operators have no token at all: the API refuses to sign them in."""
    if caller in ("nobody", "operator"):
        return ""
    if caller == "a made-up token":
        return uuid4().hex
    if not caller.startswith("key"):
        return demo.client(caller).token
    maya = demo.client("maya")
    scopes = ["send"] if caller == "key without the scope" else ["read"]
    made = maya.post("/api/keys", json={"name": f"{caller} {uuid4().hex[:6]}", "scopes": scopes})
    assert made.status_code == 201, made.text
    return made.json()["secret"]


@pytest.fixture
def rooms(demo: Demo) -> dict[str, str]:
    mine = demo.details["twilio"]["numbers"]
    theirs = demo.details["twilio_others"][0]["numbers"]
    return {
        "own": mine[0]["chatroom_id"],
        "other_room": mine[1]["chatroom_id"],
        "other_org": theirs[0]["chatroom_id"],
        "made_up": MADE_UP,
    }


async def greet(socket: Socket) -> None:
    """Say hello and listen. A socket that is let in by nobody may be closed before, between or after."""
    await socket.say(type="hello")
    await socket.quiet(3)


@pytest.mark.parametrize("caller", SEEN)
async def test_every_caller_with_every_kind_of_chatroom(demo: Demo, rooms: dict[str, str], caller: str):
    token = await asyncio.to_thread(credentials, demo, caller)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = demo.base_url.replace("http", "ws") + "/ws/inbox"
    phone, text = next(phones), f"For the socket table {uuid4().hex[:6]}"
    async with websockets.connect(url, additional_headers=headers) as raw:
        socket = Socket(raw)
        if SEEN[caller] is None:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await greet(socket)
            assert closed.value.rcvd.code == 4401
            return
        await socket.say(type="hello")
        await socket.until(lambda frame: frame["type"] == "ready")

        refusals = {}
        for kind in KINDS:
            await socket.say(type="subscribe", chatroom_ids=[rooms[kind]])
            await socket.say(type="ping")
            answer = await socket.until(lambda frame: frame["type"] in ("error", "pong"))
            refusals[kind] = answer.get("message")
            if answer["type"] == "error":
                await socket.until(lambda frame: frame["type"] == "pong")
        assert {kind for kind in KINDS if refusals[kind] is None} == SEEN[caller]
        assert {refusals[kind] for kind in KINDS if kind not in SEEN[caller]} == {refusals["made_up"]}

        await socket.say(type="subscribe")
        await socket.say(type="ping")
        await socket.until(lambda frame: frame["type"] == "pong")
        seen = len(socket.frames)
        await asyncio.to_thread(demo.text, phone, demo.number, text)
        await socket.quiet(1)
        told = [frame for frame in socket.frames[seen:] if text in str(frame)]
        assert bool(told) == ("own" in SEEN[caller])


def test_operators_get_no_token(demo: Demo):
    operator = demo.details["operator"]
    with pytest.raises(AssertionError, match="operators_use_admin"):
        demo.client(operator)
