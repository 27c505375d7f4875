"""A clock that calls for what is due, in batches: rows of the store, by their ids."""

import asyncio
import heapq
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable

logger = logging.getLogger(__name__)

BATCH = 500

Due = tuple[float, int]  # when, and the id of a row


class Clock:
    """Calls `reach` with the ids of rows whose time has come. What it cannot store is taken up at the next start."""

    def __init__(self, reach: Callable[[list[int]], Awaitable[object]]) -> None:
        self._reach = reach
        self._due: list[Due] = []
        self._changed = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    def start(self, due: Iterable[Due]) -> None:
        self.schedule(due)
        self._ticking = asyncio.create_task(self._run())

    async def stop(self) -> None:
        tasks = [task for task in (self._ticking, *self._running) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def schedule(self, due: Iterable[Due]) -> None:
        for entry in due:
            heapq.heappush(self._due, entry)
        self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            ids = self._take_due()
            if ids:
                task = asyncio.create_task(self._reach_safely(ids))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            else:
                wait = self._due[0][0] - time.time() if self._due else None
                try:
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                except TimeoutError:
                    continue
            await asyncio.sleep(0.005)  # lets a batch gather

    def _take_due(self) -> list[int]:
        now = time.time()
        ids: list[int] = []
        while self._due and self._due[0][0] <= now and len(ids) < BATCH:
            ids.append(heapq.heappop(self._due)[1])
        return ids

    async def _reach_safely(self, ids: list[int]) -> None:
        try:
            await self._reach(ids)
        except sqlite3.Error:
            logger.exception("The sandbox could not store %d rows; it takes them up when it starts again.", len(ids))
