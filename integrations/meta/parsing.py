"""Parsing Meta's webhooks into `integrations.events`: first a batch into its parts, then each part by itself."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.events import (
    Echo,
    Edited,
    Ignored,
    InboundMessage,
    Incoming,
    Part,
    Reaction,
    Referred,
    Unsent,
    Unsupported,
    Watermark,
)
from integrations.meta.limits import INSTAGRAM, MESSENGER
from integrations.meta.metadata import message_of_metadata
from integrations.meta.shapes import describe_referral, read_content
from integrations.meta.values import dump_compact, load_object, read_object, read_text, read_time

PLATFORMS = {"page": MESSENGER, "instagram": INSTAGRAM}
NAMES = {platform: name for name, platform in PLATFORMS.items()}
SOURCE = "meta.event"  # of each part, as in WebhookEvent.Source
KINDS = ("messaging", "standby", "changes")
LONGEST_KEY, LONGEST_ID, LONGEST_ADDRESS = 200, 200, 64
ADDRESSING = {"sender", "recipient", "timestamp"}
# Where a reaction comes without its emoji:
# https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/message-reactions
EMOJIS = {
    "love": "❤️", "smile": "😆", "haha": "😆", "wow": "😮", "sad": "😢", "angry": "😠",
    "yes": "👍", "like": "👍", "no": "👎", "dislike": "👎",
}  # fmt: skip


# ---------------------------------------------------------------- a batch
def split_body(body: bytes) -> list[Part]:
    """One part for each event of a webhook, in their order. Raises ValueError for what is no batch.

    A malformed event has its part too, and only parsing that one raises.
    """
    # https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications
    # Up to 1,000 updates, of several pages and thus of several organizations.
    batch = load_batch(body)
    entries, name = batch["entry"], read_text(batch, "object", 40)
    return [_build_part(name, entry, kind, item) for entry in entries for kind, item in _list_events(entry)]


def load_batch(body: bytes) -> dict[str, Any]:
    """Raises ValueError for what is no batch."""
    batch = load_object(body)
    if not isinstance(batch.get("entry"), list):
        raise ValueError("A batch without entries.")
    return batch


def _list_events(entry: Any) -> Iterator[tuple[str, Any]]:
    lists = [(kind, entry[kind]) for kind in KINDS if entry.get(kind) is not None] if isinstance(entry, dict) else []
    if not lists:
        yield "entry", entry
    for kind, items in lists:
        for item in items if isinstance(items, list) else [items]:
            yield kind, item


def _build_part(name: str, entry: Any, kind: str, item: Any) -> Part:
    address = read_text(entry, "id", LONGEST_ADDRESS)
    time = entry.get("time") if isinstance(entry, dict) else None
    body = {"object": name, "entry": address, "time": time, "kind": kind, "item": item}
    return Part(_build_key(name, address, kind, item), dump_compact(body))


def _build_key(name: str, address: str, kind: str, item: Any) -> str:
    """The same for an event that Meta delivers again, and different for any other."""
    # Sender, recipient, timestamp and payload are all in the item.
    digest = hashlib.sha256(dump_compact([name, address, kind, item], sort_keys=True)).hexdigest()
    hashed_key = f"{name}:{address}:{kind}:hash:{digest}"
    mid, what = _identify_event(item, digest)
    key = f"{name}:{address}:{kind}:mid:{mid}:{what}"
    return key if mid and len(key) <= LONGEST_KEY else hashed_key


def list_keys(platform: str, channel: str, mid: str) -> list[str]:
    """The keys under which a message from a customer may have come."""
    return [f"{NAMES[platform]}:{channel}:messaging:mid:{mid}:{what}" for what in ("message", "postback")]


def _identify_event(item: Any, digest: str) -> tuple[str, str]:
    """The id of the message that an event is about, and what happened to it. Both empty where there is no id."""
    message = read_object(item, "message")
    if mid := read_text(message, "mid"):
        return mid, "unsent" if message.get("is_deleted") is True else "echo" if message.get(
            "is_echo"
        ) is True else "message"
    # A message can be edited, and reacted to, again and again.
    for name, what in (
        ("message_edit", f"edit-{digest[:16]}"),
        ("reaction", f"reaction-{digest[:16]}"),
        ("postback", "postback"),
        ("read", "read"),
    ):
        if mid := read_text(read_object(item, name), "mid"):
            return mid, what
    return "", ""


# ---------------------------------------------------------------- one event
@dataclass(frozen=True, slots=True)
class _Event:
    """An event with its addresses. `from_channel`: the channel itself wrote, read or reacted."""

    platform: str
    channel: str
    contact: str
    from_channel: bool
    occurred_at: datetime
    received_at: datetime
    payload: dict[str, Any]
    item: dict[str, Any]


def parse_part(body: bytes, received_at: datetime) -> Incoming:
    """Parse a part of `split_body`. Raises ValueError for a malformed event."""
    part = load_object(body)
    name, kind, item = read_text(part, "object", 40), read_text(part, "kind", 20), part.get("item")
    if name not in PLATFORMS:
        return Unsupported(f"{name or 'nothing'} is not a product that we handle")
    if not isinstance(item, dict):
        raise ValueError("An event that is no object.")
    # In `standby` come the messages of a thread that another app owns, in `changes` the dashboard's test events.
    # https://developers.facebook.com/docs/messenger-platform/handover-protocol/conversation-control
    if kind != "messaging":
        return Ignored(f"{kind}: {read_text(item, 'field', 40) or _name_event(item)}")
    event_name = next((name for name in PARSERS if name in item), "")
    if not event_name:
        if not _name_event(item):
            raise ValueError("An event in which nothing happened.")
        return Ignored(_name_event(item))
    payload = item[event_name]
    if not isinstance(payload, dict):
        raise ValueError(f"A {event_name} that is no object.")
    if event_name == "optin" and not _read_address(item, "sender"):
        return Ignored("optin of somebody who has no id yet")
    event = _read_event(PLATFORMS[name], read_text(part, "entry", LONGEST_ADDRESS), item, payload, received_at)
    if event.contact == event.channel:
        return Ignored(f"{event_name} of the channel to itself")
    if event.from_channel and event_name not in ("message", "message_edit"):
        return Ignored(f"{event_name} of the channel's own")
    return PARSERS[event_name](event)


def _name_event(item: dict[str, Any]) -> str:
    return ", ".join(sorted(set(item) - ADDRESSING))[:100]


def _read_address(item: dict[str, Any], name: str) -> str:
    return read_text(read_object(item, name), "id", LONGEST_ADDRESS).strip()


def _read_event(
    platform: str, address: str, item: dict[str, Any], payload: dict[str, Any], received_at: datetime
) -> _Event:
    """Raises ValueError where it is not said whom it is about."""
    sender, recipient = _read_address(item, "sender"), _read_address(item, "recipient")
    is_echo = payload.get("is_echo") is True
    channel = address or (sender if is_echo else recipient)
    from_channel = is_echo or sender == channel
    contact, other = (recipient, sender) if from_channel else (sender, recipient)
    # Some echoes have been seen with the addresses of the message that they answer.
    contact = other if contact == channel else contact
    if not channel or not contact:
        raise ValueError("An event without sender or recipient.")
    occurred_at = read_time(item.get("timestamp"), received_at)
    return _Event(platform, channel, contact, from_channel, occurred_at, received_at, payload, item)


def _read_mid(payload: dict[str, Any]) -> str:
    """Raises ValueError where there is none."""
    mid = read_text(payload, "mid", LONGEST_ID)
    if not mid:
        raise ValueError("An event without the id of its message.")
    return mid


def _parse_message(event: _Event) -> Incoming:
    message = event.payload
    mid = _read_mid(message)
    if message.get("is_deleted") is True:
        what = "echo" if event.from_channel else "message"
        key = f"{NAMES[event.platform]}:{event.channel}:messaging:mid:{mid}:{what}"
        return Unsent(event.platform, event.channel, mid, event.occurred_at, SOURCE, key)
    body, media = read_content(message)
    reply_to = read_text(read_object(message, "reply_to"), "mid", LONGEST_ID)
    if event.from_channel:
        return Echo(
            platform=event.platform,
            channel_address=event.channel,
            contact_address=event.contact,
            provider_id=mid,
            body=body,
            occurred_at=event.occurred_at,
            media=media,
            message_id=message_of_metadata(read_text(message, "metadata")),
            reply_to=reply_to,
        )
    return InboundMessage(
        account="",
        provider_id=mid,
        from_address=event.contact,
        to_address=event.channel,
        body=body,
        occurred_at=event.occurred_at,
        media=media,
        platform=event.platform,
        reply_to=reply_to,
        referral=describe_referral(read_object(message, "referral") or read_object(event.item, "referral")),
    )


def _parse_postback(event: _Event) -> Incoming:
    """A button that the customer pressed, as if they had written what stands on it."""
    postback = event.payload
    # Not every postback has an id. Its hash is the same when it is delivered again.
    identity = dump_compact([event.platform, event.channel, event.item], sort_keys=True)
    return InboundMessage(
        account="",
        provider_id=read_text(postback, "mid", LONGEST_ID) or f"postback:{hashlib.sha256(identity).hexdigest()}",
        from_address=event.contact,
        to_address=event.channel,
        body=read_text(postback, "title") or read_text(postback, "payload") or "[Button]",
        occurred_at=event.occurred_at,
        platform=event.platform,
        referral=describe_referral(read_object(postback, "referral")),
    )


def _parse_reaction(event: _Event) -> Incoming:
    reaction = event.payload
    mid, name = _read_mid(reaction), read_text(reaction, "reaction", 40)
    emoji = read_text(reaction, "emoji", 16) or EMOJIS.get(name, "")
    if read_text(reaction, "action") == "unreact":
        emoji = ""
    elif not emoji:
        return Ignored(f"reaction {name}".strip())
    return Reaction(event.platform, event.channel, event.contact, mid, emoji, event.occurred_at)


def _parse_watermark(event: _Event) -> Incoming:
    """Messenger names a moment, and for deliveries perhaps ids too; Instagram one id."""
    receipt = event.payload
    mids = receipt.get("mids")
    mids = mids if isinstance(mids, list) else [receipt.get("mid")]
    provider_ids = tuple(mid[:LONGEST_ID] for mid in mids if isinstance(mid, str) and mid)
    until = receipt.get("watermark")
    if not until and not provider_ids:
        raise ValueError("A receipt for nothing.")
    return Watermark(
        platform=event.platform,
        channel_address=event.channel,
        contact_address=event.contact,
        status="delivered" if "delivery" in event.item else "read",
        until=read_time(until, event.received_at) if until else None,
        provider_ids=provider_ids,
        occurred_at=event.occurred_at,
    )


def _parse_edit(event: _Event) -> Incoming:
    # https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/message-edits
    edit = event.payload
    if not read_text(edit, "mid") or not isinstance(edit.get("text"), str):
        return Ignored("message_edit without id or text")
    return Edited(event.platform, event.channel, _read_mid(edit), edit["text"], event.occurred_at)


def _parse_referral(event: _Event) -> Incoming:
    referral = describe_referral(event.payload) or "Link"
    return Referred(event.platform, event.channel, event.contact, referral, event.occurred_at)


def _parse_optin(event: _Event) -> Incoming:
    """A plugin on a website, or consent to notifications under a title."""
    # https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messaging_optins
    status = read_text(event.payload, "notification_messages_status", 40)
    if status.startswith("STOP"):
        return Ignored(f"optin: {status}")
    title, ref = read_text(event.payload, "title", 120), read_text(event.payload, "ref", 100)
    words = f"Agreed to receive “{title}”" if title else "Opt-in on a website"
    words += f" (ref {ref})" if ref else ""
    return Referred(event.platform, event.channel, event.contact, words, event.occurred_at)


# By the name of what happened, in the order in which it is looked for.
PARSERS: dict[str, Callable[[_Event], Incoming]] = {
    "message": _parse_message,
    "message_edit": _parse_edit,
    "postback": _parse_postback,
    "reaction": _parse_reaction,
    "delivery": _parse_watermark,
    "read": _parse_watermark,
    "optin": _parse_optin,
    "referral": _parse_referral,
}
