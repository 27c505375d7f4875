"""How a conversation reads: days, runs of messages by one writer, who wrote, what became of it.

Entries of a thread are those of `messaging.inbox.context.build_entries`; contacts come as rows or as shapes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django import template
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from accounts.models import User
from chatrooms.models import Contact
from messagehub import languages
from messagehub.images import FILMS, SOUNDS
from messagehub.ui.links import link_text
from messagehub.ui.templatetags.ui import clock_time, icon, local, number, phone
from messaging.contacts.timeline import Entry
from messaging.models import UNSUCCESSFUL, Message, Note

register = template.Library()

WAITS = 5  # minutes from which on a customer is shown to be waiting
RUN = timedelta(minutes=5)  # static/ui/inbox/thread.js knows it too, for what arrives live
Status = Message.Status


@dataclass
class Item:
    entry: dict
    day: date
    starts_day: bool
    is_first_new: bool
    continues: bool = False  # the message above is by the same writer, moments before
    goes_on: bool = False  # so is the one below


@register.filter
def in_runs(entries: Iterable[dict], unread: int = 0) -> list[Item]:
    """Entries of a thread, oldest first, with what stands between them. The newest `unread` inbound messages are new;
    where they begin above these entries, nothing is marked."""
    entries = list(entries)
    inbound = [entry["id"] for entry in entries if entry.get("direction") == "inbound"]
    first_new = inbound[-unread] if 0 < unread <= len(inbound) else None
    items: list[Item] = []
    for entry in entries:
        day = timezone.localtime(entry["occurred_at"]).date()
        above = items[-1] if items else None
        item = Item(entry, day, above is None or above.day != day, entry["id"] == first_new)
        if above and not item.starts_day and not item.is_first_new and _same_run(above.entry, entry):
            above.goes_on = item.continues = True
        items.append(item)
    return items


def _same_run(above: dict, below: dict) -> bool:
    return (
        above["entry"] == below["entry"] == "message"
        and above["direction"] == below["direction"]
        and (above["sent_by"], above["automatic"]) == (below["sent_by"], below["automatic"])
        and not has_words(above)
        and below["occurred_at"] - above["occurred_at"] < RUN
    )


def has_words(message: dict) -> bool:
    """Something is to be said under this bubble, so the next one does not run on from it."""
    return is_lost(message) or message["status"] in (Status.UNKNOWN, Status.SCHEDULED) or bool(message["reactions"])


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
    return message["status"] in (Status.QUEUED, Status.SENDING)


@register.filter
def is_lost(message: dict) -> bool:
    """It did not reach the customer, and will not."""
    return message["status"] in UNSUCCESSFUL


@register.filter
def picture_path(contact: Contact | dict) -> str:
    """Where our copy of the contact's picture is shown; empty where there is none."""
    if isinstance(contact, dict):
        return reverse("contact-picture", args=[contact["id"]]) if contact["profile_pic_url"] else ""
    return reverse("contact-picture", args=[contact.pk]) if contact.profile_picture_url else ""


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


@register.simple_tag
def count_of(n: int, most: int) -> str:
    """A count that is not counted further than `most`."""
    return f"{number(most - 1)}+" if n >= most else number(n)


@register.simple_tag(takes_context=True)
def linked(context: template.Context, text: str) -> SafeString:
    """What somebody wrote, with links. A phone number without a plus is one of the reader's organization's country."""
    return link_text(text, context["request"].user.organization.default_country)


@register.simple_tag(takes_context=True)
def mentioned(context: template.Context, note: Note, people: Iterable[User]) -> SafeString:
    """A note's text with links, and with the colleagues whom it names set apart."""
    names = {name for person in people if person.pk in note.mentions for name in (person.name, first_name(person.name))}
    if not names:
        return linked(context, note.content)
    one = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pieces = re.split(rf"((?<![\w/])@(?:{one})(?!\w))", note.content, flags=re.IGNORECASE)
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<b class="mention">{}</b>', piece) if place % 2 else linked(context, piece),)
            for place, piece in enumerate(pieces)
        ),
    )


