"""The customers' side of Messenger and Instagram: what people write, take back, react to and have seen."""

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from integrations.sandbox.asgi import Request, Response, json_response
from integrations.sandbox.clock import Due
from integrations.sandbox.errors import Refused
from integrations.sandbox.graph import items, tables
from integrations.sandbox.graph.sending import MAX_TEXT, follow_up, plan_event
from integrations.sandbox.graph.tables import Account
from integrations.sandbox.graph.webhooks import Planned, plan_events
from integrations.sandbox.server import Pace, Sandbox

HEART = 1747083968936188
THUMBS_UP = 369239263222822  # the small one of three that clients show as an emoji
MOST_HOURS = 24 * 365
MOST_EDITS = 5  # https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/message-edits

Extra = dict[str, Any]
Happened = tuple[str, list[Due]]  # the message that it is about, and what the app is told


def _file(kind: str, name: str, **payload: Any) -> Callable[[str], Extra]:
    return lambda files: {"type": kind, "payload": {"url": f"{files}/{name}", **payload}}


# What a person can send beside text, as webhooks tell it. https://developers.facebook.com/docs/messenger-platform/webhooks
ATTACHMENTS: dict[str, Callable[[str], Extra]] = {
    "picture": _file("image", "picture.png"),
    "voice": _file("audio", "voice.wav"),
    "video": _file("video", "clip.mp4"),
    "file": _file("file", "order.pdf"),
    "sticker": _file("sticker", "sticker.png", sticker_id=HEART),
    "old_sticker": _file("image", "sticker.png", sticker_id=HEART),  # as it was told until 30 August 2026
    "thumbs_up": _file("sticker", "sticker.png", sticker_id=THUMBS_UP),
    "location": lambda files: {
        "type": "location",
        "payload": {"coordinates": {"lat": 53.5461, "long": 9.9663}},
    },
    "like_heart": lambda files: {"type": "like_heart"},
    "story_mention": _file("story_mention", "story.png"),
    "post": _file("ig_post", "story.png", title="Evening by the water"),
    "share": _file("share", "picture.png"),
}
OF_INSTAGRAM = frozenset({"like_heart", "story_mention", "post", "share"})
OF_MESSENGER = frozenset({"sticker", "old_sticker", "thumbs_up", "location"})


@dataclass(frozen=True)
class Written:
    """What a person writes: one message, `created_at` in the past where the test of a window needs it."""

    text: str
    attachments: list[Extra]
    extra: Extra
    created_at: float
    webhook: bool

    @classmethod
    def of(cls, account: Account, payload: Mapping[str, Any], files: str) -> "Written":
        text, kind = payload.get("text", ""), payload.get("attachment", "")
        hours, webhook = payload.get("hours_ago", 0), payload.get("webhook", True)
        if not isinstance(text, str) or len(text) > MAX_TEXT[account.platform]:
            raise Refused(400, f"text must be a text of at most {MAX_TEXT[account.platform]} characters.")
        others = OF_MESSENGER if account.is_instagram else OF_INSTAGRAM
        if kind and (kind not in ATTACHMENTS or kind in others):
            raise Refused(400, f"{account.platform.title()} knows no attachment {kind!r}.")
        if not text and not kind:
            raise Refused(400, "A message needs a text or an attachment.")
        if not isinstance(hours, int | float) or isinstance(hours, bool) or not 0 <= hours <= MOST_HOURS:
            raise Refused(400, f"hours_ago must be a number from 0 to {MOST_HOURS}.")
        if not isinstance(webhook, bool):
            raise Refused(400, "webhook must be true or false.")
        attachments = [ATTACHMENTS[kind](files)] if kind else []
        return cls(text, attachments, _read_extra(account, payload, files), time.time() - hours * 3600, webhook)


def _read_extra(account: Account, payload: Mapping[str, Any], files: str) -> Extra:
    """What goes with a message: the quick reply that it is, the message or the story that it answers."""
    extra: Extra = {}
    if quick := payload.get("quick_reply"):
        extra["quick_reply"] = {"payload": str(quick)}
    if mid := payload.get("reply_to"):
        extra["reply_to"] = {"mid": str(mid)}
    if payload.get("story_reply"):
        if not account.is_instagram:
            raise Refused(400, "Only Instagram has stories to reply to.")
        extra["reply_to"] = {"story": {"id": "17900000000000001", "url": f"{files}/story.png"}}
    return extra


def find_thread(db: sqlite3.Connection, account_id: str, person_id: str) -> tuple[Account, sqlite3.Row]:
    """Raises Refused."""
    account = tables.find_account(db, account_id)
    if account is None:
        raise Refused(404, f"There is no page or Instagram account {account_id}.")
    person = tables.find_person(db, account_id, person_id)
    if person is None:
        raise Refused(404, f"{account.name} knows nobody as {person_id}.")
    return account, person


