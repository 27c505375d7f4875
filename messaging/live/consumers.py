"""`/ws/inbox`: a socket of one person. It queues the hub's frames, adds the viewer's cursor and writes them."""

import asyncio
import contextlib
import http.cookies
import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import Error

from accounts import sessions
from accounts.models import User
from messaging.live import cursors, event_log
from messaging.live.event_log import Frame
from messaging.live.hub import hub, in_thread, load_access, load_missed_frames, load_starts
from messaging.live.presence import Presence

log = logging.getLogger(__name__)
QUEUE_LENGTH = 200  # frames; a client that is further behind reads the log instead
AUTH_SECONDS = 10  # for clients that sign in with their first frame
HELLO_SECONDS = 1
# The query string of clients that will send a hello. Their live frames wait for it without a limit: over a slow line a
# second was too short, and what came in before the hello was missed.
WILL_SAY_HELLO = b"hello"
SEND_SECONDS = 5  # a client that takes nothing for so long is gone
# The contract's close codes. A browser can't see why a handshake failed, so an invalid sign-in is accepted and closed.
NOT_SIGNED_IN, DEACTIVATED, TOO_SLOW, TRY_AGAIN = 4401, 4403, 4408, 1013


@dataclass(frozen=True, slots=True)
class Missed:
    """A queued request to read the chatroom's log: other sockets were given newer events before this one joined."""

    room: str


