"""What the sandbox tells an app: signed batches of what happened on its pages, repeated until they are answered 200.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from integrations.sandbox.clock import Clock, Due
from integrations.sandbox.graph.items import FIELDS, INSTAGRAM_FIELDS
from integrations.sandbox.graph.tables import Account, find_account, in_milliseconds
from integrations.sandbox.store import Store

IN_FLIGHT = 16
TIMEOUT = 20  # seconds
FIRST_REPEAT, LONGEST_REPEAT = 0.25, 5.0  # seconds between attempts: doubled until the longest
OBJECTS = {"messenger": "page", "instagram": "instagram"}


@dataclass(frozen=True)
class Planned:
    """An event that an app will be told `after_ms`. `moment` is how far a delivery or a read reaches."""

    kind: str
    item: Mapping[str, Any]
    due_at: float
    moment: float
    mid: str = ""
    reported: bool = True


@dataclass(frozen=True)
class Batch:
    """One POST: its events in the order in which they happened."""

    ids: list[int]
    url: str
    secret: str
    payload: Mapping[str, Any]


def encode_payload(payload: object) -> bytes:
    """JSON as Meta writes it: without spaces, non-ASCII characters and slashes escaped."""
    return json.dumps(payload, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/").encode()


def sign_body(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def make_headers(body: bytes, secret: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Hub-Signature": "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest(),
        "X-Hub-Signature-256": sign_body(body, secret),
    }


class GraphPoster:
    """Posts signed bodies, a bounded number at a time."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=IN_FLIGHT),
            headers={"User-Agent": "facebookexternalua", "Accept": "*/*"},
            timeout=aiohttp.ClientTimeout(total=TIMEOUT, sock_connect=5),
        )

    async def post(self, url: str, payload: object, secret: str) -> int | str:
        """The HTTP status of the answer, or one sentence about why there is none."""
        body = encode_payload(payload)
        return await self._ask("POST", url, data=body, headers=make_headers(body, secret))

    async def verify(self, url: str, verify_token: str) -> tuple[int | str, bool]:
        """Subscribe as Meta's dashboard does: the answer, and whether it echoed the challenge."""
        challenge = str(secrets.randbelow(10**10))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        text: list[str] = []
        answer = await self._ask("GET", f"{url}?{urlencode(query)}", text=text)
        return answer, answer == 200 and text == [challenge]

    async def _ask(self, method: str, url: str, *, text: list[str] | None = None, **options: Any) -> int | str:
        try:
            async with self._session.request(
                method, URL(url, encoded=True), allow_redirects=False, **options
            ) as answer:
                body = await answer.text(errors="replace")
                if text is not None:
                    text.append(body)
                return answer.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            return "The webhook's server could not be reached."
        except TimeoutError:
            return "The webhook did not answer in time."
        except aiohttp.ClientError:
            return "The connection to the webhook was lost."

    async def close(self) -> None:
        await self._session.close()


class Notifier:
    """Tells apps what happened when its time comes, and again until they answer 200 or are switched off."""

    def __init__(self, store: Store, poster: GraphPoster, disabled_after: Callable[[], float]) -> None:
        self._store = store
        self._poster = poster
        self._disabled_after = disabled_after  # seconds of failures after which a page is unsubscribed
        self._clock = Clock(self._notify)

    async def start(self) -> None:
        """Take up what an earlier process has left untold."""
        self._clock.start(await self._store.read(_open_events))

    async def stop(self) -> None:
        await self._clock.stop()

    def schedule(self, events: Iterable[Due]) -> None:
        self._clock.schedule(events)

    async def run_now(self, events: Iterable[Due]) -> list[int | str]:
        """Tell these now, and return how the app answered; what it refused is repeated later."""
        return await self._notify([event_id for _, event_id in events])

    async def _notify(self, ids: list[int]) -> list[int | str]:
        batches = await self._store.write(partial(_reach_events, ids=ids))
        return list(await asyncio.gather(*(self._post(batch) for batch in batches)))

    async def _post(self, batch: Batch) -> int | str:
        answer = await self._poster.post(batch.url, batch.payload, batch.secret)
        settle = partial(_settle_batch, ids=batch.ids, answer=answer, disabled_after=self._disabled_after())
        self._clock.schedule(await self._store.write(settle))
        return answer


def plan_events(db: sqlite3.Connection, account_id: str, person_id: str, events: Iterable[Planned]) -> list[Due]:
    dues: list[Due] = []
    for event in events:
        [row] = db.execute(
            "INSERT INTO graph_events (account_id, person_id, mid, kind, item, reported, moment, planned_at, due_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING due_at, id",
            (
                account_id,
                person_id,
                event.mid,
                event.kind,
                json.dumps(event.item),
                event.reported,
                event.moment,
                event.due_at,
                event.due_at,
            ),
        ).fetchall()
        dues.append((row["due_at"], row["id"]))
    return dues


