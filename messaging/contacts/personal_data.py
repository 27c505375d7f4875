"""What is kept about one person, for them to have: as Article 15 and 20 of the GDPR ask (https://gdpr-info.eu/art-20-gdpr/).

Notes and groups are not in it. They are a team's own words, and others may be named in them.
"""

from collections.abc import Iterator
from typing import IO, Any

import orjson
from django.utils import timezone

from accounts import audit
from accounts.models import User
from chatrooms.models import Contact
from messagehub import sql
from messaging import payloads
from messaging.consent import evidence
from messaging.models import Attachment, Message

FORMAT = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
BATCH = 1000
State = Message.Status
UNSAID = (State.SCHEDULED, State.QUEUED, State.CANCELED, State.NOT_SENT, State.FAILED)


def export_person(contact: Contact, *, by: User) -> IO[bytes]:
    """One JSON object in UTF-8, as a file that is read from its beginning: `contact`, `addresses`, `consent` and
    `messages`, each oldest first. What was never handed to a provider is not among them."""
    audit.record_action("contact.export", actor=by, target=contact)
    return sql.collect_file(_write_blocks(contact, by))


def _write_blocks(contact: Contact, by: User) -> Iterator[bytes]:
    known = payloads.describe_contacts([contact])[0]
    about = {
        "exported_at": timezone.now(),
        "organization": contact.organization.name,
        "chatroom": contact.chatroom.name,
        "contact": {name: value for name, value in known.items() if name != "groups"},
        "addresses": list(contact.addresses.order_by("pk").values("platform", "address", "is_primary", "created_at")),
        "consent": _describe_consent(contact, by),
    }
    yield orjson.dumps(about, default=str, option=FORMAT).removesuffix(b"\n}") + b',\n  "messages": ['
    messages = Message.objects.filter(contact=contact).exclude(status__in=UNSAID).order_by("occurred_at", "pk")
    messages = messages.select_related("channel").prefetch_related("attachments__upload")
    for place, message in enumerate(messages.iterator(chunk_size=BATCH)):
        yield (b",\n" if place else b"\n") + orjson.dumps(_describe_message(message), default=str, option=FORMAT)
    yield b"\n  ]\n}\n"


def _describe_consent(contact: Contact, by: User) -> list[dict[str, Any]]:
    history = list(evidence.list_entries(contact).order_by("created_at", "pk"))
    hidden_ids = evidence.find_hidden(history, by)
    return [
        {
            "at": entry.created_at,
            "kind": entry.kind,
            "source": entry.source,
            "channel": entry.channel.address,
            "address": entry.address,
            **({} if entry.pk in hidden_ids else {"text": entry.text, "reason": entry.reason}),
        }
        for entry in history
    ]


def _describe_message(message: Message) -> dict[str, Any]:
    """What the person wrote or was written. Of what they have unsent, only that there was something."""
    is_unsent = message.deleted_at is not None
    return {
        "at": message.occurred_at,
        "direction": message.direction,
        "platform": message.platform,
        "from": message.from_address,
        "to": message.to_address,
        "status": message.status,
        "text": "" if is_unsent else message.content,
        "files": [] if is_unsent else [_describe_file(attachment) for attachment in message.attachments.all()],
        "reactions": [] if is_unsent else message.reactions,
        "unsent_at": message.deleted_at,
    }


def _describe_file(attachment: Attachment) -> dict[str, Any]:
    name = attachment.upload.name if attachment.upload else attachment.name
    return {"name": name, "kind": attachment.kind, "content_type": attachment.content_type, "bytes": attachment.size}
