"""Meta's side of the sandbox's file: apps, pages with their tokens, people, messages, and what apps are to be told.

An account is what webhooks name in `entry.id`: a page, or an Instagram professional account. An Instagram account
that signed in by itself (Instagram Login) is a page of its own id, without Messenger.
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS graph_apps (
    app_id TEXT PRIMARY KEY, secret TEXT NOT NULL, webhook_url TEXT NOT NULL, verify_token TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS graph_pages (
    page_id TEXT PRIMARY KEY, name TEXT NOT NULL, app_id TEXT NOT NULL, subscribed_fields TEXT,
    human_agent INTEGER NOT NULL, instagram_id TEXT UNIQUE, instagram_username TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS graph_tokens (
    token TEXT PRIMARY KEY, page_id TEXT NOT NULL, issued_at REAL NOT NULL, expires_at REAL, revoked INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS graph_people (
    account_id TEXT NOT NULL, person_id TEXT NOT NULL, first_name TEXT NOT NULL, last_name TEXT NOT NULL,
    username TEXT NOT NULL, profile TEXT NOT NULL, sees INTEGER NOT NULL, reachable TEXT NOT NULL,
    PRIMARY KEY (account_id, person_id)
);
CREATE TABLE IF NOT EXISTS graph_messages (
    id INTEGER PRIMARY KEY, mid TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, person_id TEXT NOT NULL,
    direction TEXT NOT NULL, text TEXT NOT NULL, attachments TEXT NOT NULL, extra TEXT NOT NULL, source TEXT NOT NULL,
    metadata TEXT NOT NULL, tag TEXT NOT NULL, status TEXT NOT NULL, unsent INTEGER NOT NULL DEFAULT 0,
    edits INTEGER NOT NULL DEFAULT 0, reaction TEXT NOT NULL DEFAULT '', created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS graph_messages_of_thread ON graph_messages (account_id, person_id, created_at);
CREATE TABLE IF NOT EXISTS graph_events (
    id INTEGER PRIMARY KEY, account_id TEXT NOT NULL, person_id TEXT NOT NULL, mid TEXT NOT NULL, kind TEXT NOT NULL,
    item TEXT NOT NULL, reported INTEGER NOT NULL, moment REAL NOT NULL, planned_at REAL NOT NULL, due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, done_at REAL, answer TEXT
);
CREATE INDEX IF NOT EXISTS graph_events_open ON graph_events (due_at) WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS graph_events_of_message ON graph_events (mid);
"""

# `profile`: what the profile's request answers. `reachable`: what a send to the person answers.
PROFILES = ("full", "none", "no_consent")
REACHABLE = ("yes", "unavailable", "disabled")

Row = Mapping[str, Any] | sqlite3.Row


@dataclass(frozen=True)
class Account:
    """A page or an Instagram account, with the page whose token opens it and the app that is told about it."""

    account_id: str
    platform: str  # messenger or instagram
    page_id: str
    name: str
    username: str
    app_id: str
    human_agent: bool

    @property
    def is_instagram(self) -> bool:
        return self.platform == "instagram"

    @property
    def is_instagram_login(self) -> bool:
        """Whether it is an Instagram account without a page."""
        return self.is_instagram and self.account_id == self.page_id


def save_app(db: sqlite3.Connection, app_id: str, secret: str, webhook_url: str, verify_token: str) -> None:
    db.execute("INSERT OR REPLACE INTO graph_apps VALUES (?, ?, ?, ?)", (app_id, secret, webhook_url, verify_token))


def save_page(
    db: sqlite3.Connection,
    page_id: str,
    name: str,
    token: str,
    app_id: str,
    *,
    instagram_account_id: str | None,
    instagram_username: str,
    subscribed_fields: Sequence[str] | None,
    human_agent: bool,
    expires_at: float | None,
) -> None:
    """Register or update a page; what apps have subscribed to since is kept."""
    fields = None if subscribed_fields is None else json.dumps(list(subscribed_fields))
    db.execute(
        "INSERT INTO graph_pages VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (page_id) DO UPDATE SET"
        " name = excluded.name, app_id = excluded.app_id, human_agent = excluded.human_agent,"
        " instagram_id = excluded.instagram_id, instagram_username = excluded.instagram_username,"
        " subscribed_fields = coalesce(excluded.subscribed_fields, subscribed_fields)",
        (page_id, name, app_id, fields, human_agent, instagram_account_id, instagram_username),
    )
    save_token(db, token, page_id, expires_at)


