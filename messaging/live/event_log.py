"""The live feed: a log of changes per chatroom, numbered in the order of commits, and the frames made from it.

`record` is the last thing that an operation does: it takes each chatroom's next numbers under a row lock that lasts
to the commit, so whoever reads up to a number has missed nothing below it. Frames go out after the commit as hints;
a lost one is read again from the log.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from messagehub import bus, sql
from messaging import payloads
from messaging.live import cursors
from messaging.models import Event

CREATED, UPDATED = Event.Type.MESSAGE_CREATED, Event.Type.MESSAGE_UPDATED
CONVERSATION = Event.Type.CONVERSATION_UPDATED
MOVED = "conversation.moved"  # to another chatroom, which the viewer need not see
PAGE = 200
OVERLAP_SECONDS = 120

# Never in one statement with the update: that goes by the row as it was before the wait. While a foreign key of another
# transaction still holds that one, the update queues for it, behind a third who has a place there and waits for us. The
# update of a single chatroom needs no order, and holds nothing of it while it waits.
HOLD = "SELECT id FROM chatrooms WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE;"
RECORD = """
WITH wanted AS (
    SELECT * FROM ROWS FROM (json_to_recordset(%s)
        AS (organization_id uuid, chatroom_id uuid, type text, conversation_id uuid, message_id uuid))
        WITH ORDINALITY AS w (organization_id, chatroom_id, type, conversation_id, message_id, place)
), counted AS (
    SELECT chatroom_id, count(*) AS n FROM wanted GROUP BY chatroom_id
), bumped AS (
    UPDATE chatrooms SET last_seq = last_seq + counted.n FROM counted WHERE chatrooms.id = counted.chatroom_id
    RETURNING chatrooms.id, chatrooms.last_seq - counted.n AS base
)
INSERT INTO events (chatroom_id, seq, organization_id, type, conversation_id, message_id)
SELECT w.chatroom_id, b.base + row_number() OVER (PARTITION BY w.chatroom_id ORDER BY w.place),
       w.organization_id, w.type, w.conversation_id, w.message_id
FROM wanted w JOIN bumped b ON b.id = w.chatroom_id
RETURNING chatroom_id, seq, type, conversation_id, message_id
"""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a screen can show has changed."""

    type: str
    organization_id: UUID
    chatroom_id: UUID
    conversation_id: UUID
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One event on the wire, the same for everybody but for two places: the viewer's cursor and unread count."""

    chatroom_id: str
    seq: int
    before: str  # up to the cursor
    middle: str  # from there to the unread count, or to the end
    after: str | None  # from the unread count on; None for frames without one
    unread: int  # for viewers who have read nothing
    unread_of: dict[str, int]  # for those who have

    def text(self, cursor: str, user_id: str) -> str:
        """The frame as this viewer gets it."""
        if self.after is None:
            return f"{self.before}{cursor}{self.middle}"
        return f"{self.before}{cursor}{self.middle}{self.unread_of.get(user_id, self.unread)}{self.after}"

    def packed(self) -> bytes:
        return orjson.dumps(
            (self.chatroom_id, self.seq, self.before, self.middle, self.after, self.unread, self.unread_of)
        )

    @classmethod
    def unpacked(cls, raw: bytes) -> "Frame":
        return cls(*orjson.loads(raw))


def record_events(changes: Sequence[Change]) -> None:
    """Write changes to the log and send their frames after the commit. The last write of an operation.

    Once in a transaction, unless all are of one chatroom: the counters of chatrooms are held in the order of their ids.
    """
    if not changes:
        return
    wanted = orjson.dumps(changes).decode()
    rooms = list({change.chatroom_id for change in changes})
    # Sent together: holding several costs no second way to the database.
    events = sql.fetch_rows(HOLD + RECORD, [rooms, wanted]) if len(rooms) > 1 else sql.fetch_rows(RECORD, [wanted])
    bus.publish_on_commit(bus.EVENTS, [frame.packed() for frame in build_frames(events)])


def build_frames(events: Iterable[dict]) -> list[Frame]:
    """The frames of these rows of the log, in order per chatroom, with messages and conversations as they are now."""
    events = sorted(events, key=lambda event: (event["chatroom_id"], event["seq"]))
    shown = {event["conversation_id"] for event in events if event["type"] != UPDATED}
    conversations, read = _shown(list(shown)) if shown else ({}, {})
    wanted = {event["message_id"] for event in events if event["message_id"]}
    wanted |= {row["last_message_id"] for row in conversations.values() if row["last_message_id"]}
    messages = payloads.describe_messages_by_id(wanted)
    made = (_frame(event, conversations, messages, read) for event in events)
    return [frame for frame in made if frame]


