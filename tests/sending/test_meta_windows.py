"""When and what Meta's channels take, and the tag of a late answer."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.models import FacebookPage
from messaging.contacts import merging
from messaging.models import Conversation, Message
from messaging.sending import delivery
from tests import factories
from tests.meta_events import PERSON

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["MESSENGER", "INSTAGRAM"])
def talk(request, acme, sales, inside) -> Conversation:
    """A conversation over one of Meta's channels."""
    with inside(acme):
        channel = factories.PageChannelFactory(chatroom=sales.room, platform=request.param, address="1055550001")
        contact = factories.ContactFactory(chatroom=sales.room, phone=None, first_name="Ines")
        contact.addresses.create(
            organization=acme.organization, chatroom=sales.room, platform=request.param, address=PERSON,
            channel=channel, is_primary=True,
        )  # fmt: skip
        return factories.ConversationFactory(
            chatroom=sales.room, contact=contact, channel=channel, platform=request.param,
            last_inbound_at=timezone.now(),
        )  # fmt: skip


@pytest.fixture
def unheard(acme, talk, inside):
    """The customer's last message was so long ago."""

    def age(**ago) -> None:
        with inside(acme):
            Conversation.objects.filter(pk=talk.pk).update(last_inbound_at=timezone.now() - timedelta(**ago))

    return age


def send(client, talk, content: str = "Hello", **more):
    return client.post("/api/messages/send", {"conversation_id": str(talk.pk), "content": content, **more})


def test_reply_goes_to_the_scoped_id_and_costs_the_platforms_price(acme, rich, talk, api, inside):
    with inside(acme):
        type(acme.organization).objects.update(price_messenger=3, price_instagram=3)
    answer = send(api(rich), talk)
    assert answer.status_code == 201, answer.content
    assert answer.json()["message"]["platform"] == talk.platform
    (claim,) = delivery.claim_messages(5)
    assert (claim.text.platform, claim.text.to_address, claim.text.tag) == (talk.platform, PERSON, "")
    assert claim.text.provider == "meta"
    assert answer.json()["message"]["segments"] == 1


def test_merged_contact_is_answered_where_they_wrote_last(acme, ann, rich, talk, api, inside):
    second = "7700000002"
    with inside(acme):
        twin = factories.ContactFactory(chatroom=talk.chatroom, phone=None)
        twin.addresses.create(
            organization=acme.organization, chatroom=talk.chatroom, platform=talk.platform, address=second,
            channel=talk.channel, is_primary=True,
        )  # fmt: skip
        twins = factories.ConversationFactory(
            chatroom=talk.chatroom, contact=twin, channel=talk.channel, platform=talk.platform,
            last_inbound_at=timezone.now(),
        )  # fmt: skip
        factories.MessageFactory(conversation=twins, platform=talk.platform, from_address=second)
        merging.merge_contacts(talk.contact, twin, by=ann)

    answer = send(api(rich), twins)

    assert answer.status_code == 201, answer.content
    (claim,) = delivery.claim_messages(5)
    assert claim.text.to_address == second


@pytest.mark.parametrize(("approved", "hours", "status", "tag"), [
    (False, 23, 201, ""), (False, 25, 422, None), (True, 25, 201, "HUMAN_AGENT"), (True, 24 * 7 + 1, 422, None),
])  # fmt: skip
def test_window_closes_after_a_day_or_for_a_person_after_a_week(
    acme, rich, talk, api, inside, unheard, approved, hours, status, tag
):
    with inside(acme):
        FacebookPage.objects.update(has_human_agent=approved)
    unheard(hours=hours)
    answer = send(api(rich), talk)
    assert answer.status_code == status, answer.content
    if status == 422:
        assert answer.json()["error"]["code"] == "outside_messaging_window"
    else:
        assert [claim.text.tag for claim in delivery.claim_messages(5)] == [tag]


@pytest.mark.parametrize(("talk", "text", "status"), [
    ("MESSENGER", "ä" * 2000, 201), ("MESSENGER", "a" * 2001, 400),
    ("INSTAGRAM", "a" * 1000, 201), ("INSTAGRAM", "ä" * 501, 400),
], indirect=["talk"])  # fmt: skip
def test_length_is_the_platforms(rich, talk, api, text, status):
    answer = send(api(rich), talk, text)
    assert answer.status_code == status
    if status == 400:
        (explanation,) = answer.json()["error"]["fields"]["content"]
        assert "1,000 bytes in one message" in explanation or "2000 characters" in explanation


def test_text_and_attachment_go_one_after_the_other(rich, talk, api):
    both = send(api(rich), talk, media=["https://shop.example/a.jpg"])
    assert (both.status_code, both.json()["error"]["code"]) == (422, "text_and_media")
    assert send(api(rich), talk, "", media=["https://shop.example/a.jpg"]).status_code == 201


def test_contact_without_a_phone_is_answered_where_they_wrote(acme, rich, talk, api):
    answer = api(rich).post("/api/messages/send", {"contact_id": str(talk.contact_id), "content": "Hi"})
    assert answer.status_code == 201, answer.content
    assert answer.json()["message"]["conversation_id"] == str(talk.pk)


def test_answer_to_a_closed_conversation_keeps_its_window_while_it_waits(acme, rich, talk, api, inside, unheard):
    unheard(hours=2)
    with inside(acme):
        Conversation.objects.filter(pk=talk.pk).update(status="CLOSED")
    message = send(api(rich), talk).json()["message"]
    assert message["conversation_id"] != str(talk.pk)
    with inside(acme):
        Message.objects.update(created_at=timezone.now() - timedelta(minutes=5))  # so it is asked about once more
    assert [str(claim.text.message_id) for claim in delivery.claim_messages(5)] == [message["id"]]


@pytest.mark.parametrize(("hours", "tag"), [(2, ""), (25, "HUMAN_AGENT")])
def test_answer_to_a_closed_conversation_has_the_tag_of_its_window(acme, rich, talk, api, inside, unheard, hours, tag):
    unheard(hours=hours)
    with inside(acme):
        FacebookPage.objects.update(has_human_agent=True)
        Conversation.objects.filter(pk=talk.pk).update(status="CLOSED")
    assert send(api(rich), talk).status_code == 201
    assert [claim.text.tag for claim in delivery.claim_messages(5)] == [tag]


def test_page_of_another_chatroom_sends_nothing(acme, rich, talk, support, api, inside):
    with inside(acme):
        type(talk.channel).objects.filter(pk=talk.channel_id).update(chatroom=support.room)
    answer = send(api(rich), talk)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_sender")
