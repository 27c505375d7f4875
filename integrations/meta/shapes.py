"""What a message of Meta's contains, as text and files."""

import math
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings

from integrations.events import Media
from integrations.meta.limits import FILE_HOSTS
from integrations.meta.values import read_object, read_text, read_url

MOST_ATTACHMENTS = 50
LONGEST_TITLE = 200
LIKE = "❤️"
THUMB = "👍"
# The thumb in its three sizes: https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages
THUMBS = {"369239263222822", "369239343222814", "369239383222810"}
# https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages and
# https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook#messages
FILES = {"image", "video", "audio", "file", "sticker"}
STORIES = {"ig_story", "story", "story_mention"}
SHARES = {"share", "post", "ig_post", "reel", "ig_reel", "fallback", "appointment_booking"}
STORY_TITLES = {"story_mention": "Mentioned you in a story"}
REPLY_TITLE = "Replied to a story"
# https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messaging_referrals
SOURCES = {
    "ADS": "Ad",
    "SHORTLINK": "m.me link",
    "CUSTOMER_CHAT_PLUGIN": "Chat on the website",
    "MESSENGER_CODE": "Messenger code",
    "DISCOVER_TAB": "Discover tab",
}

Content = tuple[str, tuple[Media, ...]]


def read_content(message: dict[str, Any]) -> Content:
    """The text of a message and its files. What is neither is told in lines of the text, or is an unsupported file."""
    if message.get("is_unsupported") is True:
        return "", (unsupported_media(),)
    text = read_text(message, "text") or read_text(read_object(message, "quick_reply"), "payload")
    lines, media = [text] if text else [], []
    story = read_object(read_object(message, "reply_to"), "story")
    if story:
        url = read_url(story, "url")
        media.append(Media(url, "", "story", REPLY_TITLE) if url else unsupported_media(REPLY_TITLE))
    attachments = message.get("attachments")
    for attachment in attachments[:MOST_ATTACHMENTS] if isinstance(attachments, list) else []:
        content = _read_attachment(attachment, text)
        if isinstance(content, Media):
            media.append(content)
        elif content:
            lines.append(content)
    if not lines and not media:
        media.append(unsupported_media())
    return "\n".join(lines), tuple(media)


def unsupported_media(title: str = "") -> Media:
    """Something that only Meta's own app shows. It has no address."""
    return Media("", "", "unsupported", title)


def _read_attachment(attachment: Any, text: str) -> Media | str:
    """A file, or lines that tell what came. Never raises."""
    payload = read_object(attachment, "payload")
    kind = read_text(attachment, "type", 40).lower()
    url = read_url(payload, "url", "story_media_url") or read_url(attachment, "url", "URL")
    title = (read_text(payload, "title") or read_text(attachment, "title") or read_text(payload, "name"))[
        :LONGEST_TITLE
    ]
    sticker = read_text(payload, "sticker_id")
    if sticker in THUMBS:
        return THUMB
    if kind == "like_heart":
        return LIKE
    if kind == "location":
        return describe_place(payload, title)
    if kind == "template":
        return describe_template(payload, title)
    if kind in FILES and url:
        # Until August 2026 a sticker was an image with an id.
        return Media(url, "", "sticker" if sticker else kind, title)
    if kind in STORIES and url:
        return Media(url, "", "story", title or STORY_TITLES.get(kind, ""))
    if url and is_file(url):
        return Media(url, "", "share" if kind in SHARES else "file", title)
    if url or (title and kind in SHARES):
        return _describe_link(_unwrap(url), title, text)
    return unsupported_media(title or STORY_TITLES.get(kind, kind))


def is_file(url: str) -> bool:
    """Whether this is a file that Meta keeps, and not a page to open."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if settings.SANDBOX and url.startswith(f"{settings.PUBLIC_BASE_URL}/sandbox/"):
        return True
    return host.endswith(FILE_HOSTS)


def _describe_link(url: str, title: str, text: str) -> str:
    """Title and address; nothing where the text has the address already, as the preview of a link does."""
    return "" if url and url in text else "\n".join(part for part in (title, url) if part)


def _unwrap(url: str) -> str:
    """Where one of Facebook's outgoing links leads."""
    parts = urlsplit(url) if url.startswith(("https://l.facebook.com/", "https://l.instagram.com/")) else None
    target = parse_qs(parts.query).get("u", [""])[0] if parts else ""
    return target if target.startswith(("https://", "http://")) else url


def describe_place(payload: dict[str, Any], title: str) -> str:
    """Its title, latitude and longitude in degrees, and a link to a map."""
    coordinates = read_object(payload, "coordinates")
    latitude, longitude = (_read_degrees(coordinates.get(name)) for name in ("lat", "long"))
    if latitude is None or longitude is None:
        return title or "[Location]"
    address = f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}"
    return "\n".join(part for part in (title, f"{latitude}, {longitude}", address) if part)


def _read_degrees(value: Any) -> float | None:
    try:
        degrees = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return degrees if math.isfinite(degrees) else None


def describe_template(payload: dict[str, Any], title: str) -> str:
    """The texts of a template, such as a card or a receipt."""
    elements = payload.get("elements") or read_object(payload, "generic").get("elements")
    elements = elements if isinstance(elements, list) else []
    texts = [title, read_text(payload, "text")]
    texts += [read_text(element, name) for element in elements[:10] for name in ("title", "subtitle")]
    # The title of an echoed template repeats those of its elements.
    return "\n".join(dict.fromkeys(text[:500] for text in texts if text)) or "[Template]"


def describe_referral(referral: dict[str, Any]) -> str:
    """What led a customer to the channel, in words of at most 300 characters; nothing for an empty one."""
    source = read_text(referral, "source", 60)
    details = [
        f"“{title}”" if (title := read_text(read_object(referral, "ads_context_data"), "ad_title", 120)) else "",
        f"ad {ad}" if (ad := read_text(referral, "ad_id", 40)) else "",
        f"product {product}" if (product := read_text(read_object(referral, "product"), "id", 40)) else "",
        f"ref {ref}" if (ref := read_text(referral, "ref", 100)) else "",
    ]
    details = [detail for detail in details if detail]
    if not source and not details:
        return ""
    words = SOURCES.get(source.upper(), source or "Link")
    return (f"{words} ({', '.join(details)})" if details else words)[:300]
