"""Conversations and their messages as the Graph tells them: what an app may read again after it was away.

https://developers.facebook.com/docs/messenger-platform/conversations
"""

import json
import mimetypes
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from integrations.sandbox.graph import fields, tables
from integrations.sandbox.graph.errors import refuse_parameter
from integrations.sandbox.graph.files import FILES
from integrations.sandbox.graph.tables import Account

THREAD_FIELDS = ("id", "updated_time", "participants", "messages", "message_count", "can_reply", "link")
MESSAGE_FIELDS = (
    "id",
    "created_time",
    "from",
    "to",
    "message",
    "attachments",
    "sticker",
    "story",
    "shares",
    "reactions",
    "reply_to",
    "is_unsupported",
)
THREAD = "account_id = ? AND person_id = ?"


class Address(Protocol):
    """Where the list is read, for the address of its next page, and where files are."""

    url: str
    files_url: str


def graph_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def list_threads(
    db: sqlite3.Connection, account: Account, parameters: Mapping[str, Any], address: Address
) -> dict[str, Any]:
    """Newest first; a cursor is the time and the id of the last message of a thread."""
    limit, cursor = fields.read_limit(parameters), fields.read_cursor(parameters)
    tree = fields.parse_fields(str(parameters.get("fields", "")) or "id,updated_time")
    before, before_person = _read_place(cursor)
    person_id = str(parameters.get("user_id", ""))
    rows = db.execute(
        "SELECT person_id, max(created_at) AS last FROM graph_messages"
        " WHERE account_id = ? AND (? = '' OR person_id = ?)"
        " GROUP BY person_id HAVING (last, person_id) < (?, ?) ORDER BY last DESC, person_id DESC LIMIT ?",
        (account.account_id, person_id, person_id, before, before_person, limit + 1),
    ).fetchall()
    threads = []
    for row in rows:
        person = tables.find_person(db, account.account_id, row["person_id"])
        if person is not None:
            place = f"{row['last']!r} {row['person_id']}"
            threads.append((place, describe_thread(db, account, person, tree, address)))
    return fields.make_page(threads, limit, address.url, parameters)


def _read_place(cursor: str) -> tuple[float, str]:
    """Time and id behind a cursor; without one, a place before which everything is."""
    moment, _, name = cursor.partition(" ")
    try:
        return (float(moment), name) if cursor else (float("inf"), "")
    except ValueError:
        raise refuse_parameter("Invalid cursors values were specified") from None


def describe_thread(
    db: sqlite3.Connection, account: Account, person: sqlite3.Row, tree: fields.Tree, address: Address
) -> dict[str, Any]:
    count, last = db.execute(
        f"SELECT count(*), max(created_at) FROM graph_messages WHERE {THREAD}",
        (account.account_id, person["person_id"]),
    ).fetchone()
    values: dict[str, Any] = {
        "id": f"t_{person['person_id']}",
        "updated_time": graph_time(last or 0),
        "message_count": count,
        "can_reply": person["reachable"] == "yes",
        "link": f"/{account.account_id}/inbox/{person['person_id']}/",
    }
    if "participants" in tree:
        values["participants"] = {"data": [_describe_person(account, person), _describe_account(account)]}
    if field := tree.get("messages"):
        values["messages"] = list_thread_messages(db, account, person, field.within, field.modifiers, address)
    return fields.pick(values, tree, known=THREAD_FIELDS, kind="UnifiedThread")


def list_thread_messages(
    db: sqlite3.Connection,
    account: Account,
    person: sqlite3.Row,
    tree: fields.Tree,
    modifiers: Mapping[str, Any],
    address: Address,
) -> dict[str, Any]:
    """Newest first, without what was unsent."""
    limit = fields.read_limit(modifiers)
    before, before_id = _read_place(fields.read_cursor(modifiers))
    rows = db.execute(
        f"SELECT * FROM graph_messages WHERE {THREAD} AND NOT unsent AND (created_at, id) < (?, ?)"
        " ORDER BY created_at DESC, id DESC LIMIT ?",
        (account.account_id, person["person_id"], before, int(before_id or 0), limit + 1),
    ).fetchall()
    messages = [
        (f"{row['created_at']!r} {row['id']}", show_message(db, account, row, tree, address.files_url)) for row in rows
    ]
    base = address.url.split("/graph/", 1)[0]
    wanted = ",".join(tree)
    query = {"fields": wanted} if wanted else {}
    return fields.make_page(messages, limit, f"{base}/graph/t_{person['person_id']}/messages", query)


def show_message(
    db: sqlite3.Connection, account: Account, row: sqlite3.Row, tree: fields.Tree, files_url: str
) -> dict[str, Any]:
    person = tables.find_person(db, account.account_id, row["person_id"])
    customer = _describe_person(account, person) if person else {"id": row["person_id"]}
    ends = [customer, _describe_account(account)]
    sender, receiver = ends if row["direction"] == "inbound" else reversed(ends)
    extra, attachments = json.loads(row["extra"]), json.loads(row["attachments"])
    values: dict[str, Any] = {
        "id": row["mid"],
        "created_time": graph_time(row["created_at"]),
        "from": sender,
        "to": {"data": [receiver]},
        "message": row["text"],
        "story": _describe_story(extra, attachments),
    }
    if files := [described for each in attachments if (described := _describe_attachment(each))]:
        values["attachments"] = {"data": files}
    for attachment in attachments:
        if "sticker_id" in attachment.get("payload", {}):
            values["sticker"] = attachment["payload"]["url"]
        if attachment["type"] in ("ig_post", "share"):
            values["shares"] = {"data": [{"link": attachment["payload"]["url"]}]}
    if row["reaction"]:
        reaction = {"reaction": row["reaction"], "users": [customer]}
        values["reactions"] = {"data": [reaction]}
    if mid := extra.get("reply_to", {}).get("mid"):
        values["reply_to"] = {"mid": mid}
    return fields.pick(values, tree or ("id", "created_time"), known=MESSAGE_FIELDS, kind="Message")


def _describe_person(account: Account, person: sqlite3.Row) -> dict[str, str]:
    if account.is_instagram:
        return {"username": person["username"], "id": person["person_id"]}
    return {
        "name": tables.full_name(person),
        "email": f"{person['person_id']}@facebook.com",
        "id": person["person_id"],
    }


def _describe_account(account: Account) -> dict[str, str]:
    if account.is_instagram:
        return {"username": account.username, "id": account.account_id}
    return {"name": account.name, "email": f"{account.account_id}@facebook.com", "id": account.account_id}


def _describe_story(extra: Mapping[str, Any], attachments: list[dict[str, Any]]) -> dict[str, Any] | None:
    if story := extra.get("reply_to", {}).get("story"):
        return {"reply_to": {"link": story["url"], "id": story["id"]}}
    mentions = [each["payload"]["url"] for each in attachments if each["type"] == "story_mention"]
    return {"mention": {"link": mentions[0], "id": "1"}} if mentions else None


def _describe_attachment(attachment: Mapping[str, Any]) -> dict[str, Any] | None:
    url = attachment.get("payload", {}).get("url")
    kind = attachment["type"]
    if not url or kind not in ("image", "video", "audio", "file"):
        return None
    name = urlsplit(url).path.rpartition("/")[2]
    content_type = FILES[name][1] if name in FILES else mimetypes.guess_type(name)[0]
    described: dict[str, Any] = {"id": name, "name": name, "mime_type": content_type or ""}
    if kind == "image":
        return described | {"image_data": {"url": url, "preview_url": url, "width": 640, "height": 480}}
    return described | ({"video_data": {"url": url}} if kind == "video" else {"file_url": url})
