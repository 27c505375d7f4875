"""Rights that change are felt on open sockets within two seconds."""

import asyncio

import pytest
import websockets

from tests.running_demo import Demo


async def test_a_deactivated_person_is_told_so_and_comes_back_by_signing_in(demo: Demo):
    dana, priya = demo.client("dana"), demo.client("priya")
    path = f"/api/users/{priya.user['id']}"
    async with demo.socket(priya) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")
        assert (await asyncio.to_thread(dana.delete, path)).status_code == 204
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.quiet(2)
    assert closed.value.rcvd.code == 4403
    assert priya.get("/api/auth/me").status_code == 401

    assert dana.patch(path, json={"is_active": True}).status_code == 200
    assert priya.get("/api/auth/me").status_code == 401
    assert demo.client("priya").get("/api/auth/me").status_code == 200


async def test_a_new_role_opens_every_room_and_takes_them_back(demo: Demo):
    dana, priya = demo.client("dana"), demo.client("priya")
    path = f"/api/users/{priya.user['id']}"
    others = {room["chatroom_id"] for room in demo.details["twilio"]["numbers"]} - set(priya.user["chatroom_ids"])
    async with demo.socket(priya) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")
        assert (await asyncio.to_thread(dana.patch, path, json={"role": "admin"})).status_code == 200
        await socket.quiet(0.5)
        assert (await asyncio.to_thread(dana.patch, path, json={"role": "agent"})).status_code == 200
        await socket.quiet(1.5)
    revoked = {frame["chatroom_id"] for frame in socket.frames if frame["type"] == "access.revoked"}
    assert revoked == others


async def test_an_api_key_opens_a_socket_until_it_is_deleted(demo: Demo):
    maya = demo.client("maya")
    made = maya.post("/api/keys", json={"name": "Live", "scopes": ["read"]}).json()
    keyed = demo.client("maya")
    keyed.token = made["secret"]
    async with demo.socket(keyed) as socket:
        await socket.until(lambda frame: frame["type"] == "ready")
        assert (await asyncio.to_thread(maya.delete, f"/api/keys/{made['id']}")).status_code == 204
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.quiet(2)
    assert closed.value.rcvd.code == 4401
