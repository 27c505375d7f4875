"""The hub: delivers events from one subscription to all sockets of this process, and fills gaps from the log."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import orjson
import redis.asyncio
from django.conf import settings
from django.db import Error, connection

from accounts import sessions
from accounts.models import User
from chatrooms.models import Chatroom
from messagehub import bus, tenancy
from messaging.live import cursors, event_log
from messaging.live.event_log import Frame
from messaging.live.throttle import Throttle

log = logging.getLogger(__name__)
CHECK_ACCESS_SECONDS = 60
CHECK_LOG_SECONDS = 5  # how long a lost hint can hide an event
CAMPAIGN_SECONDS = 1  # a running campaign changes a hundred times in a second
YIELD_EVERY = 64  # fewer than a socket's queue holds: a full buffer of frames must not starve the writers
threads = ThreadPoolExecutor(4, "hub")


async def in_thread(function, *args):
    """Run a database operation in a thread, on a connection that is known to work."""

    def run():
        connection.close_if_unusable_or_obsolete()
        try:
            return function(*args)
        except Error:
            connection.close()
            raise

    return await asyncio.get_running_loop().run_in_executor(threads, run)


# ---------------------------------------------------------------- what is read in threads
def load_rooms(user: User) -> dict[str, int]:
    """The newest number of each chatroom that the user may see."""
    with tenancy.organization(user.organization_id):
        return {str(pk): seq for pk, seq in Chatroom.objects.visible_to(user).values_list("pk", "last_seq")}


def load_access(identity: sessions.Identity) -> tuple[User | None, dict[str, int]]:
    """The user of a sign-in and what they may see now; (None, {}) once it has ended."""
    user = sessions.find_signed_in_user(identity)
    return (user, load_rooms(user)) if user and user.is_active else (user, {})


def load_newest_numbers(rooms: Iterable[str]) -> dict[str, int]:
    """Of chatrooms of any organization: a transaction for each would grow with their number."""
    with tenancy.system():
        return event_log.newest_numbers(rooms)


def load_missed_frames(organization_id, room: str, after: int) -> list[Frame]:
    with tenancy.organization(organization_id):
        return event_log.missed_frames(room, after)


def load_starts(organization_id, position: cursors.Cursor, rooms: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    """The newest number of each chatroom, and the number after which it is read on from the cursor."""
    with tenancy.organization(organization_id):
        latest = event_log.newest_numbers(rooms)
        return latest, event_log.find_starts(position, latest)


class Socket(Protocol):
    """What the hub needs of a socket."""

    person: str
    tenant: str
    checked_at: float  # when its rights were last read, by the monotonic clock

    def offer(self, frame: Frame | str) -> None: ...
    def check_soon(self) -> None: ...
    def end_if_stuck(self, current_time: float) -> None: ...
    async def close(self, code: int) -> None: ...


class Hub:
    """Delivers frames to the sockets of this process. One instance, on one event loop."""

    def __init__(self) -> None:
        self.rooms: dict[str, set[Socket]] = defaultdict(set)
        self.people: dict[str, set[Socket]] = defaultdict(set)
        self.last: dict[str, int] = {}  # the newest event given out of each chatroom that anybody listens to
        self.filling: set[str] = set()
        self.more: set[str] = set()
        self.fills: set[asyncio.Task] = set()
        self.tasks: list[asyncio.Task] = []
        self.campaigns = Throttle(CAMPAIGN_SECONDS, self.tell_campaign)

    async def startup(self) -> None:
        loops = (self.listen(), self.check_access(), self.check_log(), self.check_writers())
        self.tasks = [asyncio.create_task(coroutine) for coroutine in loops]

    async def shutdown(self) -> None:
        for socket in self.sockets():
            await socket.close(code=1012)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def sockets(self) -> set[Socket]:
        return set().union(*self.people.values()) if self.people else set()

    # ------------------------------------------------------------ joining and leaving
    def join(self, socket: Socket, rooms: dict[str, int]) -> list[str]:
        """Deliver these chatrooms to the socket from now on; numbers are its last events.

        Returns rooms in which other sockets have been given newer events meanwhile, which are to be read from the log.
        """
        self.people[socket.person].add(socket)
        for room, seq in rooms.items():
            self.rooms[room].add(socket)
            self.last.setdefault(room, seq)  # not raised here: other sockets may still miss events below `seq`
        return [room for room, seq in rooms.items() if self.last[room] > seq]

    def leave_room(self, socket: Socket, room: str) -> None:
        inside = self.rooms.get(room, set())
        inside.discard(socket)
        if not inside:
            self.rooms.pop(room, None)
            self.last.pop(room, None)

    def leave(self, socket: Socket) -> None:
        for room in [room for room, inside in self.rooms.items() if socket in inside]:
            self.leave_room(socket, room)
        person = socket.person
        if person in self.people:
            self.people[person].discard(socket)
            if not self.people[person]:
                del self.people[person]

    # ------------------------------------------------------------ delivering
    def deliver(self, frame: Frame) -> None:
        """Offer a frame to all sockets in its chatroom. A gap before it is filled from the log first."""
        room = frame.chatroom_id
        if not self.rooms.get(room):
            return
        last_number = self.last.get(room, 0)
        if frame.seq > last_number + 1 or room in self.filling:
            self.fill(room)
            return
        self.last[room] = max(last_number, frame.seq)
        self.give(frame)

    def give(self, frame: Frame) -> None:
        for socket in list(self.rooms.get(frame.chatroom_id, ())):
            socket.offer(frame)
        if frame.campaign_id:
            self.campaigns.touch((frame.chatroom_id, frame.campaign_id))

    def tell_campaign(self, key: tuple[str, str]) -> None:
        """Say that a campaign of a chatroom changed. Outside the log: where it is lost, the page asks by itself."""
        room, campaign_id = key
        frame = orjson.dumps({"type": "campaign.updated", "chatroom_id": room, "campaign_id": campaign_id}).decode()
        for socket in list(self.rooms.get(room, ())):
            socket.offer(frame)

    def fill(self, room: str) -> None:
        """Read on from the log. Meanwhile frames from the bus are only hints that there is more."""
        if room in self.filling:
            self.more.add(room)
            return
        self.filling.add(room)
        task = asyncio.create_task(self._fill(room))
        self.fills.add(task)
        task.add_done_callback(self.fills.discard)

    async def _fill(self, room: str) -> None:
        try:
            while inside := self.rooms.get(room):
                self.more.discard(room)
                organization_id = next(iter(inside)).tenant
                try:
                    frames = await in_thread(load_missed_frames, organization_id, room, self.last.get(room, 0))
                except Exception as error:
                    log.warning("The log of %s can't be read (%s); it is tried again.", room, type(error).__name__)
                    await asyncio.sleep(1)
                    continue
                for frame in frames:
                    self.last[room] = max(self.last.get(room, 0), frame.seq)
                    self.give(frame)
                if not frames and room not in self.more:
                    return
                await asyncio.sleep(0)
        finally:
            self.filling.discard(room)

    async def listen(self) -> None:
        """Subscribe to the bus. While Valkey is away the log is read once a second."""
        while True:
            client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(bus.EVENTS, bus.ACCESS, bus.PEOPLE, bus.CAMPAIGNS)
                    await self.read_log()  # events from before the subscription
                    count = 0
                    async for message in subscription.listen():
                        try:
                            self.heard(message["channel"].decode(), message["data"])
                        except Exception:  # a hint that can't be read must not end the process's only subscription
                            log.exception("A hint can't be read.")
                        count += 1
                        if count % YIELD_EVERY == 0:
                            await asyncio.sleep(0)
            except Exception as error:  # whatever it is, this is the process's only subscription
                log.warning("The bus is away (%s): reading the log each second.", type(error).__name__)
                await self.read_log()
                await asyncio.sleep(1)
            finally:
                await client.aclose()

    def heard(self, channel: str, data: bytes) -> None:
        if channel == bus.EVENTS:
            self.deliver(Frame.unpacked(data))
            return
        hint = orjson.loads(data)
        if channel == bus.CAMPAIGNS:
            if hint["chatroom_id"] in self.rooms:
                self.campaigns.touch((hint["chatroom_id"], hint["campaign_id"]))
            return
        for socket in list(self.people.get(hint["user_id"], ())):
            if channel == bus.ACCESS:
                socket.check_soon()
            else:
                socket.offer(orjson.dumps(hint["frame"]).decode())

    # ------------------------------------------------------------ what makes lost hints good
    async def read_log(self) -> None:
        """Compare what was delivered with the log, and fill what is missing."""
        try:
            newest = await in_thread(load_newest_numbers, list(self.rooms)) if self.rooms else {}
        except Exception as error:
            log.warning("The log can't be read (%s).", type(error).__name__)
            return
        for room, seq in newest.items():
            if room in self.rooms and seq > self.last.get(room, 0):
                self.fill(room)

    async def check_log(self) -> None:
        while True:
            await asyncio.sleep(CHECK_LOG_SECONDS)
            await self.read_log()

    async def check_writers(self) -> None:
        while True:
            await asyncio.sleep(1)
            current_time = time.monotonic()
            for socket in self.sockets():
                socket.end_if_stuck(current_time)

    async def check_access(self) -> None:
        """Read every socket's rights again once a minute, in case a hint about them was lost."""
        while True:
            await asyncio.sleep(CHECK_ACCESS_SECONDS / 4)
            current_time = time.monotonic()
            for socket in self.sockets():
                if current_time - socket.checked_at > CHECK_ACCESS_SECONDS * 3 / 4:
                    socket.check_soon()


hub = Hub()
