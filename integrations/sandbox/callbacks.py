"""What the sandbox tells its customers: signed webhooks, repeated as their URL's fragment asks."""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qsl, urldefrag
from uuid import uuid4

import aiohttp
from twilio.request_validator import RequestValidator
from yarl import URL

from integrations.sandbox.clock import Clock, Due
from integrations.sandbox.errors import DELIVERY_ERRORS
from integrations.sandbox.store import Store

IN_FLIGHT = 64
RANK = {
    "accepted": 0,
    "scheduled": 0,
    "queued": 0,
    "sending": 1,
    "sent": 2,
    "delivered": 3,
    "undelivered": 3,
    "failed": 3,
    "canceled": 3,
}


@dataclass(frozen=True)
class Webhook:
    url: str
    auth_token: str
    form: dict[str, str]


@dataclass(frozen=True)
class Overrides:
    """Connection overrides of a webhook URL: what stands behind its `#`."""

    retries: int = 1
    policy: frozenset[str] = frozenset({"ct"})
    connect_timeout: float = 5.0
    read_timeout: float = 15.0

    @classmethod
    def of(cls, fragment: str) -> "Overrides":
        given = dict(parse_qsl(fragment))
        return cls(
            retries=int(_between(given.get("rc"), 0, 5, 1)),
            policy=frozenset(given.get("rp", "ct").split(",")),
            connect_timeout=_between(given.get("ct"), 100, 10_000, 5_000) / 1000,
            read_timeout=_between(given.get("rt"), 100, 15_000, 15_000) / 1000,
        )

    def repeats(self, failure: str) -> bool:
        return failure in self.policy or "all" in self.policy


def _between(given: str | None, low: float, high: float, usual: float) -> float:
    return min(max(int(given), low), high) if given and given.isdecimal() else usual


def sign(url: str, form: Mapping[str, str], auth_token: str) -> str:
    return RequestValidator(auth_token).compute_signature(url, form)


class Poster:
    """Posts webhooks, a bounded number at a time."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=IN_FLIGHT),
            headers={"User-Agent": "TwilioProxy/1.1", "Accept": "*/*"},
        )

    async def post(self, webhook: Webhook) -> int | str:
        """The HTTP status of the last answer, or one sentence about why there is none."""
        url, fragment = urldefrag(webhook.url)
        overrides = Overrides.of(fragment)
        headers = {
            "X-Twilio-Signature": sign(url, webhook.form, webhook.auth_token),
            "I-Twilio-Idempotency-Token": str(uuid4()),
        }
        async with self._slots:
            for attempt in range(overrides.retries + 1):
                if attempt:
                    await asyncio.sleep(0.25 * 2**attempt)
                answer, failure = await self._attempt(url, webhook.form, headers, overrides)
                if failure is None or not overrides.repeats(failure):
                    break
        return answer

    async def _attempt(
        self,
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
        overrides: Overrides,
    ) -> tuple[int | str, str | None]:
        timeout = aiohttp.ClientTimeout(
            total=15,
            sock_connect=overrides.connect_timeout,
            sock_read=overrides.read_timeout,
        )
        try:
            async with self._session.post(
                URL(url, encoded=True),
                data=form,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                await answer.read()
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
        ):
            return "The webhook's server could not be reached.", "ct"
        except TimeoutError:
            return "The webhook did not answer in time.", "rt"
        except aiohttp.ClientError:
            return "The connection to the webhook was lost.", "rt"
        failure = f"{answer.status // 100}xx" if answer.status >= 400 else None
        return answer.status, failure

    async def close(self) -> None:
        await self._session.close()


class Deliveries:
    """Moves accepted messages through their planned states, and reports each to the message's callback."""

    def __init__(self, store: Store, poster: Poster) -> None:
        self._store = store
        self._poster = poster
        self._clock = Clock(self._reach)

    async def start(self) -> None:
        """Take up what an earlier process has left undone."""
        self._clock.start(await self._store.read(_open_steps))

    async def stop(self) -> None:
        await self._clock.stop()

    def schedule(self, steps: Iterable[Due]) -> None:
        self._clock.schedule(steps)

    async def run_now(self, steps: Iterable[Due]) -> None:
        """Reach these states, and wait for the answers to their callbacks."""
        await self._reach([step_id for _, step_id in steps])

    async def _reach(self, ids: list[int]) -> None:
        webhooks = await self._store.write(partial(_reach, ids=ids))
        await asyncio.gather(*(self._report(step_id, webhook) for step_id, webhook in webhooks))

    async def _report(self, step_id: int, webhook: Webhook) -> None:
        answer = await self._poster.post(webhook)
        await self._store.write(partial(_close, step_id=step_id, answer=str(answer)))


