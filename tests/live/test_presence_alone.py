"""Presence without a server: where somebody is ends with the conversation's move to another chatroom."""

import asyncio
from types import SimpleNamespace

import orjson
import pytest
from django.db import connection

from chatrooms.models import Chatroom
from integrations import numbers
from messagehub import bus, tenancy
from messaging.live import presence as presence_module
from messaging.live.presence import Presence
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db(transaction=True)


class Layer:
    """A channel layer that writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    async def new_channel(self) -> str:
        return "channel"

    async def receive(self, channel: str) -> dict:
        await asyncio.Event().wait()
        raise AssertionError

    async def group_add(self, group: str, channel: str) -> None:
        self.asked.append(("add", group))

    async def group_discard(self, group: str, channel: str) -> None:
        self.asked.append(("discard", group))

    async def group_send(self, group: str, message: dict) -> None:
        self.asked.append((message["state"], message["chatroom_id"]))


class BrokenLayer(Layer):
    """As channels_redis was seen under uvloop when Valkey was killed: two tasks use one connection that is lost."""

    async def group_send(self, group: str, message: dict) -> None:
        raise RuntimeError("unable to perform operation on <UnixTransport closed=True>; the handler is closed")

    async def group_add(self, group: str, channel: str) -> None:
        raise AttributeError("'NoneType' object has no attribute 'writelines'")


@pytest.fixture
def hints(monkeypatch) -> list[tuple]:
    given: list[tuple] = []
    monkeypatch.setattr(bus, "publish", lambda channel, payloads: given.extend((channel, each) for each in payloads))
    return given


@pytest.fixture(autouse=True)
def no_silence(monkeypatch) -> None:
    """The pause after a failure of the layer belongs to the process, not to one socket."""
    monkeypatch.setattr(presence_module, "_silent_until", 0.0)


def test_nobody_stays_in_a_conversation_that_moved_to_another_chatroom(hints):
    acme = create_tenant("acme", "+15550100100")
    agent, room, conversation = acme["agent"], str(acme["room"].pk), str(acme["conversation"].pk)
    socket = SimpleNamespace(
        user=agent, person=str(agent.pk), tenant=str(agent.organization_id), seen={room: 0}, offer=print
    )
    layer = Layer()
    presence = Presence(socket, layer)

    async def announce_and_look(move: bool) -> None:
        await presence.announce(conversation, "viewing")
        if move:
            await asyncio.to_thread(move_number)
        await presence.leave_lost_place()

    def move_number() -> None:
        with tenancy.organization(agent.organization_id):
            support = Chatroom.objects.create(organization=acme["organization"], name="Support")
            numbers.change_number(acme["number"], by=agent, chatroom=support)
        connection.close()

    asyncio.run(announce_and_look(move=False))
    assert layer.asked == [("add", f"conversation.{conversation}"), ("viewing", room)]

    asyncio.run(announce_and_look(move=True))

    assert layer.asked[-2:] == [("discard", f"conversation.{conversation}"), ("gone", room)]
    assert (bus.ACCESS, orjson.dumps({"user_id": str(agent.pk)})) in hints  # so that open sockets look at once


def test_socket_outlives_whatever_the_layer_raises(caplog):
    acme = create_tenant("acme", "+15550100100")
    agent, room, conversation = acme["agent"], str(acme["room"].pk), str(acme["conversation"].pk)
    socket = SimpleNamespace(
        user=agent, person=str(agent.pk), tenant=str(agent.organization_id), seen={room: 0}, offer=print
    )
    presence = Presence(socket, BrokenLayer())

    async def come_and_go() -> None:
        await presence.announce(conversation, "viewing")
        await presence.announce(conversation, "gone")

    asyncio.run(come_and_go())

    assert presence.place is None
    assert "Nobody is told who is viewing or typing (AttributeError)." in caplog.text
