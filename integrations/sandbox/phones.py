"""The customers' side: phones that write to our numbers and read what was sent to them."""

import sqlite3
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from integrations.sandbox import resources
from integrations.sandbox.asgi import Request, Response, json_response
from integrations.sandbox.callbacks import Webhook
from integrations.sandbox.errors import Refused
from integrations.sandbox.messages import E164, MAX_BODY, MAX_MEDIA, insert_message, is_web_url
from integrations.sandbox.resources import iso
from integrations.sandbox.server import Sandbox

# Whole text, any case, as on Twilio's long codes. YES only ever lifts a block: it is an ordinary answer otherwise.
STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "UNSTOP", "YES"})

SHOWN = 200


@dataclass(frozen=True)
class Text:
    """What a customer writes."""

    sender: str
    to: str
    body: str
    media: list[str]
    webhook: bool

    @classmethod
    def of(cls, sender: str, payload: dict[str, Any]) -> "Text":
        to, body = payload.get("to"), payload.get("body", "")
        media, webhook = payload.get("media", []), payload.get("webhook", True)
        if not isinstance(to, str):
            raise Refused(400, "to must name the number that this phone writes to.")
        if not isinstance(body, str) or len(body) > MAX_BODY:
            raise Refused(400, f"body must be a text of at most {MAX_BODY} characters.")
        if not isinstance(media, list) or len(media) > MAX_MEDIA:
            raise Refused(400, f"media must be a list of at most {MAX_MEDIA} web addresses.")
        if not all(isinstance(url, str) and is_web_url(url) for url in media):
            raise Refused(400, "Each of media must be a web address.")
        if not body and not media:
            raise Refused(400, "A message needs a body or media.")
        if not isinstance(webhook, bool):
            raise Refused(400, "webhook must be true or false.")
        return cls(sender, to, body, media, webhook)


def phone_of(path_part: str) -> str:
    number = "".join(character for character in path_part if character not in " -.()")
    number = number if number.startswith("+") else f"+{number}"
    if not E164.fullmatch(number):
        raise Refused(400, f"{path_part!r} is not a phone number like +15550100001.")
    return number


async def list_phones(sandbox: Sandbox, request: Request) -> Response:
    return json_response({"phones": await sandbox.store.read(phones)})