@register.filter
def waited(since: str | None) -> str:
    """How long somebody has been waiting, in the shortest words; nothing below five minutes."""
    if since is None:
        return ""
    minutes = int((timezone.now() - datetime.fromisoformat(since)).total_seconds() // 60)
    return "" if minutes < WAITS else describe_minutes(minutes)


@register.filter
def time_left(until: datetime) -> str:
    """How long it is until then, in the shortest words; static/ui/inbox/composer.js counts on."""
    return describe_minutes(max(1, int((until - timezone.now()).total_seconds() // 60)))


def describe_minutes(minutes: int) -> str:
    if minutes < 60:
        return gettext("%(n)s min") % {"n": minutes}
    if minutes < 48 * 60:
        return gettext("%(n)s h") % {"n": minutes // 60}
    return gettext("%(n)s d") % {"n": minutes // (24 * 60)}


@register.filter
def file_size(size: int | None) -> str:
    return filesizeformat(size) if size else ""


@register.filter
def ending(attachment: dict) -> str:
    """Three or four letters for a file: of its name, else of its type."""
    name, dot, last = attachment["name"].rpartition(".")
    if not (name and dot and last.isalnum() and len(last) <= 4):
        last = attachment["content_type"].rpartition("/")[2].split("+")[0].split(".")[-1]
    return last[:4].upper() if last and last != "octet-stream" else gettext("File").upper()


@register.filter
def look(attachment: dict) -> str:
    """How an attachment is shown: sticker, story, share, picture, sound, film, elsewhere or file."""
    kind, is_picture = attachment["kind"], attachment["width"] is not None
    if kind == "unsupported":
        return "elsewhere"
    if kind == "story" or (kind == "sticker" and is_picture):
        return kind
    if kind == "share":
        return kind if attachment["state"] == "stored" else "file"
    if is_picture:
        return "picture"
    if attachment["state"] == "stored" and attachment["content_type"] in SOUNDS:
        return "sound"
    if attachment["state"] == "stored" and attachment["content_type"] in FILMS:
        return "film"
    return "file"


@register.filter
def is_film(attachment: dict) -> bool:
    return attachment["content_type"] in FILMS


@register.filter
def only(attachments: Iterable[dict], kind: str) -> list[dict]:
    """Pictures, which stand together ("shown"), stories, which stand above the answer ("stories"), or the rest."""
    groups = {"picture": "shown", "story": "stories"}
    return [each for each in attachments if groups.get(look(each), "rest") == kind]


KINDS = {
    "image": ("image", gettext_lazy("Photo")),
    "audio": ("mic", gettext_lazy("Voice message")),
    "video": ("video", gettext_lazy("Video")),
    "sticker": ("sticker", gettext_lazy("Sticker")),
    "story": ("circle-dashed", gettext_lazy("Story")),
    "share": ("share-2", gettext_lazy("Shared post")),
    "unsupported": ("circle-question-mark", gettext_lazy("Unsupported message")),
}
FILE = ("paperclip", gettext_lazy("Attachment"))


@register.filter
def without_words(message: dict) -> str:
    """What a message is that has no text: a photo, a sticker and so on."""
    return str(find_kind(message)[1])


@register.simple_tag
def kind_icon(message: dict) -> SafeString:
    return icon(find_kind(message)[0], 14)


def find_kind(message: dict) -> tuple[str, object]:
    """Icon and name of the first attachment."""
    return KINDS.get(message["attachments"][0]["kind"], FILE) if message["attachments"] else FILE


ACTIVITY_ICONS = {
    "assigned": "user-round-check",
    "unassigned": "user-round-check",
    "labeled": "tag",
    "unlabeled": "tag",
    "snoozed": "alarm-clock",
    "blocked": "ban",
    "unblocked": "ban",
    "pending": "hourglass",
    "reopened": "rotate-ccw",
}


@register.simple_tag
def activity_icon(kind: str) -> SafeString:
    return icon(ACTIVITY_ICONS.get(kind, "check"), 14)


@register.filter
def status_name(status: str) -> str:
    return {
        "OPEN": gettext("Open"),
        "PENDING": gettext("Pending"),
        "SNOOZED": gettext("Snoozed"),
        "CLOSED": gettext("Resolved"),
        "waiting": gettext("Waiting over 30 min"),
        "any": gettext("Any state"),
    }[status]


@register.filter
def short_ahead(moment: datetime | str) -> str:
    """A time to come, in the shortest words that can't be misread."""
    when, now = local(moment), timezone.localtime()
    days = (when.date() - now.date()).days
    clock = clock_time(moment)
    if days <= 0:
        return clock
    if days == 1:
        return gettext("tomorrow %(time)s") % {"time": clock}
    day = languages.format_day(when, "D" if days < 7 else "j M" if when.year == now.year else "j M Y")
    return f"{day} {clock}"


@register.filter
def local_input(moment: datetime | str) -> str:
    """As a field for day and time wants it."""
    return local(moment).strftime("%Y-%m-%dT%H:%M")
