"""Webhooks of Meta as tests write them: batches of entries, and the events in them."""

import hashlib
import hmac
import itertools
import json
import time

MIDS = (f"m_{n:06d}" for n in itertools.count(1))
PERSON = "7700000001"


def build_event(channel: str, *, person: str = PERSON, at: int | None = None, **happening) -> dict:
    """An event from a person to a channel, now or `at` (ms)."""
    timestamp = int(time.time() * 1000) if at is None else at
    return {"sender": {"id": person}, "recipient": {"id": channel}, "timestamp": timestamp, **happening}


def build_text(channel: str, text: str, *, mid: str = "", person: str = PERSON, at: int | None = None, **more) -> dict:
    return build_event(channel, person=person, at=at, message={"mid": mid or next(MIDS), "text": text, **more})


def build_echo(channel: str, text: str, *, mid: str = "", person: str = PERSON, at: int | None = None, **more) -> dict:
    """A message of the channel's to a person, as it comes back."""
    message = {"mid": mid or next(MIDS), "text": text, "is_echo": True, "app_id": 263902037430900, **more}
    event = build_event(channel, person=person, at=at, message=message)
    return {**event, "sender": event["recipient"], "recipient": event["sender"]}


def build_batch(*entries: tuple[str, list], name: str = "page", kind: str = "messaging") -> bytes:
    """Entries are (channel, events). Characters beyond ASCII are escaped, as Meta does it."""
    listed = [{"id": channel, "time": int(time.time() * 1000), kind: events} for channel, events in entries]
    return json.dumps({"object": name, "entry": listed}).encode()


def sign_body(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
