"""Twilio's Message resource: create, list, fetch, cancel, redact, delete."""

import asyncio
import mimetypes
import re
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from integrations import segments
from integrations.sandbox import callbacks, faults, resources
from integrations.sandbox.accounts import authenticate, check_account
from integrations.sandbox.asgi import CutShort, Request, Response, Withheld, json_response
from integrations.sandbox.clock import Due
from integrations.sandbox.errors import TwilioError
from integrations.sandbox.faults import Fault
from integrations.sandbox.server import Pace, Sandbox, log_request
from integrations.sandbox.store import new_sid

E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}", re.ASCII)
MAX_BODY = 1600
MAX_MEDIA = 10
PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Draft:
    """A create request that Twilio would accept as far as its form goes."""

    to: str
    sender: str | None
    service_sid: str | None
    body: str
    media: list[str]
    status_callback: str
    send_at: float | None

    @classmethod
    def of(cls, form: Mapping[str, list[str]]) -> "Draft":
        def value(name: str) -> str:
            return form.get(name, [""])[-1].strip()

        draft = cls(
            to=value("To"),
            sender=value("From") or None,
            service_sid=value("MessagingServiceSid") or None,
            body=form.get("Body", [""])[-1],
            media=[url for url in form.get("MediaUrl", []) if url],
            status_callback=value("StatusCallback"),
            send_at=_send_at(value("SendAt"), value("ScheduleType")),
        )
        draft.check()
        return draft

    def check(self) -> None:
        if not self.to:
            raise TwilioError(21604)
        if not self.sender and not self.service_sid:
            raise TwilioError(21603)
        if not self.body and not self.media:
            raise TwilioError(21602)
        if len(self.body) > MAX_BODY:
            raise TwilioError(21617)
        if not E164.fullmatch(self.to):
            raise TwilioError(21211, f"The 'To' number {self.to} is not a valid phone number.")
        if self.sender == self.to:
            raise TwilioError(21266)
        if self.service_sid and not SERVICE_SID.fullmatch(self.service_sid):
            raise TwilioError(21701)
        if len(self.media) > MAX_MEDIA:
            raise TwilioError(21623)
        if not all(is_web_url(url) for url in self.media):
            raise TwilioError(21620)
        if self.status_callback and not is_web_url(self.status_callback):
            raise TwilioError(21609)

    @property
    def status(self) -> str:
        if self.send_at:
            return "scheduled"
        return "queued" if self.sender else "accepted"


@dataclass(frozen=True)
class Answer:
    """What a create came to: the HTTP answer that is due, and the fault that may spoil it."""

    status: int
    body: dict[str, Any]
    fault: Fault | None = None
    steps: list[Due] = field(default_factory=list)


def is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _send_at(text: str, schedule_type: str) -> float | None:
    if not text or schedule_type != "fixed":
        return None
    return resources.date_range(text, name="SendAt")[0]


async def create(sandbox: Sandbox, request: Request, account_sid: str) -> Response:
    came = asyncio.get_running_loop().time()
    form = await request.form()
    decide = partial(_create, account_sid=account_sid, credentials=request.credentials, form=form, path=request.path)
    answer = await sandbox.store.write(partial(decide, pace=sandbox.pace))
    if answer.fault and answer.fault.kind == "callback_before_response":
        await sandbox.deliveries.run_now(answer.steps)
    else:
        sandbox.deliveries.schedule(answer.steps)
    await sandbox.wait_latency(came)
    return await _respond(answer, request)


def _create(
    db: sqlite3.Connection,
    *,
    account_sid: str,
    credentials: tuple[str, str] | None,
    form: Mapping[str, list[str]],
    path: str,
    pace: Pace,
) -> Answer:
    """Decide about a create and store what follows from it, all in the writer's transaction."""
    fault = None
    try:
        authenticate(db, account_sid, credentials)
        draft = Draft.of(form)
        _check_sender(db, account_sid, draft)
        fault = faults.take(db, "twilio", account_sid=account_sid, to=draft.to)
        answer = _refuse(fault) or _accept(db, account_sid, draft, fault, pace)
    except TwilioError as error:
        answer = Answer(error.status, error.body, fault)
    kind = answer.fault.kind if answer.fault else None
    log_request(db, method="POST", path=path, status=answer.status, code=answer.body.get("code"), fault=kind)
    return answer


def _check_sender(db: sqlite3.Connection, account_sid: str, draft: Draft) -> None:
    sender = draft.sender or callbacks.sender_of_service(db, account_sid)
    if sender is None:
        raise TwilioError(21703)
    if not db.execute("SELECT 1 FROM numbers WHERE phone = ? AND account_sid = ?", (sender, account_sid)).fetchone():
        raise TwilioError(21606, f"The 'From' phone number {sender} is not an SMS-capable number of this account.")
    if db.execute("SELECT 1 FROM opt_outs WHERE phone = ? AND number = ?", (draft.to, sender)).fetchone():
        raise TwilioError(21610)


