"""Each shape of Meta's events has its visible result."""

import pytest

from chatrooms.models import Contact, ContactActivity
from integrations.models import WebhookEvent
from messagehub import tenancy
from messaging import payloads
from messaging.models import Conversation, Message
from tests.meta_events import PERSON, build_echo, build_event, build_text
from tests.receiving.meta.conftest import list_set_aside

pytestmark = pytest.mark.django_db
PLACE = {"type": "location", "payload": {"coordinates": {"lat": 51.5, "long": -0.12}}}
CDN = "https://scontent.fbcdn.net/v/a.jpg"


def attach(*attachments: dict, **more) -> dict:
    return {"message": {"mid": "m_attached", "attachments": list(attachments), **more}}


def media(kind: str, **payload) -> dict:
    return {"type": kind, "payload": {"url": CDN, **payload}}


# What the customer sent, and what stands in the thread: the text, and the kinds of what came with it.
SHAPES = {
    "text": ({"message": {"mid": "m_1", "text": "Grüße 👋"}}, "Grüße 👋", []),
    "quick reply": ({"message": {"mid": "m_1", "text": "Yes", "quick_reply": {"payload": "YES"}}}, "Yes", []),
    "image": (attach(media("image")), "", ["image"]),
    "image with text": (attach(media("image"), text="Look"), "Look", ["image"]),
    "several": (attach(media("image"), media("video"), media("audio"), media("file")), "", [
        "image", "video", "audio", "file",
    ]),
    "sticker": (attach(media("sticker", sticker_id="12")), "", ["sticker"]),
    "sticker as it came before": (attach(media("image", sticker_id=12)), "", ["sticker"]),
    "thumbs up": (attach(media("image", sticker_id=369239263222822)), "👍", []),
    "location": (attach(PLACE), "51.5, -0.12\nhttps://www.openstreetmap.org/?mlat=51.5&mlon=-0.12", []),
    "link": (attach({"type": "fallback", "title": "Shop", "payload": {"url": "https://shop.example/1"}}),
             "Shop\nhttps://shop.example/1", []),
    "reel": (attach(media("ig_reel")), "", ["share"]),
    "post": (attach(media("ig_post")), "", ["share"]),
    "story mention": (attach(media("story_mention")), "", ["story"]),
    "story reply": ({"message": {"mid": "m_1", "text": "Nice", "reply_to": {"story": {"id": "1", "url": CDN}}}},
                    "Nice", ["story"]),
    "like": (attach({"type": "like_heart"}), "❤️", []),
    "unsupported": ({"message": {"mid": "m_1", "is_unsupported": True}}, "", ["unsupported"]),
    "postback": ({"postback": {"mid": "m_1", "title": "Get started", "payload": "GO"}}, "Get started", []),
    "postback without id": ({"postback": {"title": "Opening hours", "payload": "HOURS"}}, "Opening hours", []),
}  # fmt: skip


@pytest.mark.parametrize("platform", ["page", "instagram"])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_customer_sends_stands_in_the_thread(shape, platform, request, come_in, thread):
    channel = request.getfixturevalue(platform)
    happening, text, kinds = SHAPES[shape]

    come_in(channel, build_event(channel.address, **happening))

    (message,) = thread(channel)
    assert (message.content, [each.kind for each in message.attachments.all()]) == (text, kinds)
    assert (message.direction, message.status, message.platform) == ("inbound", "received", channel.platform)
    assert (message.from_address, message.to_address) == (PERSON, channel.address)
    assert message.conversation.inbound_count == 1
    assert message.conversation.last_inbound_at == message.occurred_at


def test_an_answer_quotes_what_it_answers(page, come_in, thread):
    come_in(page, build_text(page.address, "Blue?", mid="m_a"), build_text(
        page.address, "Or red?", mid="m_b", reply_to={"mid": "m_a"}
    ))  # fmt: skip
    first, second = thread(page)
    assert second.reply_to_id == first.pk


