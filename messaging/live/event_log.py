"""The event log: changes numbered by chatroom in the order of commits, and the frames made from them."""

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
OFFER = Event.Type.OPT_OUT_OFFER_UPDATED
MOVED = "conversation.moved"  # to another chatroom, which the viewer may not see
PAGE = 200
# An event's time is the start of its transaction, so reading by time begins earlier by more than a transaction may
# last.
OVERLAP_SECONDS = 120

# Numbers must follow commits: with a sequence, 41 may commit after a reader has passed 42, and is never read. So each
# chatroom's counter is a row that stays locked from here to the commit, and is locked last of all rows.
# Never lock it in one statement with the update, which uses the row's version of before the wait. If another
# transaction's foreign key check still holds that version, the update queues for it behind somebody who waits for us: a
# deadlock, 260 times in 37,125 commits, and never in 49,751 with two statements. A single chatroom needs no lock first.
HOLD = "SELECT id FROM chatrooms WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE"
RECORD = """
WITH wanted AS (
    SELECT * FROM ROWS FROM (json_to_recordset(%s::json)
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
CONVERSATIONS = (
    f"SELECT {payloads.CONVERSATION_COLUMNS} FROM {payloads.CONVERSATION_TABLES} WHERE v.id = ANY(%s::uuid[])"
)
SEEN = "SELECT conversation_id, user_id, seen_count FROM read_markers WHERE conversation_id = ANY(%s::uuid[])"


@dataclass(frozen=True, slots=True)
class Change:
    """A change to record: an event before it has a number."""

    type: str
    organization_id: UUID
    chatroom_id: UUID
    conversation_id: UUID
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """An event as JSON, cut at the two places that differ between viewers: the cursor and the unread count."""

    # Serialized once, and then written to any number of sockets by joining strings.

    chatroom_id: str
    seq: int
    before: str  # up to the cursor
    middle: str  # from the cursor to the unread count, or to the end
    after: str | None  # from the unread count on; None for frames without one
    unread: int  # of viewers without a read marker
    unread_of: dict[str, int]  # of viewers with one, by user id
    campaign_id: str | None = None  # of its message

    def text(self, cursor: str, user_id: str) -> str:
        if self.after is None:
            return f"{self.before}{cursor}{self.middle}"
        return f"{self.before}{cursor}{self.middle}{self.unread_of.get(user_id, self.unread)}{self.after}"

    def packed(self) -> bytes:
        return orjson.dumps(
            (
                self.chatroom_id, self.seq, self.before, self.middle, self.after, self.unread, self.unread_of,
                self.campaign_id,
            )
        )  # fmt: skip

    @classmethod
    def unpacked(cls, raw: bytes) -> "Frame":
        return cls(*orjson.loads(raw))


def record_events(changes: Sequence[Change]) -> None:
    """Write changes to the log, and publish their frames after the commit.

    Must be the last write of an operation, and be called once in a transaction unless all changes are of one chatroom.
    """
    # Called twice, it would lock the counters of several chatrooms in no order.
    if not changes:
        return
    changes_json = orjson.dumps(changes).decode()
    room_ids = list({change.chatroom_id for change in changes})
    if len(room_ids) > 1:
        sql.fetch_prepared(HOLD, [room_ids])
    events = sql.fetch_prepared(RECORD, [changes_json])
    bus.publish_on_commit(bus.EVENTS, [frame.packed() for frame in build_frames(events)])


def build_frames(events: Iterable[dict]) -> list[Frame]:
    """Frames of these events, ordered by chatroom and number, with messages and conversations as they are now."""
    events = sorted(events, key=lambda event: (event["chatroom_id"], event["seq"]))
    conversation_ids = {event["conversation_id"] for event in events if event["type"] not in (UPDATED, OFFER)}
    conversations, seen_counts = _load_conversations(list(conversation_ids)) if conversation_ids else ({}, {})
    message_ids = {event["message_id"] for event in events if event["message_id"]}
    message_ids |= {row["last_message_id"] for row in conversations.values() if row["last_message_id"]}
    messages = payloads.describe_messages_by_id(message_ids)
    offered_ids = {event["message_id"] for event in events if event["type"] == OFFER}
    offers = payloads.describe_offers_by_message(offered_ids) if offered_ids else {}
    frames = (_build_frame(event, conversations, messages, seen_counts, offers) for event in events)
    return [frame for frame in frames if frame]


def _load_conversations(ids: list[UUID]) -> tuple[dict[UUID, dict], dict[UUID, dict[str, int]]]:
    """Rows of conversations, and their readers' seen counts."""
    rows = sql.fetch_prepared(CONVERSATIONS, [ids])
    seen_counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    for row in sql.fetch_prepared(SEEN, [ids]):
        seen_counts[row["conversation_id"]][str(row["user_id"])] = row["seen_count"]
    return {row["id"]: row for row in rows}, seen_counts


