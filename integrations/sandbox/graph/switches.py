"""The sandbox's own switches and gauges of Meta's side: pages, people, what was accepted, and webhooks at will."""

import json
import secrets
import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any

from integrations.sandbox.asgi import Request, Response, json_response
from integrations.sandbox.errors import Refused
from integrations.sandbox.graph import access, people, tables, webhooks
from integrations.sandbox.graph.items import FIELDS
from integrations.sandbox.graph.tables import PROFILES, REACHABLE, Account
from integrations.sandbox.resources import iso
from integrations.sandbox.server import Sandbox

LAST = 50
COLUMNS = ("mid", "account_id", "person_id", "text", "metadata", "tag", "source", "status", "unsent")


async def list_pages(sandbox: Sandbox, request: Request) -> Response:
    return json_response({"pages": await sandbox.store.read(describe_pages)})


def describe_pages(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every page and every Instagram account with its people, who wrote or were written to last first."""
    return [describe_account(db, account) for account in tables.list_accounts(db)]


def describe_account(db: sqlite3.Connection, account: Account) -> dict[str, Any]:
    row = db.execute("SELECT * FROM graph_pages WHERE page_id = ?", (account.page_id,)).fetchone()
    rows = db.execute(
        "SELECT p.*, m.text AS last_text, m.created_at AS last_at, m.attachments, m.unsent FROM graph_people p"
        " LEFT JOIN graph_messages m ON m.id = (SELECT id FROM graph_messages n WHERE n.account_id = p.account_id"
        " AND n.person_id = p.person_id ORDER BY created_at DESC, id DESC LIMIT 1)"
        " WHERE p.account_id = ? ORDER BY last_at DESC NULLS LAST, p.person_id LIMIT 200",
        (account.account_id,),
    ).fetchall()
    return {
        "account_id": account.account_id,
        "platform": account.platform,
        "page_id": account.page_id,
        "name": account.name,
        "username": account.username,
        "app_id": account.app_id,
        "human_agent": account.human_agent,
        "token_valid": _has_good_token(db, account.page_id),
        "subscribed_fields": row["subscribed_fields"] and json.loads(row["subscribed_fields"]),
        "people": [people.describe_person(row) | {"last_text": _last_words(row)} for row in rows],
    }


def _has_good_token(db: sqlite3.Connection, page_id: str) -> bool:
    tokens = db.execute("SELECT revoked, expires_at FROM graph_tokens WHERE page_id = ?", (page_id,)).fetchall()
    return any(access.find_fault_of_token(token) is None for token in tokens)


def _last_words(row: sqlite3.Row) -> str:
    if row["unsent"]:
        return "Unsent"
    if row["last_text"]:
        return row["last_text"]
    attachments = json.loads(row["attachments"] or "[]")
    return attachments[0]["type"].replace("_", " ").capitalize() if attachments else ""


async def change_page(sandbox: Sandbox, request: Request, page_id: str) -> Response:
    """`{"subscribed": false}` as if Meta had switched the webhooks off, `human_agent`, `token_valid`."""
    changes = await request.json()
    await sandbox.store.write(partial(_change_page, page_id=page_id, changes=changes))
    return json_response({"pages": await sandbox.store.read(describe_pages)})


def _change_page(db: sqlite3.Connection, *, page_id: str, changes: Mapping[str, Any]) -> None:
    if not db.execute("SELECT 1 FROM graph_pages WHERE page_id = ?", (page_id,)).fetchone():
        raise Refused(404, f"There is no page {page_id}.")
    for name, value in changes.items():
        if not isinstance(value, bool):
            raise Refused(400, f"{name} must be true or false.")
        if name == "subscribed":
            fields = json.dumps(sorted(set(FIELDS.values()))) if value else None
            db.execute("UPDATE graph_pages SET subscribed_fields = ? WHERE page_id = ?", (fields, page_id))
        elif name == "human_agent":
            db.execute("UPDATE graph_pages SET human_agent = ? WHERE page_id = ?", (value, page_id))
        elif name == "token_valid":
            db.execute("UPDATE graph_tokens SET revoked = ? WHERE page_id = ?", (not value, page_id))
        else:
            raise Refused(400, f"There is no switch {name!r}; there are subscribed, human_agent and token_valid.")


async def add_person(sandbox: Sandbox, request: Request, account_id: str) -> Response:
    """Somebody who has never written to the page."""
    payload = await request.json()
    person = await sandbox.store.write(partial(_add_person, account_id=account_id, payload=payload))
    return json_response(person, 201)


def _add_person(db: sqlite3.Connection, *, account_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    account = tables.find_account(db, account_id)
    if account is None:
        raise Refused(404, f"There is no page or Instagram account {account_id}.")
    name = payload.get("name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 80:
        raise Refused(400, "name must be a name of at most 80 characters.")
    person_id = str(secrets.randbelow(9 * 10**15) + 10**15)
    first, _, last = name.strip().partition(" ")
    username = "".join(character for character in name.lower() if character.isalnum()) if account.is_instagram else ""
    tables.save_person(db, account_id, person_id, first_name=first, last_name=last.strip(), username=username)
    return people.describe_person(people.find_thread(db, account_id, person_id)[1])


async def change_person(sandbox: Sandbox, request: Request, account_id: str, person_id: str) -> Response:
    """`sees`: whether messages are seen at once; `reachable`: how sends are answered; `profile`: what is known."""
    changes = await request.json()

    def work(db: sqlite3.Connection) -> dict[str, Any]:
        people.find_thread(db, account_id, person_id)
        for name, value in changes.items():
            _check_change(name, value)
            db.execute(
                f"UPDATE graph_people SET {name} = ? WHERE account_id = ? AND person_id = ?",
                (value, account_id, person_id),
            )
        return people.describe_person(people.find_thread(db, account_id, person_id)[1])

    return json_response(await sandbox.store.write(work))


def _check_change(name: str, value: object) -> None:
    """Raises Refused."""
    if name == "sees":
        if not isinstance(value, bool):
            raise Refused(400, "sees must be true or false.")
    elif name in ("reachable", "profile"):
        known = REACHABLE if name == "reachable" else PROFILES
        if value not in known:
            raise Refused(400, f"{name} must be one of {', '.join(known)}.")
    else:
        raise Refused(400, f"There is no switch {name!r}; there are sees, reachable and profile.")


async def list_accepted(sandbox: Sandbox, request: Request) -> Response:
    """The oracle. All that was accepted for `account_id`, newest first; the last ones of all without it."""
    account_id = request.query.get("account_id", "")
    return json_response({"messages": await sandbox.store.read(partial(_accepted, account_id=account_id))})


def _accepted(db: sqlite3.Connection, *, account_id: str) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT * FROM graph_messages WHERE source = 'api' AND (? = '' OR account_id = ?) ORDER BY id DESC LIMIT ?",
        (account_id, account_id, -1 if account_id else LAST),
    ).fetchall()
    return [_describe_accepted(db, row) for row in rows]


def _describe_accepted(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    events = db.execute(
        "SELECT kind, answer FROM graph_events WHERE mid = ? AND answer IS NOT NULL ORDER BY id",
        (row["mid"],),
    ).fetchall()
    return {
        **{name: row[name] for name in COLUMNS},
        "attachments": json.loads(row["attachments"]),
        "created_at": iso(row["created_at"]),
        "webhooks": [{"kind": event["kind"], "answer": event["answer"]} for event in events],
    }


async def drop_events(sandbox: Sandbox, request: Request) -> Response:
    """Forget what apps were still to be told: for a webhook that will not come back."""
    await sandbox.store.write(webhooks.drop_events)
    return Response(204)


async def verify_webhook(sandbox: Sandbox, request: Request, app_id: str) -> Response:
    """Meta's handshake with the app's webhook, as when its address is saved in the dashboard."""
    app = await sandbox.store.read(partial(_find_app, app_id=app_id))
    answer, verified = await sandbox.graph_poster.verify(app["webhook_url"], app["verify_token"])
    return json_response({"answer": answer, "verified": verified})


async def post_batch(sandbox: Sandbox, request: Request, app_id: str) -> Response:
    """Post any body to the app's webhook, encoded and signed as Meta does."""
    payload = await request.json()
    app = await sandbox.store.read(partial(_find_app, app_id=app_id))
    return json_response({"answer": await sandbox.graph_poster.post(app["webhook_url"], payload, app["secret"])})


def _find_app(db: sqlite3.Connection, *, app_id: str) -> sqlite3.Row:
    row = db.execute("SELECT * FROM graph_apps WHERE app_id = ?", (app_id,)).fetchone()
    if row is None:
        raise Refused(404, f"There is no app {app_id}.")
    return row
