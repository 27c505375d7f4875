"""How many messages each person has not read in each chatroom."""

from collections.abc import Iterable
from uuid import UUID

import orjson
import redis
from django.db import connection

from accounts.models import User
from messagehub import bus

# A count changes only with the chatroom's log (whatever touches a conversation records an event) or with the person's
# markers there. A statement has one snapshot, so what it counts belongs to the two numbers that it reads beside it, and
# holds as long as both are the newest. A transaction that has written reads numbers that may be rolled back and then
# be another change's: what it counts is not kept.
STATES = """
SELECT r.id, r.last_seq, coalesce(v.number, 0) FROM chatrooms r
LEFT JOIN read_versions v ON v.chatroom_id = r.id AND v.user_id = %(user)s
WHERE r.id = ANY(%(rooms)s)
"""
COUNT = """
SELECT r.id, r.last_seq, coalesce(v.number, 0), coalesce(counted.unread, 0),
       pg_current_xact_id_if_assigned() IS NULL
FROM chatrooms r
LEFT JOIN read_versions v ON v.chatroom_id = r.id AND v.user_id = %(user)s
LEFT JOIN (
    SELECT o.chatroom_id, sum(greatest(0, o.inbound_count - coalesce(own.seen_count, 0))) AS unread
    FROM conversations o
    LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user)s
    WHERE o.chatroom_id = ANY(%(rooms)s) AND o.status = 'OPEN' AND o.inbound_count > 0
    GROUP BY o.chatroom_id
) counted ON counted.chatroom_id = r.id
WHERE r.id = ANY(%(rooms)s)
"""
KEPT_SECONDS = 600


def count_unread(user: User, room_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Unread messages of open conversations, by chatroom; chatrooms without any are left out.

    Counts are kept in Valkey by person, and those of chatrooms where something happened since are made anew.
    """
    rooms = list(room_ids)
    kept = _read_kept(user)
    states = {pk: (seq, version) for pk, seq, version in _fetch(STATES, user, rooms)}
    counts = {
        pk: kept[str(pk)][2] for pk, state in states.items() if str(pk) in kept and tuple(kept[str(pk)][:2]) == state
    }
    if changed := [pk for pk in states if pk not in counts]:
        fresh = {}
        for pk, seq, version, unread, is_lasting in _fetch(COUNT, user, changed):
            counts[pk] = int(unread)
            if is_lasting:
                fresh[str(pk)] = [seq, version, int(unread)]
        if fresh:
            _keep(user, kept | fresh)
    return {pk: count for pk, count in counts.items() if count}


def _fetch(statement: str, user: User, rooms: list[UUID]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"user": user.pk, "rooms": rooms})
        return cursor.fetchall()


def _key(user: User) -> str:
    return f"mh:unread:{user.pk}"


def _read_kept(user: User) -> dict[str, list[int]]:
    try:
        found = bus.client().get(_key(user))
    except redis.RedisError:
        return {}
    return orjson.loads(found) if found else {}


def _keep(user: User, kept: dict[str, list[int]]) -> None:
    try:
        bus.client().set(_key(user), orjson.dumps(kept), ex=KEPT_SECONDS)
    except redis.RedisError:
        return  # counted again the next time
