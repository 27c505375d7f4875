"""The sandbox's own switches and gauges: faults, pace, requests counted, messages accepted."""

import sqlite3
from dataclasses import asdict
from functools import partial
from typing import Any

from integrations.sandbox import faults
from integrations.sandbox.asgi import Request, Response, json_response
from integrations.sandbox.errors import Refused
from integrations.sandbox.resources import iso
from integrations.sandbox.server import Sandbox

LAST = 50
CREATES = "(path LIKE '%/Messages.json' OR path LIKE '/sandbox/graph/%/messages')"
LOGGED = ("method", "path", "status", "code", "fault")


async def list_faults(sandbox: Sandbox, request: Request) -> Response:
    return json_response({"faults": await sandbox.store.read(faults.left)})


async def add_fault(sandbox: Sandbox, request: Request) -> Response:
    await sandbox.store.write(partial(faults.add, payload=await request.json()))
    return json_response({"faults": await sandbox.store.read(faults.left)}, 201)


async def clear_faults(sandbox: Sandbox, request: Request) -> Response:
    await sandbox.store.write(partial(faults.clear, provider=request.query.get("provider", "")))
    return json_response({"faults": await sandbox.store.read(faults.left)})


async def show_settings(sandbox: Sandbox, request: Request) -> Response:
    return json_response(asdict(sandbox.pace))


async def change_settings(sandbox: Sandbox, request: Request) -> Response:
    changes = await request.json()
    for name, value in changes.items():
        if name not in asdict(sandbox.pace):
            raise Refused(400, f"There is no setting {name!r}; there are {', '.join(asdict(sandbox.pace))}.")
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 3_600_000:
            raise Refused(400, f"{name} must be a whole number of milliseconds from 0 to 3600000.")
    await sandbox.set_pace(changes)
    return json_response(asdict(sandbox.pace))


async def show_requests(sandbox: Sandbox, request: Request) -> Response:
    return json_response(await sandbox.store.read(_requests))


def _requests(db: sqlite3.Connection) -> dict[str, Any]:
    """Every request that reached the wire, refused ones too, beside the number of messages accepted by it."""
    creates = db.execute(
        f"SELECT status, code, count(*) AS requests FROM requests WHERE method = 'POST' AND {CREATES}"
        " GROUP BY status, code"
    ).fetchall()
    last = db.execute("SELECT * FROM requests ORDER BY id DESC LIMIT ?", (LAST,)).fetchall()
    return {
        "total": db.execute("SELECT count(*) FROM requests").fetchone()[0],
        "creates": sum(row["requests"] for row in creates),
        "creates_by_answer": {str(row["code"] or row["status"]): row["requests"] for row in creates},
        "accepted": _count(db, "messages WHERE direction <> 'inbound'")
        + _count(db, "graph_messages WHERE source = 'api'"),
        "open_steps": _count(db, "steps WHERE done_at IS NULL") + _count(db, "graph_events WHERE done_at IS NULL"),
        "last": [{"at": iso(row["at"]), **{name: row[name] for name in LOGGED}} for row in last],
    }


def _count(db: sqlite3.Connection, rows: str) -> int:
    return db.execute(f"SELECT count(*) FROM {rows}").fetchone()[0]


async def list_accepted(sandbox: Sandbox, request: Request) -> Response:
    return json_response({"messages": await sandbox.store.read(_accepted)})


def _accepted(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """The last messages accepted, each with how its status callbacks were answered."""
    rows = db.execute(
        "SELECT * FROM messages WHERE direction <> 'inbound' ORDER BY id DESC LIMIT ?", (LAST,)
    ).fetchall()
    return [
        {
            "sid": row["sid"],
            "date_created": iso(row["date_created"]),
            "from": row["sender"],
            "to": row["recipient"],
            "body": row["body"],
            "status": row["status"],
            "error_code": row["error_code"],
            "num_segments": row["num_segments"],
            "callbacks": [{"status": step["status"], "answer": step["answer"]} for step in _reported(db, row["sid"])],
        }
        for row in rows
    ]


def _reported(db: sqlite3.Connection, sid: str) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT status, answer FROM steps WHERE message_sid = ? AND answer IS NOT NULL ORDER BY done_at", (sid,)
    ).fetchall()
