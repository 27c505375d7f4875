"""Hard limits: so many in a window, counted atomically in Valkey."""

import redis
from django.conf import settings
from django.utils.translation import gettext as _

from messagehub import bus

WINDOW = 60  # seconds
# One round trip, one step: concurrent callers can't all read the same count.
COUNT = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('PTTL', KEYS[1])}
"""


class TooMany(Exception):
    """The limit is reached; `retry_after` is in seconds."""

    def __init__(self, retry_after: int):
        self.retry_after = max(1, retry_after)
        super().__init__(_("Too many requests. Try again in %(n)s seconds.") % {"n": self.retry_after})


class Unavailable(Exception):
    """Valkey does not answer, so nothing can be counted."""


def count_attempt(name: str, key: str) -> None:
    """Count one use of `settings.LIMITS[name]` by `key`. Raises `TooMany` over it and `Unavailable` without Valkey."""
    try:
        used, left = bus.client().eval(COUNT, 1, f"mh:limit:{name}:{key}", WINDOW * 1000)
    except redis.RedisError as error:
        raise Unavailable(_("Rate limits can't be checked right now. Try again in a moment.")) from error
    if used > settings.LIMITS[name]:
        raise TooMany(-(-int(left) // 1000))
