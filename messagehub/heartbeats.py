"""Which workers there are, whether their loops get on, and how many have died lately: what /readyz knows of them.

Kept in Valkey. A worker that stops by itself is forgotten; one whose beats end without that has died.
"""

import time
from collections.abc import Mapping
from typing import cast

import orjson

from messagehub import bus

BEAT = "mh:worker:"  # and a worker's name -> its loops that fail, each with the seconds since it last got on
NEWEST = "mh:workers"  # a sorted set: a worker's name by the time of its newest beat
BEAT_SECONDS = 15  # for which a beat holds
FAILING_SECONDS = 30  # from which a loop that does not get on once is no hiccup any more
DIED_SECONDS, MOST_DEAD = 300, 3  # so many in this time: whoever starts them again starts them in vain


def beat(name: str, failing: Mapping[str, float]) -> None:
    """Say that this worker is there, and since how many seconds each of its loops has failed. Raises RedisError."""
    now = time.time()
    with bus.client().pipeline(transaction=False) as pipe:
        pipe.set(f"{BEAT}{name}", orjson.dumps(dict(failing)), ex=BEAT_SECONDS)
        pipe.zadd(NEWEST, {name: now})
        pipe.zremrangebyscore(NEWEST, "-inf", now - DIED_SECONDS)
        pipe.execute()


def stop(name: str, *, died: bool) -> None:
    """Say that this worker ends now: asked to, or by a failure of its own. Raises RedisError."""
    bus.client().delete(f"{BEAT}{name}")
    if not died:
        bus.client().zrem(NEWEST, name)


def read_state() -> str:
    """`ok`, or what is wrong with all workers together: `no answer`, `failing` or `restarting`. Raises RedisError."""
    client = bus.client()
    alive = {key.decode(): client.get(key) for key in client.scan_iter(f"{BEAT}*", count=1000)}
    beats = [orjson.loads(raw) for raw in alive.values() if raw]
    if not beats:
        return "no answer"
    if all(max(failing.values(), default=0) > FAILING_SECONDS for failing in beats):
        return "failing"
    newest = cast(list[bytes], client.zrangebyscore(NEWEST, time.time() - DIED_SECONDS, "+inf"))
    dead = [name for name in newest if f"{BEAT}{name.decode()}" not in alive]
    return "restarting" if len(dead) >= MOST_DEAD else "ok"
