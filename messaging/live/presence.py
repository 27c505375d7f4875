"""Presence: who is viewing a conversation and who is typing, over groups of the channel layer.

Frames are delivered at most once, true for seconds and stored nowhere. Without Valkey there are none.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson
from django.db import Error

from accounts.models import User
from messagehub import tenancy
from messaging.live.hub import in_thread
from messaging.models import Conversation

log = logging.getLogger(__name__)
STATES = ("viewing", "replying", "gone")
# A socket joins its conversation's group with its first frame, so a silent one costs no subscription. With 200 sockets
# in one process, all announcing, an event costs 41 to 52 µs of CPU for each socket; over the hub it was 48 to 53.
FRAME_LIMIT, FRAME_SECONDS = 20, 10  # frames from one socket in so many seconds; more are ignored
LAYER_SECONDS = 1  # the longest that the layer is waited for, and the pause after a failure

_silent_until = 0.0


class ChannelLayer(Protocol):
    """What presence needs of a channel layer of Channels."""

    async def new_channel(self) -> str: ...
    async def receive(self, channel: str) -> dict: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: dict) -> None: ...


class Socket(Protocol):
    """What presence needs of a socket."""

    user: User | None
    person: str
    tenant: str
    seen: dict[str, int]  # keyed by the chatrooms that it may see

    def offer(self, frame: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    chatroom_id: str
    conversation_id: str

    @property
    def group(self) -> str:
        return f"conversation.{self.conversation_id}"


class Presence:
    """The presence of one socket's person, and of their colleagues in the same conversation."""

    def __init__(self, socket: Socket, layer: ChannelLayer) -> None:
        self.socket = socket
        self.layer = layer
        self.place: Place | None = None
        self.channel = ""  # the socket's own at the layer, while its person is somewhere
        self.receiver: asyncio.Task | None = None
        self.frame_times: deque[float] = deque(maxlen=FRAME_LIMIT)
        self.moving = asyncio.Lock()  # a chatroom can be lost while its conversation is being entered

    async def announce(self, conversation_id: Any, state: Any) -> None:
        """Announce where the person is. Invalid frames, and too many of them, are ignored."""
        current_time = time.monotonic()
        too_many = len(self.frame_times) == FRAME_LIMIT and current_time - self.frame_times[0] < FRAME_SECONDS
        self.frame_times.append(current_time)
        if too_many or state not in STATES:
            return
        async with self.moving:
            place = None if state == "gone" else await self.find_place(conversation_id)
            if place is None:
                await self.leave()
                return
            if self.place and self.place != place:
                await self.leave_group()
            await self.join_group(place)
            await self.send(place, state)

    async def end(self) -> None:
        async with self.moving:
            await self.leave()

    async def leave_lost_place(self) -> None:
        """Leave where the chatroom is lost, or the conversation moved to another one."""
        place = self.place
        if place is None:
            return
        is_seen = place.chatroom_id in self.socket.seen
        if not is_seen or await self.look_up_place(UUID(place.conversation_id)) != place:
            async with self.moving:
                if self.place == place:  # and not at another one meanwhile
                    await self.leave()

    async def find_place(self, conversation_id: Any) -> Place | None:
        """The conversation with this id, if the person may see it."""
        # The id is parsed and written anew: the client's own text never becomes the name of a group.
        try:
            parsed_id = UUID(conversation_id)
        except (ValueError, TypeError, AttributeError):
            return None
        if self.place and self.place.conversation_id == str(parsed_id):
            place: Place | None = self.place
        else:
            place = await self.look_up_place(parsed_id)
        return place if place and place.chatroom_id in self.socket.seen else None

    async def look_up_place(self, conversation_id: UUID) -> Place | None:
        rooms = [UUID(room) for room in self.socket.seen]
        with contextlib.suppress(Error):
            chatroom_id = await in_thread(find_chatroom, self.socket.tenant, conversation_id, rooms)
            return Place(str(chatroom_id), str(conversation_id)) if chatroom_id else None
        return None

    # ------------------------------------------------------------ the layer
    async def join_group(self, place: Place) -> None:
        """Joining again costs nothing, and makes up for a join that failed."""
        self.place = place
        if not self.receiver or self.receiver.done():
            await ask_layer(self.open_channel)
        if self.channel:
            await ask_layer(self.layer.group_add, place.group, self.channel)

    async def open_channel(self) -> None:
        self.channel = await self.layer.new_channel()
        self.receiver = asyncio.create_task(self.receive())

    async def leave(self) -> None:
        await self.leave_group()
        self.channel = ""
        if self.receiver:
            self.receiver.cancel()  # the layer forgets a channel when its receiver is cancelled
            await asyncio.wait([self.receiver], timeout=LAYER_SECONDS)
            self.receiver = None

    async def leave_group(self) -> None:
        """Leave first, so that the person's own "gone" is not delivered to their socket."""
        place, self.place = self.place, None
        if place:
            await ask_layer(self.layer.group_discard, place.group, self.channel, even_in_silence=True)
            await self.send(place, "gone")

    async def send(self, place: Place, state: str) -> None:
        if not self.socket.user:
            return
        frame = {
            "type": "presence",
            "chatroom_id": place.chatroom_id,
            "conversation_id": place.conversation_id,
            "user": {"id": self.socket.person, "name": self.socket.user.name},
            "state": state,
        }
        await ask_layer(self.layer.group_send, place.group, frame)

    async def receive(self) -> None:
        while True:
            frame = await self.layer.receive(self.channel)
            if self.is_for_socket(frame):
                self.socket.offer(orjson.dumps(frame).decode())

    def is_for_socket(self, frame: dict) -> bool:
        # A frame may have been queued before the socket left the conversation, or its person lost the chatroom.
        return (
            self.place == Place(frame["chatroom_id"], frame["conversation_id"])
            and frame["chatroom_id"] in self.socket.seen
            and frame["user"]["id"] != self.socket.person
        )


async def ask_layer(operation: Callable[..., Awaitable], *args: str | dict, even_in_silence: bool = False) -> None:
    """Call the layer. A failure is logged, and nothing is tried for the next second."""
    global _silent_until
    if time.monotonic() < _silent_until and not even_in_silence:
        return
    try:
        async with asyncio.timeout(LAYER_SECONDS):
            await operation(*args)
    except Exception as error:  # a connection that breaks under two tasks at once raises RuntimeError too (uvloop)
        _silent_until = time.monotonic() + LAYER_SECONDS
        log.warning("Nobody is told who is viewing or typing (%s).", type(error).__name__)


def find_chatroom(organization_id: str, conversation_id: UUID, rooms: list[UUID]) -> UUID | None:
    """The chatroom of a conversation, if it is one of these."""
    with tenancy.organization(organization_id):
        conversations = Conversation.objects.filter(pk=conversation_id, chatroom__in=rooms)
        return conversations.values_list("chatroom_id", flat=True).first()
