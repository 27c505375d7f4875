"""Webhooks in Meta's shapes, written for these tests."""

import json
from datetime import UTC, datetime
from typing import Any

from integrations.events import Incoming, Part
from integrations.meta.parsing import parse_part, split_body

PAGE, PERSON = "104815162342", "7231890011223344"
ACCOUNT, FOLLOWER = "17841400008460056", "998877665544332"
SENT_MS = 1780000000123
SENT_AT = datetime(2026, 5, 28, 20, 26, 40, 123000, tzinfo=UTC)
RECEIVED_AT = datetime(2026, 5, 28, 20, 26, 41, tzinfo=UTC)
# (the `object` of a webhook, our platform, the channel, the contact)
MESSENGER = ("page", "MESSENGER", PAGE, PERSON)
INSTAGRAM = ("instagram", "INSTAGRAM", ACCOUNT, FOLLOWER)


def write_event(by: tuple[str, str, str, str] = MESSENGER, **content: Any) -> dict[str, Any]:
    """An item of `messaging` that the contact caused."""
    return {"sender": {"id": by[3]}, "recipient": {"id": by[2]}, "timestamp": SENT_MS, **content}


def write_echo(by: tuple[str, str, str, str] = MESSENGER, **message: Any) -> dict[str, Any]:
    content = {"mid": "m_echo", "is_echo": True, "app_id": 263902037430900, **message}
    return {"sender": {"id": by[2]}, "recipient": {"id": by[3]}, "timestamp": SENT_MS, "message": content}


def write_entry(by: tuple[str, str, str, str], *items: Any, kind: str = "messaging") -> dict[str, Any]:
    return {"id": by[2], "time": SENT_MS + 400, kind: list(items)}


def write_batch(by: tuple[str, str, str, str], *items: Any, kind: str = "messaging") -> bytes:
    return json.dumps({"object": by[0], "entry": [write_entry(by, *items, kind=kind)]}).encode()


def split_one(by: tuple[str, str, str, str], item: Any, kind: str = "messaging") -> Part:
    (part,) = split_body(write_batch(by, item, kind=kind))
    return part


def parse_one(by: tuple[str, str, str, str], item: Any, kind: str = "messaging") -> Incoming:
    """What one event means, after it went through a batch."""
    return parse_part(split_one(by, item, kind).body, RECEIVED_AT)