def save_token(db: sqlite3.Connection, token: str, page_id: str, expires_at: float | None) -> None:
    db.execute("INSERT OR REPLACE INTO graph_tokens VALUES (?, ?, ?, ?, 0)", (token, page_id, time.time(), expires_at))


def save_person(
    db: sqlite3.Connection,
    account_id: str,
    person_id: str,
    *,
    first_name: str,
    last_name: str,
    username: str,
    profile: str = "full",
    sees: bool = False,
) -> None:
    db.execute(
        "INSERT INTO graph_people VALUES (?, ?, ?, ?, ?, ?, ?, 'yes') ON CONFLICT (account_id, person_id) DO UPDATE SET"
        " first_name = excluded.first_name, last_name = excluded.last_name, username = excluded.username",
        (account_id, person_id, first_name, last_name, username, profile, sees),
    )


def save_message(
    db: sqlite3.Connection,
    account_id: str,
    person_id: str,
    direction: str,
    *,
    text: str = "",
    attachments: Sequence[Mapping[str, Any]] = (),
    extra: Mapping[str, Any] | None = None,
    source: str = "person",
    metadata: str = "",
    tag: str = "",
    status: str = "received",
    reaction: str = "",
    created_at: float | None = None,
    mid: str = "",
) -> sqlite3.Row:
    """Keep a message. `source` is person, api, or inbox for one that was typed in Meta's own inbox."""
    columns = {
        "mid": mid or new_mid(),
        "account_id": account_id,
        "person_id": person_id,
        "direction": direction,
        "text": text,
        "attachments": json.dumps(list(attachments)),
        "extra": json.dumps(extra or {}),
        "source": source,
        "metadata": metadata,
        "tag": tag,
        "status": status,
        "reaction": reaction,
        "created_at": time.time() if created_at is None else created_at,
    }
    return db.execute(
        f"INSERT INTO graph_messages ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) RETURNING *",
        tuple(columns.values()),
    ).fetchall()[0]


def new_mid() -> str:
    return "m_" + secrets.token_urlsafe(48)


def find_account(db: sqlite3.Connection, account_id: str) -> Account | None:
    row = db.execute(
        "SELECT * FROM graph_pages WHERE page_id = ? OR instagram_id = ?", (account_id, account_id)
    ).fetchone()
    return row and make_account(row, instagram=row["instagram_id"] == account_id)


def list_accounts(db: sqlite3.Connection) -> list[Account]:
    """Every page and Instagram account, each page's Messenger first."""
    accounts = []
    for row in db.execute("SELECT * FROM graph_pages ORDER BY name, page_id").fetchall():
        if row["page_id"] != row["instagram_id"]:
            accounts.append(make_account(row, instagram=False))
        if row["instagram_id"]:
            accounts.append(make_account(row, instagram=True))
    return accounts


def make_account(row: sqlite3.Row, *, instagram: bool) -> Account:
    return Account(
        account_id=row["instagram_id"] if instagram else row["page_id"],
        platform="instagram" if instagram else "messenger",
        page_id=row["page_id"],
        name=row["name"],
        username=row["instagram_username"],
        app_id=row["app_id"],
        human_agent=bool(row["human_agent"]),
    )


def find_person(db: sqlite3.Connection, account_id: str, person_id: str) -> sqlite3.Row | None:
    return db.execute(
        "SELECT * FROM graph_people WHERE account_id = ? AND person_id = ?", (account_id, person_id)
    ).fetchone()


def find_message(db: sqlite3.Connection, account_id: str, mid: str) -> sqlite3.Row | None:
    return db.execute("SELECT * FROM graph_messages WHERE account_id = ? AND mid = ?", (account_id, mid)).fetchone()


def full_name(person: Row) -> str:
    return f"{person['first_name']} {person['last_name']}".strip()


def in_milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