def _refuse(fault: Fault | None) -> Answer | None:
    if fault is None:
        return None
    if fault.refusal:
        error = TwilioError(fault.refusal)
        return Answer(error.status, error.body, fault)
    if fault.kind in ("500", "503"):
        error = TwilioError(20000 + int(fault.kind))
        return Answer(error.status, error.body, fault)
    if fault.kind in ("502", "504", "html"):
        return Answer(200 if fault.kind == "html" else int(fault.kind), {}, fault)
    return None


def _accept(db: sqlite3.Connection, account_sid: str, draft: Draft, fault: Fault | None, pace: Pace) -> Answer:
    now = time.time()
    row = insert_message(
        db,
        account_sid=account_sid,
        direction="outbound-api",
        sender=draft.sender,
        recipient=draft.to,
        service_sid=draft.service_sid,
        body=draft.body,
        media=draft.media,
        status=draft.status,
        status_callback=draft.status_callback,
        now=now,
    )
    start = max(now, draft.send_at or now)
    planned = [
        (step.status, step.error_code, start + step.after_ms / 1000, step.reported)
        for step in faults.steps(fault, pace.sent_after_ms, pace.delivered_after_ms)
    ]
    return Answer(201, resources.message(row), fault, callbacks.plan(db, row["sid"], planned))


def insert_message(
    db: sqlite3.Connection,
    *,
    account_sid: str,
    direction: str,
    sender: str | None,
    recipient: str,
    body: str,
    media: list[str],
    status: str,
    now: float,
    service_sid: str | None = None,
    status_callback: str = "",
    date_sent: float | None = None,
) -> sqlite3.Row:
    columns = {
        "sid": new_sid("MM" if media else "SM"),
        "account_sid": account_sid,
        "direction": direction,
        "sender": sender,
        "recipient": recipient,
        "messaging_service_sid": service_sid,
        "body": body,
        "status": status,
        "num_segments": max(1, segments.count_segments(body)),
        "num_media": len(media),
        "status_callback": status_callback,
        "date_created": now,
        "date_updated": now,
        "date_sent": date_sent,
    }
    row = db.execute(
        f"INSERT INTO messages ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) RETURNING *",
        tuple(columns.values()),
    ).fetchall()[0]
    for url in media:
        content_type = mimetypes.guess_type(urlsplit(url).path)[0] or "image/jpeg"
        db.execute("INSERT INTO media VALUES (?, ?, ?, ?, ?)", (new_sid("ME"), row["sid"], url, content_type, now))
    return row


