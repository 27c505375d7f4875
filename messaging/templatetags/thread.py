"""How a conversation reads: days, runs of messages by one writer, who wrote, what became of it.

Messages and contacts come as the shapes of `messaging.shapes`; messages carry their `occurred_at` beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.translation import gettext

from chatrooms.models import Contact
from messagehub.ui.templatetags.ui import phone
from messaging.models import Message
from messaging.timeline import Entry

register = template.Library()

RUN = timedelta(minutes=5)  # static/ui/thread.js knows it too, for what arrives live
Status = Message.Status


@dataclass
class Item:
    message: dict
    day: date
    starts_day: bool
    is_first_new: bool
    continues: bool = False  # the message above is by the same writer, moments before
    goes_on: bool = False  # so is the one below


@register.filter
def in_runs(messages: Iterable[dict], unread: int = 0) -> list[Item]:
    """Messages, oldest first, with what stands between them. The newest `unread` inbound ones are new; where they
    begin above these messages, nothing is marked."""
    messages = list(messages)
    inbound = [message["id"] for message in messages if message["direction"] == "inbound"]
    first_new = inbound[-unread] if 0 < unread <= len(inbound) else None
    items: list[Item] = []
    for message in messages:
        day = timezone.localtime(message["occurred_at"]).date()
        above = items[-1] if items else None
        item = Item(message, day, above is None or above.day != day, message["id"] == first_new)
        if above and not item.starts_day and not item.is_first_new and _same_run(above.message, message):
            above.goes_on = item.continues = True
        items.append(item)
    return items


def _same_run(above: dict, message: dict) -> bool:
    return (
        above["direction"] == message["direction"]
        and above["sent_by"] == message["sent_by"]
        and not is_lost(above)
        and above["status"] != Status.UNKNOWN
        and message["occurred_at"] - above["occurred_at"] < RUN
    )


@register.filter
def by_day(entries: Iterable[Entry], after: datetime | None = None) -> list[dict]:
    """Entries of a timeline, newest first, and whether each is the first of its day. `after` is the one above them."""
    day = timezone.localtime(after).date() if after else None
    dated = []
    for entry in entries:
        own = timezone.localtime(entry.at).date()
        dated.append({"kind": entry.kind, "at": entry.at, "what": entry.what, "starts_day": own != day})
        day = own
    return dated


@register.filter
def is_waiting(message: dict) -> bool:
    """Ours, and not with the provider yet."""
    return message["status"] in (Status.SCHEDULED, Status.QUEUED, Status.SENDING)


@register.filter
def is_lost(message: dict) -> bool:
    """It did not reach the customer, and will not."""
    return message["status"] in (Status.FAILED, Status.UNDELIVERED, Status.NOT_SENT, Status.CANCELED)


@register.filter
def display_name(contact: Contact | dict) -> str:
    """What a customer is called, however little is known of them."""
    if isinstance(contact, dict):
        name = f"{contact['first_name']} {contact['last_name']}".strip() or contact["phone"]
    else:
        name = f"{contact.first_name} {contact.last_name}".strip() or contact.phone
    return phone(name) if name else gettext("Unknown")


@register.filter
def first_name(name: str) -> str:
    """How colleagues are called in a thread."""
    return name.partition(" ")[0]
