"""Twilio's Account and IncomingPhoneNumber resources, and who may use them."""

import hmac
import re
import sqlite3
import time
from functools import partial
from typing import Any

from integrations.sandbox import faults, resources
from integrations.sandbox.asgi import Request, Response, json_response
from integrations.sandbox.errors import TwilioError
from integrations.sandbox.server import Sandbox
from integrations.sandbox.store import save_number

Credentials = tuple[str, str] | None


def authenticate(db: sqlite3.Connection, account_sid: str, credentials: Credentials) -> None:
    """Refuse whoever is not this account."""
    if credentials is None:
        raise TwilioError(
            20003,
            "Authentication Error - No credentials provided",
            detail="Your AccountSid or AuthToken was incorrect.",
        )
    row = db.execute("SELECT auth_token FROM accounts WHERE sid = ?", (account_sid,)).fetchone()
    user, password = credentials
    if row is None or user != account_sid or not hmac.compare_digest(password.encode(), row["auth_token"].encode()):
        raise TwilioError(20003, detail="")


def check_account(db: sqlite3.Connection, account_sid: str, credentials: Credentials) -> sqlite3.Row:
    """For reading no login is needed, so that a test can ask; wrong credentials are refused all the same."""
    if credentials is not None:
        authenticate(db, account_sid, credentials)
    row = db.execute("SELECT * FROM accounts WHERE sid = ?", (account_sid,)).fetchone()
    if row is None:
        raise TwilioError(20404, f"The requested resource {resources.API}/{account_sid}.json was not found")
    return row


async def fetch(sandbox: Sandbox, request: Request, account_sid: str) -> Response:
    def work(db: sqlite3.Connection) -> Response:
        row = check_account(db, account_sid, request.credentials)
        return json_response(resources.account(row, with_token=request.credentials is not None))

    return await sandbox.store.read(work)


async def list_numbers(sandbox: Sandbox, request: Request, account_sid: str) -> Response:
    query = request.query

    def work(db: sqlite3.Connection) -> Response:
        check_account(db, account_sid, request.credentials)
        if request.credentials and faults.is_shut_out(db, account_sid):
            raise TwilioError(20003)
        page = resources.Page.of(query)
        rows = db.execute(
            "SELECT * FROM numbers WHERE account_sid = ? AND (? = '' OR phone = ?) AND (? = '' OR friendly_name = ?)"
            " AND (? = '' OR sid > ?) ORDER BY sid LIMIT ? OFFSET ?",
            (
                account_sid,
                *(query.get("PhoneNumber", ""),) * 2,
                *(query.get("FriendlyName", ""),) * 2,
                *(page.after or "",) * 2,
                page.size + 1,
                page.offset,
            ),
        ).fetchall()
        path = f"{resources.API}/{account_sid}/IncomingPhoneNumbers.json"
        items = [resources.phone_number(row) for row in rows]
        return json_response(resources.envelope("incoming_phone_numbers", path, query, page, items))

    return await sandbox.store.read(work)


async def add_number(sandbox: Sandbox, request: Request, account_sid: str) -> Response:
    form = await request.form()
    phone = form.get("PhoneNumber", [""])[-1]
    row = await sandbox.store.write(
        partial(
            _add_number,
            account_sid=account_sid,
            credentials=request.credentials,
            phone=phone,
            sms_url=form.get("SmsUrl", [""])[-1],
            friendly_name=form.get("FriendlyName", [phone])[-1],
        )
    )
    return json_response(row, 201)


def _add_number(
    db: sqlite3.Connection, *, account_sid: str, credentials: Credentials, phone: str, sms_url: str, friendly_name: str
) -> dict[str, Any]:
    authenticate(db, account_sid, credentials)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", phone):
        raise TwilioError(21421)
    if db.execute("SELECT 1 FROM numbers WHERE phone = ?", (phone,)).fetchone():
        raise TwilioError(21422)
    sid = save_number(db, account_sid, phone, sms_url, friendly_name)
    return resources.phone_number(_find_number(db, account_sid, sid))


def _find_number(db: sqlite3.Connection, account_sid: str, sid: str) -> sqlite3.Row:
    row = db.execute("SELECT * FROM numbers WHERE sid = ? AND account_sid = ?", (sid, account_sid)).fetchone()
    if row is None:
        path = f"{resources.API}/{account_sid}/IncomingPhoneNumbers/{sid}.json"
        raise TwilioError(20404, f"The requested resource {path} was not found")
    return row


async def fetch_number(sandbox: Sandbox, request: Request, account_sid: str, sid: str) -> Response:
    def work(db: sqlite3.Connection) -> Response:
        check_account(db, account_sid, request.credentials)
        return json_response(resources.phone_number(_find_number(db, account_sid, sid)))

    return await sandbox.store.read(work)


async def update_number(sandbox: Sandbox, request: Request, account_sid: str, sid: str) -> Response:
    form = await request.form()

    def work(db: sqlite3.Connection) -> Response:
        authenticate(db, account_sid, request.credentials)
        row = _find_number(db, account_sid, sid)
        sms_url = form.get("SmsUrl", [row["sms_url"]])[-1]
        friendly_name = form.get("FriendlyName", [row["friendly_name"]])[-1]
        db.execute(
            "UPDATE numbers SET sms_url = ?, friendly_name = ?, date_updated = ? WHERE sid = ?",
            (sms_url, friendly_name, time.time(), sid),
        )
        return json_response(resources.phone_number(_find_number(db, account_sid, sid)))

    return await sandbox.store.write(work)