def _shown(ids: list[UUID]) -> tuple[dict[UUID, dict], dict[UUID, dict[str, int]]]:
    """Rows of conversations, and how many messages of each its readers have seen."""
    found = sql.fetch_rows(
        f"SELECT {payloads.CONVERSATION_COLUMNS} FROM {payloads.CONVERSATION_TABLES} WHERE v.id = ANY(%s)", [ids]
    )
    read: dict[UUID, dict[str, int]] = defaultdict(dict)
    for row in sql.fetch_rows(
        "SELECT conversation_id, user_id, seen_count FROM read_markers WHERE conversation_id = ANY(%s)", [ids]
    ):
        read[row["conversation_id"]][str(row["user_id"])] = row["seen_count"]
    return {row["id"]: row for row in found}, read


def _frame(event: dict, conversations: dict, messages: dict, read: dict) -> Frame | None:
    room, conversation_id = str(event["chatroom_id"]), event["conversation_id"]
    row, message = conversations.get(conversation_id), messages.get(event["message_id"])
    head = {"type": event["type"], "chatroom_id": room, "seq": event["seq"]}
    if (message and message["chatroom_id"] != room) or (row and str(row["chatroom_id"]) != room):
        head |= {"type": MOVED, "conversation_id": str(conversation_id)}
        row = message = None
    before = f'{orjson.dumps(head).decode()[:-1]},"cursor":"'
    middle = f'","message":{orjson.dumps(message).decode()}' if message else '"'
    if row is None:
        return Frame(room, event["seq"], before, middle + "}", None, 0, {})
    shape = payloads.describe_conversation(row, messages.get(row["last_message_id"]), None)
    count = row["inbound_count"]
    return Frame(
        room,
        event["seq"],
        before,
        f'{middle},"conversation":{{"unread_count":',
        f",{orjson.dumps(shape).decode()[1:]}}}",
        count,
        {user_id: max(0, count - seen) for user_id, seen in read[conversation_id].items()},
    )


# ---------------------------------------------------------------- reading the log
def newest_numbers(rooms: Iterable[str]) -> dict[str, int]:
    """The number of each chatroom's newest event."""
    found = sql.fetch_rows("SELECT id, last_seq FROM chatrooms WHERE id = ANY(%s)", [[UUID(room) for room in rooms]])
    return {str(row["id"]): row["last_seq"] for row in found}


def missed_frames(room: str, after: int, limit: int = PAGE) -> list[Frame]:
    """The chatroom's frames after a number, oldest first."""
    return build_frames(
        sql.fetch_rows(
            "SELECT chatroom_id, seq, type, conversation_id, message_id FROM events "
            "WHERE chatroom_id = %s AND seq > %s ORDER BY seq LIMIT %s",
            [UUID(room), after, limit],
        )
    )


def number_before(room: str, moment: float) -> int | None:
    """The number before the first event from a moment (seconds since 1970) on; None when there is none."""
    found = sql.fetch_rows(
        "SELECT min(seq) - 1 AS seq FROM events WHERE chatroom_id = %s AND created_at >= to_timestamp(%s)",
        [UUID(room), moment],
    )
    return found[0]["seq"]


def find_starts(position: cursors.Cursor, latest: Mapping[str, int]) -> dict[str, int]:
    """Where reading on from a cursor begins in each chatroom, given the newest number of each.

    A chatroom that the cursor does not know became visible after it: what it had since then is read as well, with an
    overlap longer than a transaction may last, because an event's time is its transaction's start.
    """
    begin = {}
    for room, last in latest.items():
        after = position.seen.get(cursors.shorten_id(room))
        if after is None:
            after = number_before(room, position.made_at - OVERLAP_SECONDS)
        begin[room] = last if after is None else min(after, last)
    return begin


def list_frames(user_id: str, position: cursors.Cursor, rooms: Iterable[str]) -> tuple[list[str], str, bool]:
    """Frames after a cursor as one viewer gets them, a page at most: (frames, cursor behind them, whether more)."""
    latest = newest_numbers(rooms)
    seen = find_starts(position, latest)
    parts = {room: cursors.format_part(room, seq) for room, seq in seen.items()}
    texts: list[str] = []
    for room in sorted(latest):
        while seen[room] < latest[room] and len(texts) < PAGE:
            found = missed_frames(room, seen[room], PAGE - len(texts))
            for frame in found:
                parts[room] = cursors.format_part(room, frame.seq)
                texts.append(frame.text(cursors.write_cursor(parts), user_id))
            seen[room] = found[-1].seq if found else latest[room]
    return texts, cursors.write_cursor(parts), any(seen[room] < latest[room] for room in latest)
