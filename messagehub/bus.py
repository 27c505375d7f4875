"""Hints between processes over Valkey's pub/sub, sent after commit.

A hint may be lost: what is true stands in PostgreSQL, and the event log makes a lost one good. So a broken Valkey
never fails an operation; for a second after a failure nothing is even tried.
"""

import logging
import time
from collections.abc import Iterable
from functools import lru_cache

import orjson
import redis
from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)
EVENTS = "mh:events"  # one frame of a chatroom's event log each
ACCESS = "mh:access"  # somebody's rights or sign-ins changed: look again
PEOPLE = "mh:people"  # a frame for one person, outside the log
CAMPAIGNS = "mh:campaigns"  # a campaign changed: its page may look again

_silent_until = 0.0


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """This process's connection pool to Valkey."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)


def publish(channel: str, payloads: Iterable[bytes]) -> None:
    """Send hints now; failing is logged and forgotten."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        with client().pipeline(transaction=False) as pipe:
            for payload in payloads:
                pipe.publish(channel, payload)
            pipe.execute()
    except redis.RedisError as error:
        _silent_until = time.monotonic() + 1
        log.warning(
            "Valkey did not take a hint (%s); sockets catch up from the event log.",
            type(error).__name__,
        )


def publish_on_commit(channel: str, payloads: Iterable[bytes]) -> None:
    """Send hints once the surrounding transaction has committed, and never otherwise."""
    payloads = list(payloads)
    if payloads:
        transaction.on_commit(lambda: publish(channel, payloads), robust=True)


def access_changed(user_ids: Iterable) -> None:
    """Tell every process with open sockets that these people's rights or sign-ins are to be read again."""
    publish_on_commit(ACCESS, [orjson.dumps({"user_id": str(user_id)}) for user_id in user_ids])


def tell(user_id, frame: dict) -> None:
    """Send a frame outside the event log to one person's sockets after the commit."""
    publish_on_commit(PEOPLE, [orjson.dumps({"user_id": str(user_id), "frame": frame})])


def campaign_changed(chatroom_id, campaign_id) -> None:
    """Tell the sockets in a chatroom, after the commit, that a campaign of it is to be read again."""
    hint = {"chatroom_id": str(chatroom_id), "campaign_id": str(campaign_id)}
    publish_on_commit(CAMPAIGNS, [orjson.dumps(hint)])
