"""The socket, from outside: who gets what, in which order, and what a cut connection costs (nothing)."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import websockets

from tests.running_demo import Demo, Socket, eventually, phones


async def test_a_text_reaches_every_entitled_socket_and_no_other(demo: Demo):
    phone = next(phones)
    async with (
        demo.socket(demo.client("maya")) as maya,
        demo.socket(demo.client("dana")) as dana,
        demo.socket(demo.client("tom")) as tom,
        demo.socket(demo.client("ines")) as ines,
    ):
        for socket in (maya, dana, tom, ines):
            await socket.until(lambda frame: frame["type"] == "ready")

        await asyncio.to_thread(demo.text, phone, demo.number, "Hello you two")

        def arrived(frame):
            return frame["type"] == "message.created" and frame["message"]["content"] == "Hello you two"

        for socket in (maya, dana):
            frame = await socket.until(arrived)
            assert frame["conversation"]["contact"]["phone"] == phone
            assert frame["conversation"]["unread_count"] == 1
            assert frame["cursor"]
        for socket in (tom, ines):
            await socket.quiet(0.5)
            assert not any(arrived(frame) for frame in socket.frames)


async def test_what_came_while_the_socket_was_cut_is_replayed_once_and_in_order(demo: Demo):
    client, phone = demo.client("maya"), next(phones)
    async with demo.socket(client) as before:
        ready = await before.until(lambda frame: frame["type"] == "ready")

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: demo.text(phone, demo.number, f"While away {n}"), range(500)))
    await asyncio.to_thread(eventually, lambda: (c := client.conversation_with(phone)) and c["unread_count"] == 500, 60)

    async with demo.socket(client, cursor=ready["cursor"]) as after:
        await after.until(lambda frame: frame["type"] == "ready", 30)

    came = [frame for frame in after.frames if frame["type"] == "message.created"]
    mine = [frame["message"]["content"] for frame in came if frame["conversation"]["contact"]["phone"] == phone]
    assert sorted(mine) == sorted(f"While away {n}" for n in range(500))
    assert [frame["seq"] for frame in came] == sorted({frame["seq"] for frame in came})


async def test_a_cursor_from_any_frame_continues_after_that_frame(demo: Demo):
    client, phone = demo.client("maya"), next(phones)
    async with demo.socket(client, cursor=client.read("/api/events")["cursor"]) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")
        await asyncio.to_thread(demo.text, phone, demo.number, "fourth")
        await asyncio.to_thread(demo.text, phone, demo.number, "fifth")
        fourth = await socket.until(lambda f: f["type"] == "message.created" and f["message"]["content"] == "fourth")
        await socket.until(lambda f: f["type"] == "message.created" and f["message"]["content"] == "fifth")

    async with demo.socket(client, cursor=fourth["cursor"]) as again:
        await again.until(lambda frame: frame["type"] == "ready")

    assert [f["message"]["content"] for f in again.frames if f["type"] == "message.created"] == ["fifth"]


async def test_a_replay_that_is_cut_is_gone_on_with_in_every_room(demo: Demo):
    """A frame of one room carried the newest number of the others, of which nothing had been given yet."""
    admin, numbers = demo.client("dana"), [number["phone"] for number in demo.details["twilio"]["numbers"]][:2]
    begin = admin.read("/api/events")["cursor"]
    for phone, number in zip([next(phones) for _ in numbers], numbers, strict=True):
        for n in range(2):
            await asyncio.to_thread(demo.text, phone, number, f"To {number}, {n}")
    wanted = {f"To {number}, {n}" for number in numbers for n in range(2)}

    def came(socket: Socket) -> list[str]:
        texts = [frame["message"]["content"] for frame in socket.frames if frame["type"] == "message.created"]
        return [text for text in texts if text in wanted]

    async with demo.socket(admin, cursor=begin) as whole:
        async with asyncio.timeout(15):
            while set(came(whole)) != wanted:
                await whole.until(lambda frame: True)
    async with demo.socket(admin, cursor=begin) as replayed:
        await replayed.until(lambda frame: frame["type"] == "ready")
    events = replayed.frames[:-1]
    last_of = {frame["chatroom_id"]: frame["seq"] for frame in events}  # others may be told of meanwhile
    assert len(last_of) > 1
    for place, cut in enumerate(events):
        async with demo.socket(admin, cursor=cut["cursor"]) as again:
            await again.until(lambda frame: frame["type"] == "ready")
        known = [f["seq"] for f in again.frames[:-1] if f["seq"] <= last_of.get(f["chatroom_id"], 0)]
        assert known == [f["seq"] for f in events[place + 1 :]]


async def test_a_hello_that_is_late_gets_what_was_missed_before_what_comes(demo: Demo):
    client, phone = demo.client("maya"), next(phones)
    begin = client.read("/api/events")["cursor"]
    await asyncio.to_thread(demo.text, phone, demo.number, "While it was away")
    await asyncio.to_thread(eventually, lambda: client.conversation_with(phone))
    headers = {"Authorization": f"Bearer {client.token}"}
    url = demo.base_url.replace("http", "ws") + "/ws/inbox?hello"
    async with websockets.connect(url, additional_headers=headers) as raw:
        slow = Socket(raw)
        await asyncio.to_thread(demo.text, phone, demo.number, "While it connected")
        await slow.quiet(2.5)
        assert slow.frames == []
        await slow.say(type="hello", cursor=begin)
        await slow.until(lambda frame: frame["type"] == "ready")
    texts = [frame["message"]["content"] for frame in slow.frames if frame["type"] == "message.created"]
    assert texts == ["While it was away", "While it connected"]


async def test_nobody_is_let_in_without_a_sign_in(demo: Demo):
    url = demo.base_url.replace("http", "ws") + "/ws/inbox"
    async with websockets.connect(url) as raw:
        await raw.send('{"type": "hello"}')
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await raw.recv()
    assert closed.value.rcvd.code == 4401

    async with websockets.connect(url, additional_headers={"Authorization": "Bearer made-up"}) as raw:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await raw.recv()
    assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "https://127.0.0.1"])
async def test_a_cookie_counts_only_from_our_own_origin(demo: Demo, origin):
    browser = login_as_browser(demo)
    url = demo.base_url.replace("http", "ws") + "/ws/inbox"
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(url, origin=origin, additional_headers={"Cookie": f"sessionid={browser}"})
    assert refused.value.response.status_code == 403

    async with websockets.connect(
        url, origin=demo.base_url, additional_headers={"Cookie": f"sessionid={browser}"}
    ) as raw:
        await raw.send('{"type": "hello"}')
        assert '"ready"' in await raw.recv()


def login_as_browser(demo: Demo) -> str:
    answer = requests.post(
        f"{demo.base_url}/api/auth/login",
        json={"email": demo.agent["email"], "password": demo.agent["password"]},
        timeout=20,
    )
    return answer.cookies["sessionid"]


async def test_signing_out_ends_token_cookie_and_socket(demo: Demo):
    client = demo.client("maya")
    async with demo.socket(client) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")
        assert (await asyncio.to_thread(client.post, "/api/auth/logout")).status_code == 204
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.quiet(5)
    assert closed.value.rcvd.code == 4401
    assert client.get("/api/auth/me").status_code == 401


async def test_an_assignment_opens_and_closes_the_room_on_an_open_socket(demo: Demo):
    dana, tom, phone = demo.client("dana"), demo.client("tom"), next(phones)
    room = demo.details["twilio"]["numbers"][0]["chatroom_id"]
    mine = {"user_id": tom.user["id"], "chatroom_id": room}
    async with demo.socket(tom) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")

        assert (await asyncio.to_thread(dana.post, "/api/user-chatrooms", json=mine)).status_code == 201
        await socket.quiet(0.5)
        await asyncio.to_thread(demo.text, phone, demo.number, "While assigned")
        await socket.until(lambda frame: frame["type"] == "message.created" and frame["chatroom_id"] == room)

        assert (await asyncio.to_thread(dana.delete, "/api/user-chatrooms", params=mine)).status_code == 204
        revoked = await socket.until(lambda frame: frame["type"] == "access.revoked", 2)
        assert revoked["chatroom_id"] == room
        seen = len(socket.frames)
        await asyncio.to_thread(demo.text, phone, demo.number, "Not for Tom")
        await socket.quiet(1)
        assert [frame for frame in socket.frames[seen:] if frame.get("chatroom_id") == room] == []

    async with demo.socket(tom, cursor=socket.frames[seen - 2]["cursor"]) as again:
        await again.until(lambda frame: frame["type"] == "ready")
    assert [frame for frame in again.frames if frame.get("chatroom_id") == room] == []


async def test_subscribing_narrows_and_a_room_of_others_does_not_exist(demo: Demo):
    dana, phone = demo.client("dana"), next(phones)
    numbers = demo.details["twilio"]["numbers"]
    foreign = demo.details["twilio_others"][0]["numbers"][0]["chatroom_id"]
    async with demo.socket(dana) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")
        for wrong in ([foreign], ["made-up"], "x", [[]], [1]):
            await socket.say(type="subscribe", chatroom_ids=wrong)
            refused = await socket.until(lambda frame: frame["type"] == "error")
            assert (refused["code"], refused["message"]) == ("not_found", "One of these chatrooms was not found.")

        await socket.say(type="subscribe", chatroom_ids=[numbers[1]["chatroom_id"]])
        await socket.say(type="ping")
        await socket.until(lambda frame: frame["type"] == "pong")
        await asyncio.to_thread(demo.text, phone, numbers[0]["phone"], "Not subscribed")
        await asyncio.to_thread(demo.text, phone, numbers[1]["phone"], "Subscribed")
        came = await socket.until(lambda frame: frame["type"] == "message.created")
        assert came["message"]["content"] == "Subscribed"


@pytest.mark.parametrize(
    "cursor", ["x", "1-", "1-zzzzzzzzzzzzzz", "1-0-a.b.c", "2-abc", 5, ["1"], {"a": 1}, "1-tovppq-x._"]
)
async def test_a_cursor_that_is_none_is_refused_or_asks_to_reload(demo: Demo, cursor):
    async with demo.socket(demo.client("maya"), cursor=cursor) as socket:
        answer = await socket.until(lambda frame: True)
        assert answer["type"] in ("error", "resync")
        await socket.say(type="hello")
        await socket.until(lambda frame: frame["type"] == "ready")


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "5", '"hello"', '{"type": []}', '{"no": "type"}', "[" * 10_000, "{"]
)
async def test_odd_frames_are_complained_about_and_the_socket_stays(demo: Demo, text: str):
    async with demo.socket(demo.client("maya")) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")
        await socket.raw.send(text)
        assert (await socket.until(lambda frame: True))["type"] == "error"
        await socket.say(type="ping")
        await socket.until(lambda frame: frame["type"] == "pong")


async def test_a_reader_that_is_too_slow_is_told_to_ask_again_and_misses_nothing(demo: Demo):
    client, tag, many = demo.client("maya"), next(phones), 900
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, port = demo.base_url.removeprefix("http://").split(":")
    narrow.connect((host, int(port)))
    narrow.setblocking(False)
    url, headers = f"ws://{host}:{port}/ws/inbox", {"Authorization": f"Bearer {client.token}"}
    async with websockets.connect(url, sock=narrow, additional_headers=headers, max_queue=1, compression=None) as raw:
        slow = Socket(raw)
        await slow.say(type="hello")
        await slow.until(lambda frame: frame["type"] == "ready")
        large = "\U0001f600" * 1480
        with ThreadPoolExecutor(24) as pool:
            posting = [pool.submit(demo.text, tag, demo.number, f"{n} {large}") for n in range(many)]
            await asyncio.sleep(3.5)  # and reads nothing meanwhile
            came: list[str] = []
            while len(set(came)) < many:
                frame = await slow.until(lambda frame: True, 20)
                if frame["type"] == "catch_up":
                    await slow.say(type="hello", cursor=[f["cursor"] for f in slow.frames if "cursor" in f][-1])
                elif frame["type"] == "message.created" and frame["conversation"]["contact"]["phone"] == tag:
                    came.append(frame["message"]["content"].split()[0])
            assert all(each.result()["webhook_status"] == 200 for each in posting)

    assert sorted(came, key=int) == [str(n) for n in range(many)]


ANOTHER_NUMBER = """
from accounts.models import User
from chatrooms.models import Contact
from integrations.models import Channel
from messagehub import tenancy
from messaging.conversations import changes