async def write_message(sandbox: Sandbox, request: Request, account_id: str, person_id: str) -> Response:
    """A person writes: the message is kept, and the app is told at once."""
    payload = await request.json()
    files = f"{sandbox.public_base_url}/sandbox/graph/files"

    def work(db: sqlite3.Connection) -> Happened:
        account, person = find_thread(db, account_id, person_id)
        written = Written.of(account, payload, files)
        row = tables.save_message(
            db,
            account_id,
            person_id,
            "inbound",
            text=written.text,
            attachments=written.attachments,
            extra=written.extra,
            created_at=written.created_at,
        )
        if not written.webhook:
            return row["mid"], []
        return row["mid"], _plan_now(db, row, "message", items.inbound_item(row))

    return await _tell(sandbox, *await sandbox.store.write(work))


async def act(sandbox: Sandbox, request: Request, account_id: str, person_id: str) -> Response:
    """A person does something else: `{"act": "react", "mid": ..., "emoji": ...}`."""
    payload = await request.json()
    name = payload.get("act")
    if name not in ACTS:
        raise Refused(400, f"There is no act {name!r}; there are {', '.join(ACTS)}.")

    def work(db: sqlite3.Connection) -> Happened:
        account, _ = find_thread(db, account_id, person_id)
        return ACTS[name](db, account, person_id, payload)

    return await _tell(sandbox, *await sandbox.store.write(work))


async def answer_as_page(sandbox: Sandbox, request: Request, account_id: str, person_id: str) -> Response:
    """Somebody of the page answers in Meta's own inbox: our app only gets the echo."""
    payload = await request.json()
    text = payload.get("text")
    if not isinstance(text, str) or not text:
        raise Refused(400, "text must be a text.")
    mid, events = await sandbox.store.write(
        partial(_answer_as_page, account_id=account_id, person_id=person_id, text=text, pace=sandbox.pace)
    )
    sandbox.notifier.schedule(events)
    return json_response({"mid": mid}, 201)


def _answer_as_page(db: sqlite3.Connection, *, account_id: str, person_id: str, text: str, pace: Pace) -> Happened:
    account, person = find_thread(db, account_id, person_id)
    row = tables.save_message(db, account_id, person_id, "outbound", text=text, source="inbox", status="sent")
    return row["mid"], plan_events(db, account_id, person_id, follow_up(account, person, row, None, pace))


async def _tell(sandbox: Sandbox, mid: str, events: list[Due]) -> Response:
    answers = await sandbox.notifier.run_now(events)
    if not answers:
        return json_response({"mid": mid, "webhook_status": None, "error": "No webhook was called."}, 202)
    if isinstance(answers[0], str):
        return json_response({"mid": mid, "webhook_status": None, "error": answers[0]}, 202)
    return json_response({"mid": mid, "webhook_status": answers[0]}, 201)


def _plan_now(db: sqlite3.Connection, row: tables.Row, kind: str, item: Mapping[str, Any]) -> list[Due]:
    now = time.time()
    return plan_events(db, row["account_id"], row["person_id"], [Planned(kind, item, now, now, row["mid"])])


def _find_message(
    db: sqlite3.Connection, account: Account, person_id: str, payload: Mapping[str, Any], *, own: bool = False
) -> sqlite3.Row:
    row = tables.find_message(db, account.account_id, str(payload.get("mid", "")))
    if row is None or row["person_id"] != person_id or row["unsent"]:
        raise Refused(404, "mid names no message of this conversation.")
    if own and row["direction"] != "inbound":
        raise Refused(400, "Only messages of one's own can be changed or taken back.")
    return row


def _react(db: sqlite3.Connection, account: Account, person_id: str, payload: Mapping[str, Any]) -> Happened:
    row = _find_message(db, account, person_id, payload)
    emoji = payload.get("emoji", "")
    if not isinstance(emoji, str) or not 1 <= len(emoji) <= 10:
        raise Refused(400, "emoji must be an emoji.")
    db.execute("UPDATE graph_messages SET reaction = ? WHERE id = ?", (emoji, row["id"]))
    return row["mid"], _plan_now(db, row, "reaction", items.reaction_item(row, emoji, time.time()))


def _unreact(db: sqlite3.Connection, account: Account, person_id: str, payload: Mapping[str, Any]) -> Happened:
    row = _find_message(db, account, person_id, payload)
    db.execute("UPDATE graph_messages SET reaction = '' WHERE id = ?", (row["id"],))
    return row["mid"], _plan_now(db, row, "reaction", items.reaction_item(row, "", time.time()))