async def _respond(answer: Answer, request: Request) -> Response:
    """The answer as it leaves the house, spoilt as the fault says."""
    fault, whole = answer.fault, json_response(answer.body, answer.status)
    if fault is None:
        return whole
    match fault.kind:
        case "accept_then_hang":
            return Withheld(whole.status, whole.body, request=request, seconds=fault.option("seconds"))
        case "accept_then_reset":
            return CutShort(whole.status, whole.body)
        case "accept_then_500":
            error = TwilioError(20500)
            return json_response(error.body, error.status)
        case "slow":
            await asyncio.sleep(fault.option("seconds"))
            return whole
        case "truncated_json":
            return Response(whole.status, whole.body[: len(whole.body) // 2])
        case "no_sid":
            return json_response({name: value for name, value in answer.body.items() if name != "sid"}, answer.status)
        case "foreign_account":
            return json_response(answer.body | {"account_sid": new_sid("AC")}, 200)
        case "502" | "504" | "html":
            return Response(answer.status, PROXY_PAGE, "text/html")
        case "429" if fault.option("retry_after"):
            return json_response(answer.body, 429, {"retry-after": f"{fault.option('retry_after'):g}"})
    return whole


async def list_messages(sandbox: Sandbox, request: Request, account_sid: str) -> Response:
    query = request.query

    def work(db: sqlite3.Connection) -> Response:
        check_account(db, account_sid, request.credentials)
        page = resources.Page.of(query)
        clauses, values = _filters(query)
        if page.after:
            clauses.append("id < (SELECT id FROM messages WHERE sid = ?)")
            values.append(page.after)
        condition = " AND ".join(["account_sid = ?", *clauses])
        rows = db.execute(
            f"SELECT * FROM messages WHERE {condition} ORDER BY id DESC LIMIT ? OFFSET ?",
            (account_sid, *values, page.size + 1, page.offset),
        ).fetchall()
        path = f"{resources.API}/{account_sid}/Messages.json"
        items = [resources.message(row) for row in rows]
        return json_response(resources.envelope("messages", path, query, page, items))

    return await sandbox.store.read(work)


def _filters(query: Mapping[str, str]) -> tuple[list[str], list[Any]]:
    """WHERE clauses and their values; `DateSent>` and `DateSent<` include the day or second that they name."""
    clauses: list[str] = []
    values: list[Any] = []
    for name, column in (("To", "recipient"), ("From", "sender")):
        if query.get(name):
            clauses.append(f"{column} = ?")
            values.append(query[name])
    for name in ("DateSent", "DateSent>", "DateSent<"):
        if query.get(name):
            first, end = resources.date_range(query[name], name=name)
            if name != "DateSent<":
                clauses.append("date_sent >= ?")
                values.append(first)
            if name != "DateSent>":
                clauses.append("date_sent < ?")
                values.append(end)
    return clauses, values


def _find(db: sqlite3.Connection, account_sid: str, sid: str) -> sqlite3.Row:
    row = db.execute("SELECT * FROM messages WHERE sid = ? AND account_sid = ?", (sid, account_sid)).fetchone()
    if row is None:
        path = f"{resources.API}/{account_sid}/Messages/{sid}.json"
        raise TwilioError(20404, f"The requested resource {path} was not found")
    return row


async def fetch(sandbox: Sandbox, request: Request, account_sid: str, sid: str) -> Response:
    def work(db: sqlite3.Connection) -> Response:
        check_account(db, account_sid, request.credentials)
        return json_response(resources.message(_find(db, account_sid, sid)))

    return await sandbox.store.read(work)


async def update(sandbox: Sandbox, request: Request, account_sid: str, sid: str) -> Response:
    """Cancel what is scheduled (`Status=canceled`) or redact a text (`Body=`)."""
    form = await request.form()

    def work(db: sqlite3.Connection) -> tuple[dict[str, Any], list[Due]]:
        authenticate(db, account_sid, request.credentials)
        row = _find(db, account_sid, sid)
        steps: list[Due] = []
        if form.get("Status", [""])[-1] == "canceled":
            if row["status"] != "scheduled":
                raise TwilioError(30409)
            callbacks.forget(db, sid)
            steps = callbacks.plan(db, sid, [("canceled", None, time.time(), True)])
            db.execute("UPDATE messages SET status = 'canceled', date_updated = ? WHERE sid = ?", (time.time(), sid))
        elif form.get("Body") == [""]:
            db.execute("UPDATE messages SET body = '', date_updated = ? WHERE sid = ?", (time.time(), sid))
        else:
            raise TwilioError(20001, "A message can only be canceled or redacted.")
        return resources.message(_find(db, account_sid, sid)), steps

    body, steps = await sandbox.store.write(work)
    sandbox.deliveries.schedule(steps)
    return json_response(body)


async def delete(sandbox: Sandbox, request: Request, account_sid: str, sid: str) -> Response:
    def work(db: sqlite3.Connection) -> None:
        authenticate(db, account_sid, request.credentials)
        _find(db, account_sid, sid)
        if callbacks.open_steps_of(db, sid):
            raise TwilioError(20009)
        for table, column in (("media", "message_sid"), ("steps", "message_sid"), ("messages", "sid")):
            db.execute(f"DELETE FROM {table} WHERE {column} = ?", (sid,))

    await sandbox.store.write(work)
    return Response(204)


async def list_media(sandbox: Sandbox, request: Request, account_sid: str, sid: str) -> Response:
    def work(db: sqlite3.Connection) -> Response:
        check_account(db, account_sid, request.credentials)
        _find(db, account_sid, sid)
        rows = db.execute("SELECT * FROM media WHERE message_sid = ? ORDER BY rowid", (sid,)).fetchall()
        items = [resources.media(row, account_sid) for row in rows]
        path = f"{resources.API}/{account_sid}/Messages/{sid}/Media.json"
        return json_response(resources.envelope("media_list", path, {}, resources.Page.of({}), items))

    return await sandbox.store.read(work)


async def fetch_media(sandbox: Sandbox, request: Request, account_sid: str, sid: str, media_sid: str) -> Response:
    """The address that webhooks name: it leads on to where the file is kept, as at Twilio."""

    def work(db: sqlite3.Connection) -> str:
        check_account(db, account_sid, request.credentials)
        _find(db, account_sid, sid)
        row = db.execute("SELECT url FROM media WHERE sid = ? AND message_sid = ?", (media_sid, sid)).fetchone()
        if row is None:
            raise TwilioError(20404)
        return row["url"]

    return Response(307, headers={"location": await sandbox.store.read(work)})