with tenancy.system():
    first = Channel.objects.select_related("chatroom").get(address="{number}")
    channel = Channel.objects.create(
        organization_id=first.organization_id, chatroom=first.chatroom, account_id=first.account_id, address="{phone}"
    )
    contact = Contact.objects.create(organization_id=first.organization_id, chatroom=first.chatroom, phone="{phone}9")
    print(channel.pk, changes.open_conversation(contact, channel).pk, end="")
"""


async def test_a_conversation_moves_with_its_number_from_one_agent_to_another(demo: Demo):
    maya, tom, dana = demo.client("maya"), demo.client("tom"), demo.client("dana")
    code = ANOTHER_NUMBER.format(number=demo.number, phone=next(phones))
    number, conversation = (await asyncio.to_thread(demo.shell.run, code)).split()
    path = f"/api/conversations/{conversation}"
    assert (maya.get(path).status_code, tom.get(path).status_code) == (200, 404)
    async with demo.socket(maya) as hers, demo.socket(tom) as his:
        for socket in (hers, his):
            await socket.until(lambda frame: frame["type"] == "ready")
        move = {"chatroom_id": tom.user["chatroom_ids"][0]}
        assert (await asyncio.to_thread(dana.patch, f"/api/sender-numbers/{number}", json=move)).status_code == 200

        gone = await hers.until(lambda frame: frame.get("conversation_id") == conversation)
        come = await his.until(lambda frame: frame.get("conversation", {}).get("id") == conversation)

    assert (gone["type"], "conversation" in gone) == ("conversation.moved", False)
    assert (come["type"], come["chatroom_id"]) == ("conversation.updated", move["chatroom_id"])
    assert (maya.get(path).status_code, tom.get(path).status_code) == (404, 200)
