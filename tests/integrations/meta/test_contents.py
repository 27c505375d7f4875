"""Whatever a message contains shows: as text, as a file to fetch, or as something that only Meta's app shows."""

from typing import Any

import pytest

from integrations.events import Echo, InboundMessage, Media
from tests.integrations.meta.payloads import INSTAGRAM, MESSENGER, parse_one, write_echo, write_event

CDN = "https://scontent.xx.fbcdn.net/v/t42/7_n.jpg?oh=1&oe=2"
LOOKASIDE = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=18&signature=Ab"
POST = "https://www.facebook.com/somebody/posts/1"
MAP = "https://www.openstreetmap.org/?mlat=52.5&mlon=-13.25"


def attach(kind: str, payload: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": kind, "payload": payload, **more}


def unsupported(title: str = "") -> Media:
    return Media("", "", "unsupported", title)


# ---------------------------------------------------------------- one attachment
ATTACHMENTS: dict[str, tuple[dict[str, Any], str, list[Media]]] = {
    # files
    "image": (attach("image", {"url": CDN}), "", [Media(CDN, "", "image")]),
    "video": (attach("video", {"url": CDN}), "", [Media(CDN, "", "video")]),
    "audio": (attach("audio", {"url": CDN}), "", [Media(CDN, "", "audio")]),
    "file": (attach("file", {"url": CDN, "name": "Offer.pdf"}), "", [Media(CDN, "", "file", "Offer.pdf")]),
    "sticker of before": (attach("image", {"url": CDN, "sticker_id": 1111}), "", [Media(CDN, "", "sticker")]),
    "sticker": (attach("sticker", {"url": CDN, "sticker_id": "1111"}), "", [Media(CDN, "", "sticker")]),
    "thumb of before": (attach("image", {"url": CDN, "sticker_id": 369239263222822}), "👍", []),
    "thumb": (attach("sticker", {"url": CDN, "sticker_id": "369239383222810"}), "👍", []),
    "image without address": (attach("image", {}), "", [unsupported("image")]),
    "image with an address of no web": (attach("image", {"url": "javascript:alert(1)"}), "", [unsupported("image")]),
    "image with an endless address": (attach("image", {"url": CDN + "a" * 2000}), "", [unsupported("image")]),
    # stories
    "story": (attach("ig_story", {"story_media_url": LOOKASIDE, "story_media_id": "9"}), "",
              [Media(LOOKASIDE, "", "story")]),
    "story mention": (attach("story_mention", {"url": LOOKASIDE}), "",
                      [Media(LOOKASIDE, "", "story", "Mentioned you in a story")]),
    "story mention that is over": (attach("story_mention", {}), "", [unsupported("Mentioned you in a story")]),
    # shares: files where Meta keeps them, else pages to open
    "share": (attach("share", {"url": LOOKASIDE}), "", [Media(LOOKASIDE, "", "share")]),
    "post of Instagram": (attach("ig_post", {"ig_post_media_id": "5", "title": "New in", "url": LOOKASIDE}), "",
                          [Media(LOOKASIDE, "", "share", "New in")]),
    "reel of Instagram": (attach("ig_reel", {"reel_video_id": "5", "title": "How to", "url": LOOKASIDE}), "",
                          [Media(LOOKASIDE, "", "share", "How to")]),
    "reel": (attach("reel", {"reel_video_id": "5", "title": "How to", "url": POST}), f"How to\n{POST}", []),
    "post": (attach("post", {"url": POST}), POST, []),
    "share of a page": (attach("share", {"url": "https://shop.example/x"}), "https://shop.example/x", []),
    "share of a host that only ends alike": (attach("share", {"url": "https://evilfbcdn.net/x"}),
                                             "https://evilfbcdn.net/x", []),
    "share with a broken address": (attach("share", {"url": "https://[x"}), "https://[x", []),
    "link": (attach("fallback", None, title="A shop", url="https://shop.example/"),
             "A shop\nhttps://shop.example/", []),
    "link in capitals": (attach("fallback", None, title="A shop", URL="https://shop.example/"),
                         "A shop\nhttps://shop.example/", []),
    "link through Facebook": (attach("fallback", {"url": "https://l.facebook.com/l.php?u=https%3A%2F%2Fshop.example%2Fa&h=AT"}),
                              "https://shop.example/a", []),
    "link through Facebook to no web": (attach("fallback", {"url": "https://l.facebook.com/l.php?u=javascript%3Ax"}),
                                        "https://l.facebook.com/l.php?u=javascript%3Ax", []),
    "link without address": (attach("fallback", None, title="A shop"), "A shop", []),
    "appointment": (attach("appointment_booking", {"title": "Tuesday, 10:00"}), "Tuesday, 10:00", []),
    # what is no file
    "like": ({"type": "like_heart"}, "❤️", []),
    "location": (attach("location", {"coordinates": {"lat": 52.5, "long": -13.25}}), f"52.5, -13.25\n{MAP}", []),
    "location with a title": (attach("location", {"coordinates": {"lat": "52.5", "long": "-13.25"}}, title="Pinned"),
                              f"Pinned\n52.5, -13.25\n{MAP}", []),
    "location without coordinates": (attach("location", {"coordinates": {"lat": "x", "long": None}}), "[Location]", []),
    "location at no place": (attach("location", {"coordinates": {"lat": "nan", "long": 1}}), "[Location]", []),
    "location beyond": (attach("location", {"coordinates": {"lat": 1, "long": 10**400}}), "[Location]", []),
    "template": (attach("template", {"template_type": "button", "text": "Which one?"}), "Which one?", []),
    "cards": (attach("template", {"template_type": "generic", "elements": [
        {"title": "Lamp", "subtitle": "In blue"}, {"title": "Chair"}, "?"]}, title="Lamp"), "Lamp\nIn blue\nChair", []),
    "cards of Instagram": (attach("template", {"generic": {"elements": [{"title": "Lamp"}]}}), "Lamp", []),
    "empty template": (attach("template", {"template_type": "media"}), "[Template]", []),
    # what only the app shows
    "unsupported": (attach("unsupported_type", {}), "", [unsupported("unsupported_type")]),
    "ephemeral": (attach("ephemeral"), "", [unsupported("ephemeral")]),
    "something new": (attach("hologram", {"colour": "blue"}), "", [unsupported("hologram")]),
    "something new with a file": (attach("hologram", {"url": CDN}), "", [Media(CDN, "", "file")]),
    "something new with a page": (attach("hologram", {"url": POST}), POST, []),
    "nothing": ({}, "", [unsupported()]),
}  # fmt: skip


@pytest.mark.parametrize("by", [MESSENGER, INSTAGRAM], ids=["messenger", "instagram"])
@pytest.mark.parametrize("name", ATTACHMENTS)
def test_attachment_shows(name: str, by: tuple[str, str, str, str]):
    attachment, body, media = ATTACHMENTS[name]

    received = parse_one(by, write_event(by, message={"mid": "m_1", "attachments": [attachment]}))
    sent = parse_one(by, write_echo(by, attachments=[attachment]))

    assert isinstance(received, InboundMessage)
    assert isinstance(sent, Echo)
    assert (received.body, list(received.media)) == (body, media)
    assert (sent.body, list(sent.media)) == (body, media)


# ---------------------------------------------------------------- whole messages
MESSAGES: dict[str, tuple[dict[str, Any], str, list[Media]]] = {
    "text and several": (
        {"text": "See these", "attachments": [
            attach("image", {"url": CDN}), attach("like_heart"), attach("audio", {"url": LOOKASIDE})]},
        "See these\n❤️", [Media(CDN, "", "image"), Media(LOOKASIDE, "", "audio")],
    ),
    "preview of a link in the text": (
        {"text": "Look: https://shop.example/ !",
         "attachments": [attach("fallback", {"title": "A shop", "url": "https://shop.example/"})]},
        "Look: https://shop.example/ !", [],
    ),
    "answer to a story": (
        {"text": "Nice!", "reply_to": {"story": {"id": "17", "url": LOOKASIDE}}},
        "Nice!", [Media(LOOKASIDE, "", "story", "Replied to a story")],
    ),
    "answer to a story that is over": (
        {"text": "Nice!", "reply_to": {"story": {"id": "17"}}}, "Nice!", [unsupported("Replied to a story")],
    ),
    "unsupported": ({"is_unsupported": True}, "", [unsupported()]),
    "unsupported with an attachment": (
        {"is_unsupported": True, "attachments": [attach("unsupported_type", {})]}, "", [unsupported()],
    ),
    "nothing at all": ({}, "", [unsupported()]),
    "attachments that are no list": ({"attachments": {"type": "image"}}, "", [unsupported()]),
    "attachment that is no object": ({"attachments": ["image", None]}, "", [unsupported(), unsupported()]),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_message_shows(name: str):
    message, body, media = MESSAGES[name]

    event = parse_one(INSTAGRAM, write_event(INSTAGRAM, message={"mid": "m_1", **message}))

    assert isinstance(event, InboundMessage)
    assert (event.body, list(event.media)) == (body, media)


def test_file_of_the_sandbox_is_a_file(settings):
    settings.SANDBOX, settings.PUBLIC_BASE_URL = True, "http://127.0.0.1:8000"
    url = "http://127.0.0.1:8000/sandbox/graph/files/reel.mp4"
    item = write_event(message={"mid": "m_1", "attachments": [attach("reel", {"url": url})]})

    inside, outside = parse_one(MESSENGER, item), None
    settings.SANDBOX = False
    outside = parse_one(MESSENGER, item)

    assert isinstance(inside, InboundMessage)
    assert isinstance(outside, InboundMessage)
    assert inside.media == (Media(url, "", "share"),)
    assert (outside.media, outside.body) == ((), url)


def test_message_of_thousands_of_attachments_is_cut():
    item = write_event(message={"mid": "m_1", "attachments": [attach("image", {"url": CDN})] * 3000})

    event = parse_one(MESSENGER, item)

    assert isinstance(event, InboundMessage)
    assert len(event.media) == 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\0b", "ab"),
        ("a\ud83db", "a\ufffdb"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("Grüße 😀 👩‍👩‍👧 漢字", "Grüße 😀 👩‍👩‍👧 漢字"),
        ("\u202egnp.exe", "\u202egnp.exe"),
    ],
)
def test_text_is_kept_but_for_what_postgres_cannot_store(text: str, expected: str):
    item = write_event(message={"mid": "m_1", "text": text, "attachments": [attach("file", {"url": CDN}, title=text)]})

    event = parse_one(MESSENGER, item)

    assert isinstance(event, InboundMessage)
    assert event.body == expected
    assert event.media[0].title == expected