def list_emojis(message: Message) -> list[str]:
    """As everybody sees them."""
    with tenancy.system():
        shape = payloads.describe_messages_by_id([message.pk])[message.pk]
    return [reaction["emoji"] for reaction in shape["reactions"]]


@pytest.mark.parametrize(("emoji", "action", "shown"), [("😍", "react", ["😍"]), ("", "unreact", [])])
def test_reaction_stands_at_its_message(page, come_in, thread, emoji, action, shown):
    come_in(page, build_text(page.address, "Hi", mid="m_a"))
    come_in(page, build_event(page.address, reaction={"mid": "m_a", "action": "react", "emoji": "👍"}))
    come_in(page, build_event(page.address, reaction={"mid": "m_a", "action": action, "emoji": emoji}))
    assert list_emojis(thread(page)[0]) == shown


@pytest.mark.parametrize(("first", "last", "shown"), [("👍", "", []), ("", "👍", ["👍"]), ("👍", "😍", ["😍"])])
def test_reactions_that_overtake_one_another_end_with_the_newest(page, come_in, thread, first, last, shown):
    """Two workers may split and process two batches of one second in either order."""
    come_in(page, build_text(page.address, "Hi", mid="m_a"))
    for emoji, at in ((last, 1_700_000_000_300), (first, 1_700_000_000_100)):
        action = "react" if emoji else "unreact"
        come_in(page, build_event(page.address, at=at, reaction={"mid": "m_a", "action": action, "emoji": emoji}))
    assert list_emojis(thread(page)[0]) == shown


def test_reaction_opens_no_window(page, come_in, thread):
    come_in(page, build_text(page.address, "Hi", mid="m_a", at=1_700_000_000_000))
    come_in(page, build_event(page.address, reaction={"mid": "m_a", "action": "react", "emoji": "👍"}))
    assert thread(page)[0].conversation.last_inbound_at.year == 2023


def test_unsent_message_loses_its_content(instagram, come_in, thread):
    come_in(instagram, build_event(instagram.address, **attach(media("image"), text="Secret")))
    come_in(instagram, build_event(instagram.address, message={"mid": "m_attached", "is_deleted": True}))
    (message,) = thread(instagram)
    assert (message.content, list(message.attachments.all())) == ("", [])
    assert message.deleted_at
    with tenancy.system():
        assert not [event for event in WebhookEvent.objects.all() if b"Secret" in bytes(event.body)]


def test_edit_changes_the_text(page, come_in, thread):
    come_in(page, build_text(page.address, "Tuesdy", mid="m_a"))
    come_in(page, build_event(page.address, message_edit={"mid": "m_a", "text": "Tuesday", "num_edit": 1}))
    (message,) = thread(page)
    assert message.content == "Tuesday"
    assert message.edited_at


def test_what_happens_to_a_message_may_stand_in_the_batch_before_it(page, come_in, thread):
    come_in(
        page,
        build_event(page.address, reaction={"mid": "m_a", "action": "react", "emoji": "👍"}),
        build_text(page.address, "Hi", mid="m_a"),
    )
    assert [reaction["emoji"] for reaction in thread(page)[0].reactions] == ["👍"]


def test_referral_alone_stands_on_the_timeline_of_a_contact(acme, page, come_in, thread, inside):
    referral = {"source": "ADS", "type": "OPEN_THREAD", "ref": "SPRING", "ad_id": "9"}
    come_in(page, build_event(page.address, referral=referral))
    with inside(acme):
        contact = Contact.objects.get(addresses__address=PERSON)
        assert contact.activities.get(kind="referred").about == "Ad (ad 9, ref SPRING)"
    assert thread(page) == []


def test_referral_of_a_message_stands_on_the_timeline(acme, page, come_in, inside):
    come_in(page, build_text(page.address, "Hi", referral={"source": "SHORTLINK", "ref": "poster"}))
    with inside(acme):
        assert ContactActivity.objects.get(kind="referred").about == "m.me link (ref poster)"