def _open_events(db: sqlite3.Connection) -> list[Due]:
    return [
        (row["due_at"], row["id"]) for row in db.execute("SELECT due_at, id FROM graph_events WHERE done_at IS NULL")
    ]


def _reach_events(db: sqlite3.Connection, *, ids: Sequence[int]) -> list[Batch]:
    """Let the events happen, and return what has to be posted about them."""
    groups: dict[tuple[str, str], list[tuple[Account, sqlite3.Row]]] = {}
    for event_id in ids:
        event = db.execute("SELECT * FROM graph_events WHERE id = ? AND done_at IS NULL", (event_id,)).fetchone()
        account = event and find_account(db, event["account_id"])
        if event is None or account is None:
            continue
        if not event["attempts"]:
            _rise(db, event)
        if reason := _why_untold(db, account, event):
            _close(db, event_id, reason)
        else:
            groups.setdefault((account.app_id, OBJECTS[account.platform]), []).append((account, event))
    return [_make_batch(db, app_id, name, members) for (app_id, name), members in groups.items()]


def _rise(db: sqlite3.Connection, event: sqlite3.Row) -> None:
    """A delivery or a read covers everything that was sent to the person until its moment."""
    lower = {"delivery": ("sent",), "read": ("sent", "delivered")}.get(event["kind"])
    if lower is None:
        return
    reached = "delivered" if event["kind"] == "delivery" else "read"
    db.execute(
        "UPDATE graph_messages SET status = ? WHERE account_id = ? AND person_id = ? AND direction = 'outbound'"
        f" AND created_at <= ? AND status IN ({', '.join('?' * len(lower))})",
        (reached, event["account_id"], event["person_id"], event["moment"], *lower),
    )


def _why_untold(db: sqlite3.Connection, account: Account, event: sqlite3.Row) -> str:
    if not event["reported"]:
        return "withheld"
    row = db.execute("SELECT subscribed_fields FROM graph_pages WHERE page_id = ?", (account.page_id,)).fetchone()
    if row["subscribed_fields"] is None:
        return "not subscribed"
    if account.is_instagram_login or not account.is_instagram:
        needed = (INSTAGRAM_FIELDS if account.is_instagram else FIELDS)[event["kind"]]
        if needed not in json.loads(row["subscribed_fields"]):
            return f"not subscribed to {needed}"
    app = db.execute("SELECT webhook_url FROM graph_apps WHERE app_id = ?", (account.app_id,)).fetchone()
    return "" if app and app["webhook_url"] else "no webhook"


def _make_batch(
    db: sqlite3.Connection, app_id: str, object_name: str, members: Sequence[tuple[Account, sqlite3.Row]]
) -> Batch:
    app = db.execute("SELECT * FROM graph_apps WHERE app_id = ?", (app_id,)).fetchone()
    entries: dict[str, dict[str, Any]] = {}
    for account, event in members:
        entry = {"id": account.account_id, "time": in_milliseconds(time.time()), "messaging": []}
        entries.setdefault(account.account_id, entry)["messaging"].append(json.loads(event["item"]))
    payload = {"object": object_name, "entry": list(entries.values())}
    return Batch([event["id"] for _, event in members], app["webhook_url"], app["secret"], payload)


def _settle_batch(db: sqlite3.Connection, *, ids: Sequence[int], answer: int | str, disabled_after: float) -> list[Due]:
    """Close what was taken, and return when to repeat what was not. Too long a failure unsubscribes the page."""
    repeats: list[Due] = []
    now = time.time()
    for event_id in ids:
        event = db.execute("SELECT * FROM graph_events WHERE id = ?", (event_id,)).fetchone()
        if answer == 200:
            _close(db, event_id, "200")
        elif now - event["planned_at"] > disabled_after:
            _close(db, event_id, f"{answer}, given up")
            db.execute(
                "UPDATE graph_pages SET subscribed_fields = NULL WHERE page_id = ? OR instagram_id = ?",
                (event["account_id"], event["account_id"]),
            )
        else:
            due_at = now + min(LONGEST_REPEAT, FIRST_REPEAT * 2 ** event["attempts"])
            db.execute(
                "UPDATE graph_events SET attempts = attempts + 1, due_at = ?, answer = ? WHERE id = ?",
                (due_at, str(answer), event_id),
            )
            repeats.append((due_at, event_id))
    return repeats


def drop_events(db: sqlite3.Connection) -> None:
    db.execute("UPDATE graph_events SET done_at = ?, answer = 'dropped' WHERE done_at IS NULL", (time.time(),))


def _close(db: sqlite3.Connection, event_id: int, answer: str) -> None:
    db.execute("UPDATE graph_events SET done_at = ?, answer = ? WHERE id = ?", (time.time(), answer, event_id))