def plan(
    db: sqlite3.Connection,
    message_sid: str,
    steps: Iterable[tuple[str, int | None, float, bool]],
) -> list[Due]:
    """Store the states that a message will reach: (status, error code, when, whether it is reported)."""
    wanted = [(message_sid, *step) for step in steps]
    if not wanted:
        return []
    rows = db.execute(
        "INSERT INTO steps (message_sid, status, error_code, due_at, reported) VALUES "
        + ", ".join(["(?, ?, ?, ?, ?)"] * len(wanted))
        + " RETURNING due_at, id",
        [value for step in wanted for value in step],
    )
    return [(row["due_at"], row["id"]) for row in rows]


def open_steps_of(db: sqlite3.Connection, message_sid: str) -> bool:
    return (
        db.execute(
            "SELECT 1 FROM steps WHERE message_sid = ? AND done_at IS NULL",
            (message_sid,),
        ).fetchone()
        is not None
    )


def forget(db: sqlite3.Connection, message_sid: str) -> None:
    db.execute("DELETE FROM steps WHERE message_sid = ? AND done_at IS NULL", (message_sid,))


def _open_steps(db: sqlite3.Connection) -> list[Due]:
    return [(row["due_at"], row["id"]) for row in db.execute("SELECT due_at, id FROM steps WHERE done_at IS NULL")]


def _close(db: sqlite3.Connection, *, step_id: int, answer: str | None) -> None:
    db.execute(
        "UPDATE steps SET done_at = ?, answer = ? WHERE id = ?",
        (time.time(), answer, step_id),
    )


def _reach(db: sqlite3.Connection, *, ids: list[int]) -> list[tuple[int, Webhook]]:
    """Write the new states, and return the webhooks that report them."""
    webhooks = []
    for step_id in ids:
        step = db.execute(
            "SELECT s.status AS reached, s.error_code AS failure, s.reported, m.*, a.auth_token FROM steps s"
            " JOIN messages m ON m.sid = s.message_sid JOIN accounts a ON a.sid = m.account_sid"
            " WHERE s.id = ? AND s.done_at IS NULL",
            (step_id,),
        ).fetchone()
        if step is None:
            continue
        sender = step["sender"] or sender_of_service(db, step["account_sid"])
        if RANK[step["reached"]] > RANK[step["status"]]:
            _rise(db, step, sender)
        if step["reported"] and step["status_callback"]:
            webhooks.append(
                (
                    step_id,
                    Webhook(
                        step["status_callback"],
                        step["auth_token"],
                        _status_form(step, sender),
                    ),
                )
            )
        else:
            _close(db, step_id=step_id, answer=None)
    return webhooks


def _rise(db: sqlite3.Connection, step: sqlite3.Row, sender: str | None) -> None:
    now = time.time()
    sent = step["reached"] in ("sent", "delivered", "undelivered")
    db.execute(
        "UPDATE messages SET status = ?, error_code = ?, error_message = ?, sender = ?, date_updated = ?,"
        " date_sent = CASE WHEN ? THEN coalesce(date_sent, ?) ELSE date_sent END WHERE id = ?",
        (
            step["reached"],
            step["failure"],
            _failure_text(step["failure"]),
            sender,
            now,
            sent,
            now,
            step["id"],
        ),
    )


def _failure_text(code: int | None) -> str | None:
    return None if code is None else DELIVERY_ERRORS.get(code, "Message delivery failed")


def sender_of_service(db: sqlite3.Connection, account_sid: str) -> str | None:
    row = db.execute(
        "SELECT phone FROM numbers WHERE account_sid = ? ORDER BY date_created, phone LIMIT 1",
        (account_sid,),
    ).fetchone()
    return row and row["phone"]


def _status_form(step: sqlite3.Row, sender: str | None) -> dict[str, str]:
    form = {
        "SmsSid": step["sid"],
        "SmsStatus": step["reached"],
        "MessageStatus": step["reached"],
        "To": step["recipient"],
        "MessageSid": step["sid"],
        "AccountSid": step["account_sid"],
        "From": sender or "",
        "ApiVersion": "2010-04-01",
    }
    if step["messaging_service_sid"]:
        form["MessagingServiceSid"] = step["messaging_service_sid"]
    if step["failure"]:
        form["ErrorCode"] = str(step["failure"])
    if step["reached"] == "delivered":
        form["RawDlrDoneDate"] = datetime.now(UTC).strftime("%y%m%d%H%M")
    return form