def _build_frame(
    event: dict, conversations: dict, messages: dict, seen_counts: dict, offers: dict[UUID, dict]
) -> Frame | None:
    room, conversation_id = str(event["chatroom_id"]), event["conversation_id"]
    row, message = conversations.get(conversation_id), messages.get(event["message_id"])
    header = {"type": event["type"], "chatroom_id": room, "seq": event["seq"]}
    if (message and message["chatroom_id"] != room) or (row and str(row["chatroom_id"]) != room):
        # Readers of this chatroom may not see where it went: they learn the id and nothing else.
        header |= {"type": MOVED, "conversation_id": str(conversation_id)}
        row = message = None
    campaign_id = message["campaign_id"] if message else None
    before = f'{orjson.dumps(header).decode()[:-1]},"cursor":"'
    middle = f'","message":{orjson.dumps(message).decode()}' if message else '"'
    if message and event["type"] == OFFER:
        middle += f',"opt_out_offer":{orjson.dumps(offers.get(event["message_id"])).decode()}'
    if row is None:
        return Frame(room, event["seq"], before, middle + "}", None, 0, {}, campaign_id)
    shape = payloads.describe_conversation(row, messages.get(row["last_message_id"]), None)
    count = row["inbound_count"]
    return Frame(
        room,
        event["seq"],
        before,
        f'{middle},"conversation":{{"unread_count":',
        f",{orjson.dumps(shape).decode()[1:]}}}",
        count,
        {user_id: max(0, count - seen_count) for user_id, seen_count in seen_counts[conversation_id].items()},
        campaign_id,
    )


# ---------------------------------------------------------------- reading the log
def newest_numbers(rooms: Iterable[str]) -> dict[str, int]:
    rows = sql.fetch_rows("SELECT id, last_seq FROM chatrooms WHERE id = ANY(%s)", [[UUID(room) for room in rooms]])
    return {str(row["id"]): row["last_seq"] for row in rows}


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
    """The number before the first event since a moment (seconds since 1970); None where there is none."""
    rows = sql.fetch_rows(
        "SELECT min(seq) - 1 AS seq FROM events WHERE chatroom_id = %s AND created_at >= to_timestamp(%s)",
        [UUID(room), moment],
    )
    return rows[0]["seq"]


def find_starts(position: cursors.Cursor, latest: Mapping[str, int]) -> dict[str, int]:
    """The number after which each chatroom is read on from a cursor, given the newest number of each."""
    # A chatroom that the cursor does not know became visible after the cursor was made, so it is read from that time
    # on.
    begin = {}
    for room, newest_number in latest.items():
        start = position.seen.get(cursors.shorten_id(room))
        if start is None:
            start = number_before(room, position.made_at - OVERLAP_SECONDS)
        begin[room] = newest_number if start is None else min(start, newest_number)
    return begin


def list_frames(user_id: str, position: cursors.Cursor, rooms: Iterable[str]) -> tuple[list[str], str, bool]:
    """A page of one viewer's frames after a cursor: (frames, the cursor after them, whether there are more)."""
    latest = newest_numbers(rooms)
    numbers = find_starts(position, latest)
    parts = {room: cursors.format_part(room, seq) for room, seq in numbers.items()}
    texts: list[str] = []
    for room in sorted(latest):
        while numbers[room] < latest[room] and len(texts) < PAGE:
            frames = missed_frames(room, numbers[room], PAGE - len(texts))
            for frame in frames:
                parts[room] = cursors.format_part(room, frame.seq)
                texts.append(frame.text(cursors.write_cursor(parts), user_id))
            numbers[room] = frames[-1].seq if frames else latest[room]
    return texts, cursors.write_cursor(parts), any(numbers[room] < latest[room] for room in latest)