class InboxConsumer(AsyncWebsocketConsumer):
    channel_layer_alias = "none"  # events come from the hub, and presence opens a channel when it is first needed

    user: User | None = None
    person = tenant = ""  # the ids of the user and their organization, once signed in
    identity: sessions.Identity | None = None
    writer: asyncio.Task | None = None
    waiting: asyncio.Task | None = None
    checking: asyncio.Task | None = None
    ending: asyncio.Task | None = None
    checked_at = 0.0
    writing_since = 0.0  # when the writer began the frame that it is writing, by the monotonic clock; 0 between frames
    behind = False  # frames were dropped: nothing is queued until the client sends a hello
    over = False

    async def connect(self) -> None:
        self.queue: asyncio.Queue[Frame | Missed | str] = asyncio.Queue(QUEUE_LENGTH)
        self.seen: dict[str, int] = {}
        self.parts: dict[str, str] = {}
        self.wanted: set[str] | None = None  # chatrooms subscribed to; None for all that are visible
        self.started = asyncio.Event()  # live frames wait for the client's hello, a second at most
        self.turn = asyncio.Lock()  # a replay and the writer must not write at the same time
        self.presence = Presence(self, get_channel_layer())
        self.looking = asyncio.Lock()  # an older reading of the rights must not undo a newer one
        self.look_again = False
        headers = dict(self.scope["headers"])
        bearer = headers.get(b"authorization", b"").decode("latin-1")
        cookie = _session_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        if bearer:
            await self.accept()
            await self.sign_in(sessions.Identity(token=bearer.removeprefix("Bearer ").strip()))
        elif cookie:
            # Browsers send cookies with handshakes from any site, and CORS does not apply to WebSockets.
            if not _trusted(headers.get(b"origin", b"").decode("latin-1")):
                return await self.close()  # before accept: the handshake is refused
            await self.accept()
            await self.sign_in(sessions.Identity(session_key=cookie))
        else:
            await self.accept()
            self.waiting = asyncio.create_task(self.give_up())

    async def give_up(self) -> None:
        await asyncio.sleep(AUTH_SECONDS)
        await self.end(NOT_SIGNED_IN)

    async def sign_in(self, identity: sessions.Identity) -> None:
        try:
            user, rooms = await in_thread(load_access, identity)
        except Error:
            return await self.end(TRY_AGAIN)
        if self.over:  # the client left while that was read
            return None
        if user is None or user.organization_id is None:
            return await self.end(NOT_SIGNED_IN)
        if not user.is_active:
            return await self.end(DEACTIVATED)
        if self.waiting:
            self.waiting.cancel()
        self.user, self.identity, self.checked_at = user, identity, time.monotonic()
        self.person, self.tenant = str(user.pk), str(user.organization_id)
        self.writer = asyncio.create_task(self.write())
        if self.scope["query_string"] != WILL_SAY_HELLO:
            asyncio.get_running_loop().call_later(HELLO_SECONDS, self.started.set)
        self.allowed = set(rooms)
        self.take(rooms)
        self.check_soon()  # a hint between reading the rights and joining the hub was lost

    async def disconnect(self, code: int) -> None:
        self.over = True
        hub.leave(self)
        for task in (self.writer, self.waiting, self.checking, self.ending):
            if task and task is not asyncio.current_task():
                task.cancel()
        await self.presence.end()

    async def end(self, code: int) -> None:
        if not self.over:
            self.over = True
            hub.leave(self)
            with contextlib.suppress(Exception):
                await self.close(code=code)

    # ------------------------------------------------------------ from the client
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            frame = orjson.loads(text_data or "")
            kind = frame["type"]
        except (ValueError, TypeError, KeyError):
            return await self.complain("bad_frame", "A frame must be a JSON object with a type.")
        if self.user is None:
            if kind == "auth" and isinstance(frame.get("token"), str):
                return await self.sign_in(sessions.Identity(token=frame["token"]))
            return await self.end(NOT_SIGNED_IN)
        if kind == "ping":
            await self.say({"type": "pong", "cursor": self.cursor()})
        elif kind == "hello":
            await self.hello(frame.get("cursor"))
        elif kind == "presence":
            await self.presence.announce(frame.get("conversation_id"), frame.get("state"))
        elif kind == "subscribe":
            await self.subscribe(frame.get("chatroom_ids"))
        elif kind != "auth":
            await self.complain("unknown_type", "Unknown frame type.")

    async def hello(self, cursor: Any) -> None:
        """Replay everything after the cursor, then send `ready`. Without a cursor, begin with the next event."""
        async with self.turn:
            self.behind = False
            if cursor:
                try:
                    position = cursors.parse_cursor(cursor)
                    if position.too_old:
                        return await self.say({"type": "resync"})
                    await self.replay(position)
                except cursors.BadCursor as error:
                    return await self.complain("bad_cursor", str(error))
                except Error:
                    return await self.end(TRY_AGAIN)
            await self.say({"type": "ready", "cursor": self.cursor(), "user_id": self.person})
        self.started.set()

    async def replay(self, position: cursors.Cursor) -> None:
        """Read each chatroom's log from the position on. Frames of the hub are queued meanwhile."""
        # The socket joined its chatrooms before, so there is no gap between log and hub: frames that come by both ways
        # are dropped by their numbers.
        latest, begin = await in_thread(load_starts, self.tenant, position, list(self.seen))
        for room in self.seen.keys() & begin.keys():
            self.note(
                room, begin[room]
            )  # all rooms first, so that no cursor in between claims a room that is yet to come
        for room, newest_number in sorted(latest.items()):
            if room not in self.seen:
                continue
            if begin[room] < newest_number:
                await self.catch_up(room)
            if self.seen.get(room, newest_number) < newest_number:  # retention has deleted the rest of the log
                self.note(room, newest_number)

    async def catch_up(self, room: str) -> None:
        """Write the chatroom's events from the log after the last one that was written."""
        while room in self.seen:
            frames = await in_thread(load_missed_frames, self.tenant, room, self.seen[room])
            for frame in frames:
                if room not in self.seen:
                    return
                self.note(room, frame.seq)
                await self.put(frame.text(self.cursor(), self.person))
            if len(frames) < event_log.PAGE:
                return

    async def subscribe(self, chatroom_ids: Any) -> None:
        """Limit the socket to some visible chatrooms, or open it to all of them again."""
        if chatroom_ids is not None:
            is_valid = isinstance(chatroom_ids, list) and all(
                isinstance(chatroom_id, str) and chatroom_id in self.allowed for chatroom_id in chatroom_ids
            )
            if not is_valid:
                return await self.complain("not_found", "One of these chatrooms was not found.")
        self.wanted = None if chatroom_ids is None else set(chatroom_ids)
        for room in list(self.seen):
            if self.wanted is not None and room not in self.wanted:
                self.drop(room)
        self.look_again = True
        await self.check()

    # ------------------------------------------------------------ rooms
    def take(self, rooms: dict[str, int]) -> None:
        new_rooms = {
            room: seq
            for room, seq in rooms.items()
            if room not in self.seen and (self.wanted is None or room in self.wanted)
        }
        for room, seq in new_rooms.items():
            self.note(room, seq)
        for room in hub.join(self, new_rooms):
            self.offer(Missed(room))

    def note(self, room: str, seq: int) -> None:
        self.seen[room] = seq
        self.parts[room] = cursors.format_part(room, seq)

    def drop(self, room: str) -> None:
        self.seen.pop(room, None)
        self.parts.pop(room, None)
        hub.leave_room(self, room)

    def cursor(self) -> str:
        return cursors.write_cursor(self.parts)

    # ------------------------------------------------------------ rights
    def check_soon(self) -> None:
        """Read the rights again soon, and once more if a reading is under way, which may have begun too early."""
        self.look_again = True
        if not self.checking or self.checking.done():
            self.checking = asyncio.create_task(self.check())

    async def check(self) -> None:
        async with self.looking:
            while self.look_again and not self.over:
                self.look_again = False
                await self.look()

    async def look(self) -> None:
        """Read the rights and apply them: close the socket, leave lost chatrooms, join new ones."""
        try:
            user, rooms = await in_thread(load_access, self.identity)
        except Error as error:
            log.warning("Rights can't be read (%s).", type(error).__name__)
            return None
        if self.over:
            return None
        if user is None or str(user.organization_id) != self.tenant:
            return await self.end(NOT_SIGNED_IN)
        if not user.is_active:
            return await self.end(DEACTIVATED)
        self.user, self.checked_at = user, time.monotonic()
        revoked, granted = self.allowed - set(rooms), set(rooms) - self.allowed
        self.allowed = set(rooms)
        for room in set(self.seen) - set(rooms):
            self.drop(room)
        for room in revoked:
            self.offer(orjson.dumps({"type": "access.revoked", "chatroom_id": room}).decode())
        self.take(rooms)
        for room in granted:
            self.offer(orjson.dumps({"type": "access.granted", "chatroom_id": room}).decode())
        await self.presence.leave_lost_place()

    # ------------------------------------------------------------ to the client
    def offer(self, frame: Frame | Missed | str) -> None:
        """Queue a frame. For a client that is too slow, all frames are replaced by one `catch_up`."""
        # Never waits: the hub delivers to all sockets in one loop, and a slow client must not hold up the others.
        if self.over or self.behind:
            return
        try:
            self.queue.put_nowait(frame)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.behind = True
            self.queue.put_nowait('{"type":"catch_up"}')

    async def write(self) -> None:
        try:
            while not self.over:
                item = await self.queue.get()
                await self.started.wait()
                async with self.turn:
                    self.writing_since = time.monotonic()
                    await self.write_one(item)
                    self.writing_since = 0.0
        except asyncio.CancelledError:
            raise
        except Error as error:
            log.warning("The log can't be read for a socket (%s).", type(error).__name__)
            await self.end(TRY_AGAIN)
        except OSError:  # the client is gone; it reads what it missed from the log when it comes back
            await self.end(TRY_AGAIN)
        except Exception:
            log.exception("A socket's writer broke.")
            await self.end(1011)

    async def write_one(self, item: Frame | Missed | str) -> None:
        if isinstance(item, Missed):
            return await self.catch_up(item.room)
        if isinstance(item, Frame):
            room = item.chatroom_id
            if item.seq > self.seen.get(room, item.seq) + 1:
                await self.catch_up(room)
            # Seen already in a replay, or of a chatroom that the person lost since it was queued.
            if item.seq <= self.seen.get(room, item.seq):
                return None
            self.note(room, item.seq)
            item = item.text(self.cursor(), self.person)
        if not self.over:
            await self.send(text_data=item)  # for how long, the hub watches: a timer for each frame costs a fifth

    def end_if_stuck(self, current_time: float) -> None:
        """Close the socket of a client that takes nothing. `current_time` is of the monotonic clock."""
        if self.writing_since and current_time - self.writing_since > SEND_SECONDS:
            self.writing_since = 0.0
            if self.writer:
                self.writer.cancel()
            self.ending = asyncio.create_task(self.end(TOO_SLOW))

    async def put(self, text: str) -> None:
        if self.over:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self.send(text_data=text)
        except TimeoutError:
            await self.end(TOO_SLOW)

    async def say(self, frame: dict) -> None:
        await self.put(orjson.dumps(frame).decode())

    async def complain(self, code: str, message: str) -> None:
        await self.say({"type": "error", "code": code, "message": message})


def _session_cookie(header: str) -> str:
    jar: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
    with contextlib.suppress(http.cookies.CookieError):
        jar.load(header)
    return jar[settings.SESSION_COOKIE_NAME].value if settings.SESSION_COOKIE_NAME in jar else ""


def _trusted(origin: str) -> bool:
    parts = urlsplit(origin)
    return bool(parts.scheme and parts.netloc) and f"{parts.scheme}://{parts.netloc}" in settings.TRUSTED_ORIGINS
