"""The sandbox's own SQLite file: what was accepted, what is still to be reported, what shall go wrong.

All writes of the server go through one thread, which commits what has gathered as one transaction;
a caller is answered after that commit. Registration is open to other processes while the server runs.
"""

import asyncio
import queue
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from integrations.sandbox.graph import tables

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

BATCH = 200
LOCK_TIMEOUT = 10.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    sid TEXT PRIMARY KEY, auth_token TEXT NOT NULL, date_created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS numbers (
    sid TEXT PRIMARY KEY, account_sid TEXT NOT NULL, phone TEXT NOT NULL UNIQUE, friendly_name TEXT NOT NULL,
    sms_url TEXT NOT NULL, date_created REAL NOT NULL, date_updated REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, account_sid TEXT NOT NULL, direction TEXT NOT NULL,
    sender TEXT, recipient TEXT NOT NULL, messaging_service_sid TEXT, body TEXT NOT NULL, status TEXT NOT NULL,
    num_segments INTEGER NOT NULL, num_media INTEGER NOT NULL, error_code INTEGER, error_message TEXT,
    status_callback TEXT NOT NULL, date_created REAL NOT NULL, date_updated REAL NOT NULL, date_sent REAL
);
CREATE INDEX IF NOT EXISTS messages_of_account ON messages (account_sid, id);
CREATE INDEX IF NOT EXISTS messages_to ON messages (recipient, id);
CREATE INDEX IF NOT EXISTS messages_from ON messages (sender, id);
CREATE TABLE IF NOT EXISTS media (
    sid TEXT PRIMARY KEY, message_sid TEXT NOT NULL, url TEXT NOT NULL, content_type TEXT NOT NULL,
    date_created REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS media_of_message ON media (message_sid);
CREATE TABLE IF NOT EXISTS steps (
    id INTEGER PRIMARY KEY, message_sid TEXT NOT NULL, status TEXT NOT NULL, error_code INTEGER,
    due_at REAL NOT NULL, reported INTEGER NOT NULL, done_at REAL, answer TEXT
);
CREATE INDEX IF NOT EXISTS steps_open ON steps (due_at) WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS steps_of_message ON steps (message_sid);
CREATE TABLE IF NOT EXISTS opt_outs (phone TEXT NOT NULL, number TEXT NOT NULL, PRIMARY KEY (phone, number));
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, remaining INTEGER NOT NULL, options TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL,
    code INTEGER, fault TEXT
);
"""


def new_sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, creating it and its tables when they are not there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    _switch_to_wal(db)
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(SCHEMA + tables.SCHEMA)
    return db


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """SQLite does not wait for its lock here, so two processes that make the file at once would clash."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def default_path() -> Path:
    from django.conf import settings

    return Path(settings.LOCAL_DIR) / "sandbox.sqlite3"


def add_account(sid: str, auth_token: str, *, path: Path | None = None) -> None:
    """Register an account, or give a registered one this token. Safe while the sandbox runs elsewhere."""
    db = connect(path or default_path())
    try:
        db.execute(
            "INSERT INTO accounts VALUES (?, ?, ?) ON CONFLICT (sid) DO UPDATE SET auth_token = excluded.auth_token",
            (sid, auth_token, time.time()),
        )
    finally:
        db.close()


def add_number(
    account_sid: str,
    phone: str,
    sms_url: str,
    friendly_name: str,
    *,
    path: Path | None = None,
) -> str:
    """Register one of an account's numbers, or update it, and return its SID."""
    db = connect(path or default_path())
    try:
        return save_number(db, account_sid, phone, sms_url, friendly_name)
    finally:
        db.close()


def offer_number(account_sid: str, phone: str, friendly_name: str, *, path: Path | None = None) -> None:
    """Register a number that leads nowhere yet. One that is known stays as it is: it may lead somewhere by now."""
    with closing(connect(path or default_path())) as db:
        if not db.execute("SELECT 1 FROM numbers WHERE phone = ?", [phone]).fetchone():
            save_number(db, account_sid, phone, "", friendly_name)


def save_number(db: sqlite3.Connection, account_sid: str, phone: str, sms_url: str, friendly_name: str) -> str:
    now = time.time()
    rows = db.execute(
        "INSERT INTO numbers VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (phone) DO UPDATE SET account_sid = excluded.account_sid, sms_url = excluded.sms_url,"
        " friendly_name = excluded.friendly_name, date_updated = excluded.date_updated RETURNING sid",
        (new_sid("PN"), account_sid, phone, friendly_name, sms_url, now, now),
    ).fetchall()
    return rows[0]["sid"]


