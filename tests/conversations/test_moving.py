"""A number that moves to another chatroom takes its open conversations along, and an archived chatroom has none."""

from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.utils import timezone

from chatrooms.models import Chatroom, Contact, ContactAddress
from integrations.models import Channel, WebhookEvent
from messagehub import tenancy
from messaging.conversations import assignments, changes, moving
from messaging.live import event_log
from messaging.models import Conversation, ConversationActivity, Event, Message
from messaging.receiving import ingest
from messaging.sending import eligibility
from tests import factories

pytestmark = pytest.mark.django_db


def move(client, sales, support):
    return client.patch(f"/api/sender-numbers/{sales.number.pk}", {"chatroom_id": str(support.room.pk)})


def receive(number: Channel, phone: str, text: str = "Hi") -> None:
    with tenancy.system():
        account = Channel.objects.get(pk=number.pk).account.external_id
        form = {"MessageSid": f"SM{uuid4().hex}", "From": phone, "To": number.address, "Body": text}
        WebhookEvent.objects.create(
            source="twilio.message", account=account, dedupe_key=form["MessageSid"], body=urlencode(form).encode()
        )
    ingest.drain_webhooks()


# ---------------------------------------------------------------- archiving
def test_chatroom_with_a_number_is_not_archived(acme, sales, ann, api, inside):
    answer = api(ann).delete(f"/api/chatrooms/{sales.room.pk}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "in_use")
    assert sales.number.address in answer.json()["error"]["message"]
    with inside(acme):
        assert Chatroom.objects.get(pk=sales.room.pk).archived_at is None


def test_chatroom_is_archived_once_its_number_has_moved_and_no_text_vanishes(acme, sales, support, ann, api, inside):
    assert move(api(ann), sales, support).status_code == 200
    assert api(ann).delete(f"/api/chatrooms/{sales.room.pk}").status_code == 204

    receive(sales.number, sales.contact.phone, "Still there?")

    shown = api(ann).get(f"/api/conversations/{sales.conversation.pk}").json()
    assert (shown["chatroom_id"], shown["messages"][0]["content"]) == (str(support.room.pk), "Still there?")


# ---------------------------------------------------------------- moving
def test_open_conversations_move_with_their_number_whole(acme, sales, support, ann, bo, rich, api, inside):
    with inside(acme):
        ContactAddress.objects.create(
            organization=acme.organization, chatroom=sales.room, contact=sales.contact, address="+15554009999"
        )
    later = (timezone.now() + timedelta(days=1)).isoformat()
    body = {"conversation_id": str(sales.conversation.pk), "content": "Tomorrow", "send_at": later}
    scheduled = api(bo).post("/api/messages/send", body).json()["message"]

    assert move(api(ann), sales, support).status_code == 200

    with inside(acme):
        conversation = Conversation.objects.select_related("contact").get(pk=sales.conversation.pk)
        assert conversation.chatroom_id == conversation.contact.chatroom_id == support.room.pk
        assert (conversation.contact.phone, conversation.contact.first_name) == (sales.contact.phone, "Nina")
        for message in Message.objects.filter(pk__in=[sales.message.pk, scheduled["id"]]):
            assert (message.chatroom_id, message.contact_id) == (support.room.pk, conversation.contact_id)
        assert conversation.contact.addresses.get(is_primary=False).address == "+15554009999"
        assert Contact.objects.filter(pk=sales.contact.pk, chatroom=sales.room).exists()
    receive(sales.number, "+15554009999", "From my other phone")
    thread = api(ann).get(f"/api/conversations/{sales.conversation.pk}/messages").json()["results"]
    assert "From my other phone" in [message["content"] for message in thread]
    assert api(bo).get(f"/api/conversations/{sales.conversation.pk}").status_code == 404


def test_conversation_joins_the_contact_that_the_new_chatroom_has(acme, sales, support, ann, api, inside):
    with inside(acme):
        known = factories.ContactFactory(chatroom=support.room, phone=sales.contact.phone, first_name="Nina B.")
    move(api(ann), sales, support)
    with inside(acme):
        assert Conversation.objects.get(pk=sales.conversation.pk).contact_id == known.pk


def test_of_two_open_conversations_with_one_person_the_newer_stays_open(acme, sales, support, ann, api, inside):
    with inside(acme):  # two contacts in Sales who are one in Support
        known = factories.ContactFactory(chatroom=support.room, phone=sales.contact.phone)
        second = factories.ContactFactory(chatroom=sales.room)
        ContactAddress.objects.create(
            organization=acme.organization, chatroom=support.room, contact=known, address=second.phone
        )
        newer = factories.ConversationFactory(chatroom=sales.room, contact=second, channel=sales.number)
        factories.MessageFactory(conversation=newer)

    assert move(api(ann), sales, support).status_code == 200

    with inside(acme):
        states = dict(Conversation.objects.filter(contact=known).values_list("pk", "status"))
        assert states == {sales.conversation.pk: "CLOSED", newer.pk: "OPEN"}


def test_closed_conversations_stay_as_history(acme, sales, support, ann, bo, api, inside):
    api(ann).patch(f"/api/conversations/{sales.conversation.pk}", {"status": "CLOSED"})
    move(api(ann), sales, support)
    assert api(bo).get(f"/api/conversations/{sales.conversation.pk}").json()["chatroom_id"] == str(sales.room.pk)


def test_assignee_without_the_new_chatroom_is_unassigned(acme, sales, support, ann, bo, api, inside):
    with inside(acme):
        changes.change_conversation(sales.conversation, by=bo, assigned_to=bo)
    move(api(ann), sales, support)
    shown = api(ann).get(f"/api/conversations/{sales.conversation.pk}").json()
    assert shown["assigned_to"] is None
    with inside(acme):
        assert ConversationActivity.objects.latest("created_at").kind == "unassigned"


def test_viewers_of_the_old_chatroom_learn_that_it_moved_and_nothing_else(acme, sales, support, ann, api, inside):
    with inside(acme):
        event_log.record_events(
            [
                event_log.Change(
                    event_log.CREATED, acme.organization.pk, sales.room.pk, sales.conversation.pk, sales.message.pk
                )
            ]
        )
    move(api(ann), sales, support)
    with inside(acme):
        old = event_log.build_frames(Event.objects.filter(chatroom=sales.room).values())
        new = event_log.build_frames(Event.objects.filter(chatroom=support.room).values())
    texts = [frame.text("c", str(ann.pk)) for frame in old]
    assert len(texts) == 2
    for text in texts:
        assert '"type":"conversation.moved"' in text
        assert f'"conversation_id":"{sales.conversation.pk}"' in text
        assert "Hello" not in text
        assert "Nina" not in text
    assert '"type":"conversation.updated"' in new[-1].text("c", str(ann.pk))
    assert str(sales.conversation.pk) in new[-1].text("c", str(ann.pk))


# ---------------------------------------------------------------- what was left behind
def leave_behind(acme, sales, support, inside) -> None:
    """As version 0.1.0 moved numbers: without their conversations."""
    with inside(acme):
        Channel.objects.filter(pk=sales.number.pk).update(chatroom=support.room)


def test_a_conversation_left_behind_is_not_answered_from_a_number_of_another_chatroom(
    acme, sales, support, ann, api, inside
):
    leave_behind(acme, sales, support, inside)
    answer = api(ann).post("/api/messages/send", {"conversation_id": str(sales.conversation.pk), "content": "Hi"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_sender")
    with inside(acme):
        conversation = Conversation.objects.get(pk=sales.conversation.pk)
        single = eligibility.may_send(ann, conversation)
        number = Channel.objects.get(pk=sales.number.pk)
        (each,) = eligibility.may_send_to_each(ann, number, [(sales.contact, sales.contact.phone)], for_campaign=False)
        assert [r.code for r in single.reasons] == [r.code for r in each.reasons] == ["no_sender"]


def test_conversations_left_behind_are_brought_to_their_number(acme, sales, support, inside):
    leave_behind(acme, sales, support, inside)
    assert moving.move_stragglers() == 1
    with inside(acme):
        assert Conversation.objects.get(pk=sales.conversation.pk).chatroom_id == support.room.pk
    assert moving.move_stragglers() == 0


def test_one_that_can_not_be_moved_leaves_the_others_to_move(
    acme, globex, sales, support, elsewhere, inside, monkeypatch
):
    leave_behind(acme, sales, support, inside)
    with inside(globex):
        other_room = factories.ChatroomFactory(organization=globex.organization, name="Other")
        Channel.objects.filter(pk=elsewhere.number.pk).update(chatroom=other_room)
    broken = min(sales.number.pk, elsewhere.number.pk)
    follow = moving.follow_channel
    monkeypatch.setattr(
        moving, "follow_channel", lambda number, *, by: {}["broken"] if number.pk == broken else follow(number, by=by)
    )

    assert moving.move_stragglers() == 1


def test_nobody_is_assigned_a_conversation_that_has_just_moved_away_from_them(
    acme, sales, support, ann, bo, api, inside
):
    """As when both requests are under way and the move commits first."""
    with inside(acme):
        seen_before = Conversation.objects.select_related("chatroom").get(pk=sales.conversation.pk)
    move(api(ann), sales, support)

    with inside(acme), pytest.raises(assignments.AssigneeGone):
        changes.change_conversation(seen_before, by=ann, assigned_to=bo)
