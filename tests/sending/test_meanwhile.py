"""What one does while another is in the middle of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chatrooms import contacts, groups, membership
from chatrooms.models import Chatroom
from messagehub import tenancy
from messaging import conversations, delivery
from messaging.models import Conversation, Message
from tests import factories
from tests.meanwhile import Aside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("gone", ["the contact", "the group"])
def test_putting_somebody_into_a_group_while_one_of_both_is_deleted(acme, sales, rich, api, inside, gone):
    """One of the two broke at its commit, and was answered 500."""
    with inside(acme):
        group, person = groups.create(sales.room, "G"), factories.ContactFactory(chatroom=sales.room)
    given, group_pk = {"contact_ids": [str(person.pk)]}, group.pk
    with inside(acme):
        groups.remove(group) if gone == "the group" else contacts.remove(person)
        other = Aside(lambda: api(rich).post(f"/api/groups/{group_pk}/members", given))
    assert other.result().status_code == (404 if gone == "the group" else 200)


def test_who_loses_the_chatroom_while_they_change_a_conversation_changes_nothing(acme, sales, bo, ann, api, inside):
    """It was answered 500: what was to be shown could not be seen any more."""
    path = f"/api/conversations/{sales.conversation.pk}"
    with inside(acme):
        conversations.locked(sales.conversation)
        other = Aside(lambda: api(bo).patch(path, {"status": "CLOSED"}))
        membership.unassign(bo, sales.room, by=ann)
    answer = other.result()
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    with inside(acme):
        assert Conversation.objects.get(pk=sales.conversation.pk).status != "CLOSED"


def test_time_holds_no_counter_while_it_waits_for_another(acme, sales, support, bo, inside):
    """What had run out and what was due were recorded in one transaction: two of these could wait for each other."""
    with inside(acme):
        lost = factories.MessageFactory(
            conversation=support.conversation, direction="outbound", status="sending", status_rank=2,
            lease_until=timezone.now() - timedelta(seconds=1), from_address=support.number.phone, sent_by=bo,
        )  # fmt: skip
        due = factories.MessageFactory(
            conversation=sales.conversation, direction="outbound", status="scheduled", status_rank=0,
            send_at=timezone.now() - timedelta(seconds=1), from_address=sales.number.phone, sent_by=bo,
            to_address=sales.contact.phone,
        )  # fmt: skip
    with tenancy.system():
        list(Chatroom.objects.select_for_update(no_key=True).filter(pk=sales.room.pk))
        other = Aside(delivery.sweep)
        assert Message.objects.get(pk=lost.pk).status == "unknown"  # committed, with its event
        assert list(Chatroom.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=support.room.pk))
    assert other.result() == 2
    with inside(acme):
        assert Message.objects.get(pk=due.pk).status == "queued"