def _unsend(db: sqlite3.Connection, account: Account, person_id: str, payload: Mapping[str, Any]) -> Happened:
    if not account.is_instagram:
        raise Refused(400, "Only Instagram tells apps about messages that were taken back.")
    row = _find_message(db, account, person_id, payload, own=True)
    db.execute("UPDATE graph_messages SET unsent = 1, text = '', attachments = '[]' WHERE id = ?", (row["id"],))
    return row["mid"], _plan_now(db, row, "unsend", items.unsend_item(row, time.time()))


def _edit(db: sqlite3.Connection, account: Account, person_id: str, payload: Mapping[str, Any]) -> Happened:
    row = _find_message(db, account, person_id, payload, own=True)
    text = payload.get("text")
    if not isinstance(text, str) or not 1 <= len(text) <= MAX_TEXT[account.platform] or not row["text"]:
        raise Refused(400, "Only a text can be changed, into another text.")
    if row["edits"] >= MOST_EDITS:
        raise Refused(400, f"A message can be changed {MOST_EDITS} times at most.")
    [changed] = db.execute(
        "UPDATE graph_messages SET text = ?, edits = edits + 1 WHERE id = ? RETURNING *", (text, row["id"])
    ).fetchall()
    return row["mid"], _plan_now(db, row, "edit", items.edit_item(changed, time.time()))


def _see(db: sqlite3.Connection, account: Account, person_id: str, payload: Mapping[str, Any]) -> Happened:
    """All messages up to the last one were seen."""
    row = db.execute(
        "SELECT * FROM graph_messages WHERE account_id = ? AND person_id = ? AND direction = 'outbound'"
        " ORDER BY created_at DESC, id DESC LIMIT 1",
        (account.account_id, person_id),
    ).fetchone()
    if row is None:
        raise Refused(400, "Nothing was sent that could be seen.")
    event = plan_event(account, row, "read", time.time())
    return row["mid"], plan_events(db, account.account_id, person_id, [event])


def _press(db: sqlite3.Connection, account: Account, person_id: str, payload: Mapping[str, Any]) -> Happened:
    """A button of the page was pressed. It opens the window as a message does, and is kept as one."""
    title, content = str(payload.get("title", "")), str(payload.get("payload", ""))
    if not title or not content:
        raise Refused(400, "A postback has a title and a payload.")
    row = tables.save_message(db, account.account_id, person_id, "inbound", text=title, extra={"postback": content})
    return row["mid"], _plan_now(db, row, "postback", items.postback_item(row, title, content))


def _refer(db: sqlite3.Connection, account: Account, person_id: str, payload: Mapping[str, Any]) -> Happened:
    """A link or an ad led the person to the page; nothing was written yet."""
    ref, source = str(payload.get("ref", "")), str(payload.get("source", "SHORTLINK"))
    if not ref:
        raise Refused(400, "A referral has a ref.")
    item = items.referral_item(account.account_id, person_id, time.time(), ref=ref, source=source)
    event = Planned("referral", item, time.time(), time.time())
    return "", plan_events(db, account.account_id, person_id, [event])


ACTS = {
    "react": _react,
    "unreact": _unreact,
    "unsend": _unsend,
    "edit": _edit,
    "seen": _see,
    "postback": _press,
    "referral": _refer,
}


def show_thread(db: sqlite3.Connection, *, account_id: str, person_id: str) -> dict[str, Any]:
    """The conversation as the person sees it, oldest first."""
    account, person = find_thread(db, account_id, person_id)
    rows = db.execute(
        "SELECT * FROM graph_messages WHERE account_id = ? AND person_id = ?"
        " ORDER BY created_at DESC, id DESC LIMIT 200",
        (account_id, person_id),
    ).fetchall()
    return {
        "person": describe_person(person),
        "platform": account.platform,
        "messages": [describe_message(row) for row in reversed(rows)],
    }


def describe_person(person: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": person["person_id"],
        "account_id": person["account_id"],
        "name": tables.full_name(person),
        "username": person["username"],
        "picture": f"/sandbox/graph/files/faces/{person['person_id']}.png",
        "sees": bool(person["sees"]),
        "reachable": person["reachable"],
        "profile": person["profile"],
    }


def describe_message(row: sqlite3.Row) -> dict[str, Any]:
    extra = json.loads(row["extra"])
    return {
        "mid": row["mid"],
        "direction": "sent" if row["direction"] == "inbound" else "received",
        "source": row["source"],
        "text": row["text"],
        "attachments": json.loads(row["attachments"]),
        "reply_to": extra.get("reply_to"),
        "status": row["status"],
        "tag": row["tag"],
        "unsent": bool(row["unsent"]),
        "edits": row["edits"],
        "reaction": row["reaction"],
        "created_at": row["created_at"],
    }


async def read_thread(sandbox: Sandbox, request: Request, account_id: str, person_id: str) -> Response:
    return json_response(await sandbox.store.read(partial(show_thread, account_id=account_id, person_id=person_id)))
