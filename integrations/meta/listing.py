"""Listing a channel's messages at Meta: the only way to what no webhook told.

https://developers.facebook.com/docs/messenger-platform/conversations
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from integrations.events import InboundMessage, Listed, Media
from integrations.meta.graph import ask_graph, find_base_url
from integrations.meta.shapes import is_file, unsupported_media
from integrations.meta.values import read_object, read_text, read_time, read_url
from integrations.refusals import Away

FIELDS = "id,created_time,from,to,message,attachments,sticker,shares,story,reply_to"
PAGE_SIZE = 25  # Meta refuses to gather much more at once
MOST_PAGES = 100  # of one list; a list that does not end would be read for ever
LONGEST_ID = 200
UNREADABLE = datetime.max.replace(tzinfo=UTC)


def list_sent(account: str, token: str, channel: str, contact: str, since: datetime, *, platform: str) -> list[Listed]:
    """Messages from a channel to a contact, created since then, oldest first. Raises Refusal and Away."""
    # Instagram gives details of the newest 20 messages of a conversation only.
    messages = [
        _build_listed(message, channel)
        for message in _list_messages(account, token, channel, since, platform, {"user_id": contact})
        if _read_sender(message) not in ("", contact)
    ]
    messages.reverse()
    return sorted(messages, key=lambda message: message.created_at)


def list_received(account: str, token: str, channel: str, since: datetime, *, platform: str) -> list[InboundMessage]:
    """Messages to a channel, created since then, oldest first. Raises Refusal and Away."""
    messages = [
        _build_received(message, channel, platform)
        for message in _list_messages(account, token, channel, since, platform, {})
        if _is_received(message, {channel, account})
    ]
    messages.reverse()  # Meta lists the newest first, in whole seconds: what was written in one second keeps its order
    return sorted(messages, key=lambda message: message.occurred_at)


def _list_messages(
    account: str, token: str, channel: str, since: datetime, platform: str, filters: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Of each conversation the newest messages first, as far back as `since`."""
    base_url = find_base_url(platform, account, channel)
    since = since.replace(microsecond=0)  # Meta's times are whole seconds
    fields = f"updated_time,messages.limit({PAGE_SIZE}){{{FIELDS}}}"
    parameters = {"platform": platform.lower(), "fields": fields, **filters}
    for conversation in _list_pages(base_url, f"{account}/conversations", token, parameters):
        # Conversations come with the newest first, too.
        if conversation.get("updated_time") is not None and _read_created(conversation, "updated_time") < since:
            return
        path = f"{read_text(conversation, 'id')}/messages"
        for message in _list_pages(base_url, path, token, {"fields": FIELDS}, read_object(conversation, "messages")):
            if _read_created(message, "created_time") < since:
                break
            if read_text(message, "id"):
                yield message


def _list_pages(
    base_url: str, path: str, token: str, parameters: dict[str, str], page: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """The items of a list. `page` is its first page, where it is there already."""
    parameters = {"limit": str(PAGE_SIZE), **parameters}
    if page is None:
        page = ask_graph("GET", base_url, path, token, parameters)
    for _ in range(MOST_PAGES):
        items = page.get("data")
        yield from (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()
        # The address of the next page has the token in it, and could lead anywhere. Its cursor says the same.
        paging = read_object(page, "paging")
        after = read_text(read_object(paging, "cursors"), "after")
        if not paging.get("next") or not after:
            return
        page = ask_graph("GET", base_url, path, token, {**parameters, "after": after})
    raise Away("Meta's list has no end.")


def _read_created(values: dict[str, Any], name: str) -> datetime:
    """Raises Away where it is unreadable."""
    moment = read_time(values.get(name), UNREADABLE)
    if moment is UNREADABLE:
        raise Away("Meta's answer has no time.")
    return moment


def _read_sender(message: dict[str, Any]) -> str:
    return read_text(read_object(message, "from"), "id")


def _is_received(message: dict[str, Any], ours: set[str]) -> bool:
    """Whether somebody else wrote it, to one of ours."""
    recipients = {read_text(recipient, "id") for recipient in _list_data(message, "to")}
    return _read_sender(message) not in {"", *ours} and (not recipients or bool(recipients & ours))


def _build_listed(message: dict[str, Any], channel: str) -> Listed:
    # That it was delivered or read is not in the list.
    created_at = _read_created(message, "created_time")
    return Listed(
        read_text(message, "id", LONGEST_ID), read_text(message, "message"), "sent", "", created_at, 1, channel
    )


def _build_received(message: dict[str, Any], channel: str, platform: str) -> InboundMessage:
    links = [url for share in _list_data(message, "shares") if (url := read_url(share, "link"))]
    lines = [read_text(message, "message"), *(url for url in links if not is_file(url))]
    body = "\n".join(line for line in lines if line)
    media = (*_read_media(message), *(Media(url, "", "share") for url in links if is_file(url)))
    return InboundMessage(
        account="",
        provider_id=read_text(message, "id", LONGEST_ID),
        from_address=_read_sender(message)[:64],
        to_address=channel,
        body=body,
        occurred_at=_read_created(message, "created_time"),
        media=media if body or media else (unsupported_media(),),
        platform=platform,
        reply_to=read_text(read_object(message, "reply_to"), "mid", LONGEST_ID),
    )


def _list_data(message: dict[str, Any], name: str) -> list[Any]:
    data = read_object(message, name).get("data")
    return data if isinstance(data, list) else []


def _read_media(message: dict[str, Any]) -> tuple[Media, ...]:
    media = [_read_attachment(attachment) for attachment in _list_data(message, "attachments")]
    if url := read_url(message, "sticker"):
        media = [Media(url, "", "sticker")]  # whose picture is an attachment, too
    story = read_object(message, "story")
    for name in ("reply_to", "mention"):
        if url := read_url(read_object(story, name), "link"):
            media.append(Media(url, "", "story"))
    return tuple(media)


def _read_attachment(attachment: Any) -> Media:
    # https://developers.facebook.com/docs/graph-api/reference/message/attachments
    image, video = (read_url(read_object(attachment, name), "url") for name in ("image_data", "video_data"))
    content_type, title = read_text(attachment, "mime_type", 100), read_text(attachment, "name", 200)
    if image or video:
        return Media(image or video, content_type, "image" if image else "video", title)
    url = read_url(attachment, "file_url")
    kind = "audio" if content_type.startswith("audio/") else "file"
    return Media(url, content_type, kind, title) if url else unsupported_media(title)