def phones(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every phone that ever wrote or was written to, the latest first."""
    rows = db.execute(
        "SELECT phone, count(*) AS messages, max(id) AS last FROM"
        " (SELECT id, CASE direction WHEN 'inbound' THEN sender ELSE recipient END AS phone FROM messages)"
        " GROUP BY phone ORDER BY last DESC LIMIT 500"
    ).fetchall()
    answer = []
    for row in rows:
        last = db.execute("SELECT * FROM messages WHERE id = ?", (row["last"],)).fetchone()
        blocked = db.execute("SELECT number FROM opt_outs WHERE phone = ? ORDER BY number", (row["phone"],)).fetchall()
        answer.append(
            {
                "number": row["phone"],
                "messages": row["messages"],
                "last_body": last["body"],
                "last_at": iso(last["date_created"]),
                "opted_out_of": [block["number"] for block in blocked],
            }
        )
    return answer


async def list_numbers(sandbox: Sandbox, request: Request) -> Response:
    return json_response({"numbers": await sandbox.store.read(numbers)})


def numbers(db: sqlite3.Connection) -> list[dict[str, Any]]:
    rows = db.execute("SELECT * FROM numbers ORDER BY account_sid, friendly_name, phone").fetchall()
    return [{name: row[name] for name in ("account_sid", "friendly_name", "phone", "sms_url")} for row in rows]


async def list_messages(sandbox: Sandbox, request: Request, number: str) -> Response:
    return json_response({"messages": await sandbox.store.read(partial(_messages_of, phone=phone_of(number)))})


def _messages_of(db: sqlite3.Connection, *, phone: str) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT * FROM messages WHERE id IN (SELECT id FROM messages WHERE sender = ? AND direction = 'inbound'"
        " UNION ALL SELECT id FROM messages WHERE recipient = ? AND direction <> 'inbound') ORDER BY id DESC LIMIT ?",
        (phone, phone, SHOWN),
    ).fetchall()
    return [_as_seen_by_phone(db, row) for row in reversed(rows)]


def _as_seen_by_phone(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    media = _media_of(db, row)
    return {
        "sid": row["sid"],
        "direction": "sent" if row["direction"] == "inbound" else "received",
        "from": row["sender"],
        "to": row["recipient"],
        "body": row["body"],
        "media": [item["url"] for item in media],
        "status": row["status"],
        "error_code": row["error_code"],
        "date_created": iso(row["date_created"]),
    }


def _media_of(db: sqlite3.Connection, row: sqlite3.Row) -> list[sqlite3.Row]:
    if not row["num_media"]:
        return []
    return db.execute("SELECT * FROM media WHERE message_sid = ? ORDER BY rowid", (row["sid"],)).fetchall()


async def write_message(sandbox: Sandbox, request: Request, number: str) -> Response:
    """A customer writes: the message is kept, and our webhook is told at once."""
    text = Text.of(phone_of(number), await request.json())
    sid, webhook = await sandbox.store.write(partial(_receive, text=text, public_base_url=sandbox.public_base_url))
    if webhook is None:
        return json_response({"sid": sid, "webhook_status": None, "error": "No webhook was called."}, 202)
    answer = await sandbox.poster.post(webhook)
    if isinstance(answer, str):
        return json_response({"sid": sid, "webhook_status": None, "error": answer}, 202)
    return json_response({"sid": sid, "webhook_status": answer}, 201)


def _receive(db: sqlite3.Connection, *, text: Text, public_base_url: str) -> tuple[str, Webhook | None]:
    number = db.execute(
        "SELECT n.account_sid, n.sms_url, a.auth_token FROM numbers n"
        " JOIN accounts a ON a.sid = n.account_sid WHERE n.phone = ?",
        (text.to,),
    ).fetchone()
    if number is None:
        raise Refused(404, f"No account has the number {text.to}.")
    now = time.time()
    row = insert_message(
        db,
        account_sid=number["account_sid"],
        direction="inbound",
        sender=text.sender,
        recipient=text.to,
        body=text.body,
        media=text.media,
        status="received",
        now=now,
        date_sent=now,
    )
    _heed_keyword(db, text)
    if not number["sms_url"] or not text.webhook:
        return row["sid"], None
    media = _media_of(db, row)
    return row["sid"], Webhook(number["sms_url"], number["auth_token"], _inbound_form(row, media, public_base_url))


def _heed_keyword(db: sqlite3.Connection, text: Text) -> None:
    keyword = text.body.strip().upper()
    if keyword in STOP:
        db.execute("INSERT OR IGNORE INTO opt_outs (phone, number) VALUES (?, ?)", (text.sender, text.to))
    elif keyword in START:
        db.execute("DELETE FROM opt_outs WHERE phone = ? AND number = ?", (text.sender, text.to))


def _inbound_form(row: sqlite3.Row, media: list[sqlite3.Row], public_base_url: str) -> dict[str, str]:
    form = {
        "ToCountry": _country(row["recipient"]),
        "ToState": "",
        "SmsMessageSid": row["sid"],
        "NumMedia": str(row["num_media"]),
        "ToCity": "",
        "FromZip": "",
        "SmsSid": row["sid"],
        "FromState": "",
        "SmsStatus": "received",
        "FromCity": "",
        "Body": row["body"],
        "FromCountry": _country(row["sender"]),
        "To": row["recipient"],
        "ToZip": "",
        "NumSegments": str(row["num_segments"]),
        "MessageSid": row["sid"],
        "AccountSid": row["account_sid"],
        "From": row["sender"],
        "ApiVersion": "2010-04-01",
    }
    for index, item in enumerate(media):
        path = f"{resources.API}/{row['account_sid']}/Messages/{row['sid']}/Media/{item['sid']}"
        form[f"MediaUrl{index}"] = f"{public_base_url}/sandbox{path}"
        form[f"MediaContentType{index}"] = item["content_type"]
    return form


def _country(number: str) -> str:
    return "US" if number.startswith("+1") else ""
