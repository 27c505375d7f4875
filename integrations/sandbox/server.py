"""The running sandbox: its store, its outgoing webhooks and its pace."""

import asyncio
import sqlite3
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from integrations.sandbox.callbacks import Deliveries, Poster
from integrations.sandbox.graph.webhooks import GraphPoster, Notifier
from integrations.sandbox.store import Store


@dataclass(frozen=True)
class Pace:
    """How long the sandbox takes: to answer a create, and to reach `sent` and the final state after it.

    With Meta the echo comes when a message is sent, and people who look at once see it after `seen_after_ms`. A page
    whose webhook fails for `disabled_after_ms` is unsubscribed.
    """

    latency_ms: int = 0
    sent_after_ms: int = 150
    delivered_after_ms: int = 450
    seen_after_ms: int = 1500
    disabled_after_ms: int = 3_600_000


class Sandbox:
    def __init__(self, path: Path, public_base_url: str) -> None:
        self._path = path
        self.public_base_url = public_base_url.rstrip("/")
        self.pace = Pace()

    async def start(self) -> None:
        self.store = Store(self._path)
        self.pace = await self.store.read(_stored_pace)
        self.poster = Poster()
        self.deliveries = Deliveries(self.store, self.poster)
        await self.deliveries.start()
        self.graph_poster = GraphPoster()
        self.notifier = Notifier(self.store, self.graph_poster, lambda: self.pace.disabled_after_ms / 1000)
        await self.notifier.start()

    async def stop(self) -> None:
        await self.deliveries.stop()
        await self.notifier.stop()
        await self.poster.close()
        await self.graph_poster.close()
        await self.store.close()

    async def set_pace(self, changes: dict[str, int]) -> None:
        self.pace = replace(self.pace, **changes)
        await self.store.write(partial(_store_pace, pace=self.pace))

    async def wait_latency(self, came: float) -> None:
        """Until the answer has taken as long as it is to take, counted from when the request came (loop's clock)."""
        left = came + self.pace.latency_ms / 1000 - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)


def _stored_pace(db: sqlite3.Connection) -> Pace:
    return Pace(**{row["name"]: row["value"] for row in db.execute("SELECT name, value FROM settings")})


def _store_pace(db: sqlite3.Connection, *, pace: Pace) -> None:
    db.executemany("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", asdict(pace).items())


def log_request(
    db: sqlite3.Connection, *, method: str, path: str, status: int, code: int | None = None, fault: str | None = None
) -> None:
    """Every request to the provider's wire is counted, refused ones too."""
    db.execute(
        "INSERT INTO requests (at, method, path, status, code, fault) VALUES (?, ?, ?, ?, ?, ?)",
        (time.time(), method, path, status, code, fault),
    )