def add_app(app_id: str, secret: str, webhook_url: str, verify_token: str = "", *, path: Path | None = None) -> None:
    """Register one of Meta's apps, or update it. `webhook_url` is where all its pages' events go."""
    with closing(connect(path or default_path())) as db:
        tables.save_app(db, app_id, secret, webhook_url, verify_token)


def add_page(
    page_id: str,
    name: str,
    token: str,
    app_id: str,
    *,
    instagram_account_id: str | None = None,
    instagram_username: str = "",
    subscribed_fields: Sequence[str] | None = None,
    human_agent: bool = False,
    expires_at: float | None = None,
    path: Path | None = None,
) -> None:
    """Register a page, or update it. None of `subscribed_fields`: the app has not subscribed to it yet.

    `instagram_account_id` may be the page's own id: an Instagram account that signed in without a page.
    """
    with closing(connect(path or default_path())) as db:
        tables.save_page(
            db,
            page_id,
            name,
            token,
            app_id,
            instagram_account_id=instagram_account_id,
            instagram_username=instagram_username,
            subscribed_fields=subscribed_fields,
            human_agent=human_agent,
            expires_at=expires_at,
        )


def add_person(
    account_id: str,
    person_id: str,
    *,
    first_name: str = "",
    last_name: str = "",
    username: str = "",
    profile: str = "full",
    sees: bool = False,
    path: Path | None = None,
) -> None:
    """Register somebody whom a page or an Instagram account knows by this id. They have not written yet."""
    with closing(connect(path or default_path())) as db:
        tables.save_person(
            db,
            account_id,
            person_id,
            first_name=first_name,
            last_name=last_name,
            username=username,
            profile=profile,
            sees=sees,
        )


def add_past_messages(account_id: str, messages: Iterable[Mapping[str, Any]], *, path: Path | None = None) -> None:
    """Register messages of the past, as arguments of `tables.save_message`; nobody is told about them any more.

    Those whose mid is there already stay as they are.
    """
    with closing(connect(path or default_path())) as db:
        db.execute("BEGIN IMMEDIATE")
        rows = db.execute("SELECT mid FROM graph_messages WHERE account_id = ?", (account_id,))
        known_mids = {row["mid"] for row in rows}
        for message in messages:
            if message["mid"] not in known_mids:
                tables.save_message(db, account_id, **message)
        db.execute("COMMIT")


class Store:
    """One writer thread and one reader thread over the file, for use from one event loop."""

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._writing = connect(path)
        self._reading = connect(path)
        self._jobs: queue.SimpleQueue[tuple[Work, asyncio.Future] | None] = queue.SimpleQueue()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="sandbox-reader")
        self._writer = threading.Thread(target=self._write_batches, name="sandbox-writer", daemon=True)
        self._writer.start()

    async def read(self, work: Work[T]) -> T:
        return await self._loop.run_in_executor(self._reader, work, self._reading)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in the next transaction, and return its result once that is committed."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((work, future))
        return await future

    async def close(self) -> None:
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        self._reader.shutdown()
        self._writing.close()
        self._reading.close()

    def _write_batches(self) -> None:
        while job := self._jobs.get():
            batch = [job]
            while len(batch) < BATCH and not self._jobs.empty() and (job := self._jobs.get()):
                batch.append(job)
            self._loop.call_soon_threadsafe(_settle, self._commit(batch))
            if job is None:
                return

    def _commit(self, batch: list[tuple[Work, asyncio.Future]]) -> list[tuple[asyncio.Future, object]]:
        outcomes: list[tuple[asyncio.Future, object]] = []
        try:
            self._writing.execute("BEGIN IMMEDIATE")
            for work, future in batch:
                outcomes.append((future, self._attempt(work)))
            self._writing.execute("COMMIT")
        except sqlite3.Error as error:
            if self._writing.in_transaction:
                self._writing.execute("ROLLBACK")
            return [(future, error) for _, future in batch]
        return outcomes

    def _attempt(self, work: Work) -> object:
        self._writing.execute("SAVEPOINT work")
        try:
            outcome = work(self._writing)
        except Exception as error:
            self._writing.execute("ROLLBACK TO work")
            outcome = error
        self._writing.execute("RELEASE work")
        return outcome


def _settle(outcomes: list[tuple[asyncio.Future, object]]) -> None:
    for future, outcome in outcomes:
        if future.done():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
