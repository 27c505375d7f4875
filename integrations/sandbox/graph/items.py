"""What happened, as an item of a webhook's `messaging` list.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook
"""

import json
from collections.abc import Mapping
from typing import Any

from integrations.sandbox.graph.tables import Row, in_milliseconds

PAGE_INBOX_APP = 263902037430900  # Meta's own inbox, where staff may also type answers

# emoji: the word that Meta names it with; any other is told as `other`.
REACTIONS = {"❤": "love", "😆": "smile", "😠": "angry", "😢": "sad", "😮": "wow", "👍": "like", "👎": "dislike"}

# Which subscription of a page brings what. A linked Instagram account needs any subscription of its page.
FIELDS = {
    "message": "messages",
    "unsend": "messages",
    "postback": "messaging_postbacks",
    "referral": "messaging_referrals",
    "delivery": "message_deliveries",
    "read": "message_reads",
    "echo": "message_echoes",
    "reaction": "message_reactions",
    "edit": "message_edits",
}
# The same of an Instagram account that signed in by itself. https://developers.facebook.com/docs/instagram-platform/webhooks
INSTAGRAM_FIELDS = {
    "message": "messages",
    "unsend": "messages",
    "echo": "messages",
    "edit": "messages",
    "postback": "messaging_postbacks",
    "referral": "messaging_referral",
    "read": "messaging_seen",
    "reaction": "message_reactions",
}


def make_item(sender: str, recipient: str, at: float, content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sender": {"id": sender},
        "recipient": {"id": recipient},
        "timestamp": in_milliseconds(at),
        **content,
    }


def describe_graph_message(row: Row) -> dict[str, Any]:
    """A message as both its receiver and its echo tell it."""
    message: dict[str, Any] = {"mid": row["mid"]}
    if row["text"]:
        message["text"] = row["text"]
    attachments = json.loads(row["attachments"])
    if attachments:
        message["attachments"] = attachments
    return message | json.loads(row["extra"])


def inbound_item(row: Row) -> dict[str, Any]:
    return make_item(row["person_id"], row["account_id"], row["created_at"], {"message": describe_graph_message(row)})


def echo_item(row: Row, app_id: str) -> dict[str, Any]:
    """Also what was typed in Meta's own inbox: then without metadata, and from Meta's app."""
    typed = row["source"] == "inbox"
    echo: dict[str, Any] = {"is_echo": True, "app_id": PAGE_INBOX_APP if typed else int(app_id)}
    if row["metadata"]:
        echo["metadata"] = row["metadata"]
    content = {"message": describe_graph_message(row) | echo}
    return make_item(row["account_id"], row["person_id"], row["created_at"], content)


def delivery_item(row: Row, at: float) -> dict[str, Any]:
    content = {"delivery": {"mids": [row["mid"]], "watermark": in_milliseconds(at)}}
    return make_item(row["person_id"], row["account_id"], at, content)


def read_item(row: Row, at: float, *, instagram: bool) -> dict[str, Any]:
    seen = {"mid": row["mid"]} if instagram else {"watermark": in_milliseconds(at)}
    return make_item(row["person_id"], row["account_id"], at, {"read": seen})


def reaction_item(row: Row, emoji: str, at: float) -> dict[str, Any]:
    """`emoji` is empty where the reaction was taken back."""
    reaction: dict[str, Any] = {"mid": row["mid"], "action": "react" if emoji else "unreact"}
    if emoji:
        reaction |= {"reaction": REACTIONS.get(emoji.rstrip("\ufe0f"), "other"), "emoji": emoji}
    return make_item(row["person_id"], row["account_id"], at, {"reaction": reaction})


def unsend_item(row: Row, at: float) -> dict[str, Any]:
    content = {"message": {"mid": row["mid"], "is_deleted": True}}
    return make_item(row["person_id"], row["account_id"], at, content)


def edit_item(row: Row, at: float) -> dict[str, Any]:
    content = {"message_edit": {"mid": row["mid"], "text": row["text"], "num_edit": row["edits"]}}
    return make_item(row["person_id"], row["account_id"], at, content)


def postback_item(row: Row, title: str, payload: str) -> dict[str, Any]:
    content = {"postback": {"mid": row["mid"], "title": title, "payload": payload}}
    return make_item(row["person_id"], row["account_id"], row["created_at"], content)


def referral_item(account_id: str, person_id: str, at: float, *, ref: str, source: str) -> dict[str, Any]:
    content = {"referral": {"ref": ref, "source": source, "type": "OPEN_THREAD"}}
    return make_item(person_id, account_id, at, content)