def test_reply_from_metas_own_inbox_is_outbound_and_free(page, come_in, thread):
    come_in(page, build_text(page.address, "Open today?", at=1_700_000_000_000))
    come_in(page, build_echo(page.address, "Until six.", mid="m_echo"))
    question, answer = thread(page)
    assert (answer.direction, answer.status, answer.tokens, answer.sent_by_id) == ("outbound", "sent", 0, None)
    assert (answer.from_address, answer.to_address) == (page.address, PERSON)
    assert answer.conversation_id == question.conversation_id
    assert answer.conversation.last_message_id == answer.pk
    assert (answer.conversation.inbound_count, answer.conversation.waiting_since) == (1, None)


def test_reply_from_metas_own_inbox_opens_nothing(acme, page, come_in, thread, inside):
    come_in(page, build_text(page.address, "Open today?", at=1_700_000_000_000))
    (question,) = thread(page)
    with inside(acme):
        Conversation.objects.filter(pk=question.conversation_id).update(status="PENDING")
    come_in(page, build_echo(page.address, "Until six."))
    assert thread(page)[0].conversation.status == "PENDING"
    come_in(page, build_text(page.address, "Thanks"))
    assert thread(page)[0].conversation.status == "OPEN"


def test_reply_from_metas_own_inbox_after_the_end_goes_on_with_the_window(acme, page, come_in, thread, inside):
    come_in(page, build_text(page.address, "Open today?"))
    (question,) = thread(page)
    with inside(acme):
        Conversation.objects.filter(pk=question.conversation_id).update(status="CLOSED")
    come_in(page, build_echo(page.address, "Until six."))
    answer = thread(page)[-1]
    assert answer.conversation_id != question.conversation_id
    assert answer.conversation.last_inbound_at == question.occurred_at


def test_message_that_comes_once_more_opens_no_empty_conversation(acme, page, come_in, thread, inside):
    come_in(page, build_text(page.address, "Hi", mid="m_a"))
    with inside(acme):
        Conversation.objects.filter(channel=page).update(status="CLOSED")
    come_in(page, build_event(page.address, postback={"mid": "m_a", "title": "Hi", "payload": "HI"}))
    come_in(page, build_text(page.address, "Hi", mid="m_a", person="7799"))
    with inside(acme):
        assert list(Conversation.objects.filter(channel=page).values_list("status", flat=True)) == ["CLOSED"]
        assert not Contact.objects.filter(addresses__address="7799").exists()
    assert len(thread(page)) == 1


KEPT = {
    "take_thread_control": {"take_thread_control": {"previous_owner_app_id": "1"}},
    "pass_thread_control": {"pass_thread_control": {"new_owner_app_id": "1"}},
    "something new": {"poll_vote": {"mid": "m_1"}},
}


@pytest.mark.parametrize("shape", KEPT)
def test_what_is_not_for_people_is_kept_and_shown_nowhere(shape, page, come_in, thread):
    come_in(page, build_event(page.address, **KEPT[shape]))
    assert (thread(page), list_set_aside()) == ([], [])
    with tenancy.system():
        assert WebhookEvent.objects.filter(source="meta.event").exclude(processed_at=None).count() == 1


@pytest.mark.parametrize("kind", ["standby", "changes"])
def test_standby_and_test_events_are_shown_nowhere(kind, page, come_in, thread):
    come_in(page, build_text(page.address, "To another app"), kind=kind)
    assert (thread(page), list_set_aside()) == ([], [])


def test_same_person_is_one_contact(acme, page, come_in, thread, inside):
    come_in(page, build_text(page.address, "One"), build_text(page.address, "Two"))
    come_in(page, build_text(page.address, "Three"))
    assert len({message.contact_id for message in thread(page)}) == 1
    with inside(acme):
        contact = Contact.objects.get(addresses__address=PERSON)
        assert (contact.phone, contact.first_name, str(contact)) == (None, "", "Unknown")
