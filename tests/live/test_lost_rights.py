"""Rights that end close an open socket."""

import asyncio

from tests.running_demo import Demo, phones


async def test_rights_lost_all_at_once_end_a_narrowed_socket_too(demo: Demo):
    tom, phone = demo.client("tom"), next(phones)
    numbers = demo.details["twilio"]["numbers"]
    room, other = numbers[1]["chatroom_id"], numbers[2]["chatroom_id"]
    dana = demo.client("dana")
    both = [{"user_id": tom.user["id"], "chatroom_id": each} for each in (room, other)]
    await asyncio.to_thread(dana.post, "/api/user-chatrooms", json=both[1])
    lose = (
        "from messagehub import bus, tenancy; from chatrooms.models import UserChatroom\n"
        "with tenancy.system():\n"
        f"    UserChatroom.objects.filter(user_id='{tom.user['id']}').delete()\n"
        f"    bus.access_changed(['{tom.user['id']}'])"
    )
    try:
        async with demo.socket(tom) as socket:
            await socket.until(lambda frame: frame["type"] == "ready")
            await socket.say(type="subscribe", chatroom_ids=[room])
            await socket.say(type="ping")
            await socket.until(lambda frame: frame["type"] == "pong")

            await asyncio.to_thread(demo.shell.run, lose)

            await socket.until(lambda frame: frame["type"] == "access.revoked", 3)
            await asyncio.to_thread(demo.text, phone, numbers[1]["phone"], "Not for Tom any more")
            await socket.quiet(1)
            assert not [frame for frame in socket.frames if frame["type"] == "message.created"]
    finally:
        for each in both:
            await asyncio.to_thread(dana.post, "/api/user-chatrooms", json=each)
        await asyncio.to_thread(dana.delete, "/api/user-chatrooms", params=both[1])
