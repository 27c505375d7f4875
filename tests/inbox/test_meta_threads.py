"""What comes over Messenger and Instagram, and how the inbox shows it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from chatrooms.models import ContactAddress
from integrations import failures
from integrations.models import FacebookPage
from integrations.sandbox import samples
from messaging.models import Attachment, Conversation
from tests import factories


@pytest.fixture
def talk(request, acme, sales, inside) -> SimpleNamespace:
    """A conversation over Messenger, or over the platform that the test asks for."""
    platform = getattr(request, "param", "MESSENGER")
    with inside(acme):
        channel = factories.PageChannelFactory(chatroom=sales.room, platform=platform)
        contact = factories.ContactFactory(chatroom=sales.room, phone=None)
        ContactAddress.objects.create(
            organization=acme.organization, chatroom=sales.room, contact=contact, platform=platform,
            address="7700000001", is_primary=True, channel=channel,
        )  # fmt: skip
        conversation = factories.ConversationFactory(
            chatroom=sales.room, contact=contact, channel=channel, platform=platform, last_inbound_at=timezone.now()
        )
    return SimpleNamespace(conversation=conversation, platform=platform, url=f"/inbox/{conversation.pk}/")


@pytest.fixture
def write(acme, talk, inside):
    """Put a message into the conversation, with attachments given by their columns."""

    def put(*attachments: dict, **columns):
        with inside(acme):
            message = factories.MessageFactory(conversation=talk.conversation, platform=talk.platform, **columns)
            for place, values in enumerate(attachments):
                Attachment.objects.create(
                    organization=acme.organization, message=message, position=place, **{"state": "stored"} | values
                )
        return message

    return put


@pytest.fixture
def read(browser, bo):
    return lambda url: " ".join(browser(bo).get(url).content.decode().split())


PICTURE = {"content_type": "image/png", "width": 240, "height": 240}


@pytest.mark.parametrize(("talk", "attachment", "shown", "preview"), [
    ("MESSENGER", {"kind": "sticker", **PICTURE}, '<img class="sticker"', "Sticker"),
    ("MESSENGER", {"kind": "image", **PICTURE}, "data-view><img", "Photo"),
    ("MESSENGER", {"kind": "audio", "content_type": "audio/mp4"}, '<audio class="sound" controls', "Voice message"),
    ("MESSENGER", {"kind": "video", "content_type": "video/mp4"}, '<video class="film" controls', "Video"),
    ("MESSENGER", {"kind": "video", "content_type": "video/x-flv"}, '<a class="file"', "Video"),
    ("MESSENGER", {"kind": "unsupported"}, "Open Messenger to see it.", "Unsupported message"),
    ("INSTAGRAM", {"kind": "unsupported"}, "Open Instagram to see it.", "Unsupported message"),
    ("INSTAGRAM", {"kind": "story", "name": "Mentioned you", **PICTURE}, "</svg>Mentioned you", "Story"),
    ("INSTAGRAM", {"kind": "story", "state": "failed"}, "This story is no longer available.", "Story"),
    ("INSTAGRAM", {"kind": "share", "name": "Oak shelf", **PICTURE}, "Oak shelf</span>", "Shared post"),
    ("MESSENGER", {"kind": "file", "content_type": "application/pdf"}, '<a class="file"', "Attachment"),
], indirect=["talk"])  # fmt: skip
def test_each_kind_of_attachment_has_its_look(talk, write, read, attachment, shown, preview):
    write(attachment, content="")

    assert shown in read(talk.url)
    assert f"</svg>{preview} </span>" in read("/inbox/")


def test_kind_is_the_provider_s_word_and_else_that_of_the_content(talk, write, api, bo):
    message = write({"kind": "story", **PICTURE}, {"kind": "", "content_type": "audio/ogg"})

    attachments = api(bo).get(f"/api/messages/{message.pk}").json()["attachments"]

    assert [each["kind"] for each in attachments] == ["story", "audio"]


def test_story_stands_above_what_was_answered_to_it(talk, write, read):
    write({"kind": "story", "name": "Replied to a story", **PICTURE}, content="Is this for sale?")

    page = read(talk.url)

    assert page.index("Replied to a story") < page.index("Is this for sale?</p>")


def test_edited_message_says_so(talk, write, read, api, bo):
    message = write(content="Two chairs, please", edited_at=timezone.now())

    assert ">Edited</span>" in read(talk.url)
    assert api(bo).get(f"/api/messages/{message.pk}").json()["edited_at"] is not None


def test_reactions_stand_in_the_list_too(talk, write, read):
    write(content="It is on its way", direction="outbound", status="read", reactions=[{"emoji": "👍", "by": "contact"}])

    assert '<span class="reacted">👍</span>' in read("/inbox/")


def test_quote_of_an_unsent_message_shows_nothing_of_it(talk, write, read):
    gone = write(content="A secret", deleted_at=timezone.now())
    write(content="As I said", reply_to=gone)

    page = read(talk.url)

    assert 'dir="auto">Unsent message</span>' in page
    assert "A secret" not in page


@pytest.mark.parametrize(
    ("talk", "words"), [("MESSENGER", "Seen in Messenger"), ("INSTAGRAM", "Seen on Instagram")], indirect=["talk"]
)
def test_seen_names_the_platform(talk, write, read, words):
    write(direction="outbound", status="read")

    assert words in read(talk.url)


def test_what_was_typed_in_meta_s_own_inbox_says_so(talk, write, read):
    write(direction="outbound", status="sent", sent_by=None)

    assert "Sent in Meta's inbox" in read(talk.url)


def test_what_was_sent_along_is_linked(talk, write, read):
    write(content="", direction="outbound", status="sent", media_urls=["https://shop.example/oak.jpg"])

    assert '<a class="file" href="https://shop.example/oak.jpg"' in read(talk.url)


# ---------------------------------------------------------------- the box
@pytest.mark.parametrize(("talk", "longest"), [
    ("MESSENGER", 'data-longest="2000"'), ("INSTAGRAM", 'data-longest="1000" data-bytes'),
], indirect=["talk"])  # fmt: skip
def test_length_of_a_reply_is_the_platform_s(talk, read, longest):
    page = read(talk.url)

    assert longest in page
    assert "data-encoding" not in page


@pytest.mark.parametrize(("approved", "hours", "words"), [
    (False, 1, "<b data-left>22 h</b> left to reply"),
    (False, 25, "Messenger&#x27;s reply window has closed.</b> You can reply once the customer writes again."),
    (True, 1, "<b data-left>6 d</b> left to reply"),
    (True, 25, "A person may still answer until"),
])  # fmt: skip
def test_box_says_how_long_one_may_reply_and_what_opens_it_again(
    acme, talk, write, read, inside, approved, hours, words
):
    write()
    with inside(acme):
        FacebookPage.objects.update(has_human_agent=approved)
        last = timezone.now() - timedelta(hours=hours, seconds=5)
        Conversation.objects.filter(pk=talk.conversation.pk).update(last_inbound_at=last)

    assert words in read(talk.url)


# ---------------------------------------------------------------- players
@pytest.mark.parametrize(("wanted", "status", "start", "end"), [
    ("", 200, 0, None), ("bytes=0-", 206, 0, None), ("bytes=100-199", 206, 100, 200),
    ("bytes=31000-99999", 206, 31000, None), ("bytes=-5", 200, 0, None), ("bytes=9-5", 416, 0, 0),
    ("bytes=99999-", 416, 0, 0),
])  # fmt: skip
def test_player_gets_the_part_that_it_asks_for(talk, write, browser, bo, acme, inside, wanted, status, start, end):
    write({"kind": "audio", "content_type": "audio/wav"})
    with inside(acme):
        attachment = Attachment.objects.get()
        attachment.file = default_storage.save(f"{acme.organization.pk}/{attachment.pk}", ContentFile(samples.voice()))
        attachment.save(update_fields=["file"])

    answer = browser(bo).get(f"/attachments/{attachment.pk}/", headers={"Range": wanted} if wanted else {})

    assert answer.status_code == status
    assert b"".join(answer) == samples.voice()[start:end]
    if status == 200:
        assert (answer["Content-Type"], answer["Content-Disposition"][:6]) == ("audio/wav", "inline")
    elif status == 206:
        last = (end or len(samples.voice())) - 1
        assert answer["Content-Range"] == f"bytes {start}-{last}/{len(samples.voice())}"
    assert "sandbox" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", ""),
        (
            "unexplained",
            "Something that was written elsewhere at the same moment may be this message. Compare them and",
        ),
        ("ambiguous", "Several of the provider's messages match this one. Check the provider's log and choose."),
    ],
)
def test_an_unknown_message_says_why_a_person_has_to_decide(talk, write, read, code, words):
    write(
        direction="outbound",
        status="unknown",
        error_code=code,
        error_message=failures.describe_failure(code) if code else "",
    )
    page = read(talk.url).replace("&#x27;", "'")
    assert "Delivery unknown." in page
    assert words in page
    assert ("choose." in page) == bool(code)
