"""Lets what happens often through once in a while."""

import asyncio
from collections.abc import Callable


class Throttle:
    """Calls `act` with a key at once, then once for all that came within `seconds`, and so on. On one event loop."""

    def __init__(self, seconds: float, act: Callable[[tuple[str, str]], None]) -> None:
        self.seconds, self.act = seconds, act
        self.resting: set[tuple[str, str]] = set()
        self.again: set[tuple[str, str]] = set()

    def touch(self, key: tuple[str, str]) -> None:
        if key in self.resting:
            self.again.add(key)
            return
        self.act(key)
        self.resting.add(key)
        asyncio.get_running_loop().call_later(self.seconds, self._wake, key)

    def _wake(self, key: tuple[str, str]) -> None:
        self.resting.discard(key)
        if key in self.again:
            self.again.discard(key)
            self.touch(key)
