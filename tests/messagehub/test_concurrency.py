"""What one does while another is in the middle of it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from chatrooms import contacts, groups, membership
from chatrooms.models import Chatroom
from integrations.events import InboundMessage
from messagehub import tenancy
from messaging.conversations import changes as conversation_changes
from messaging.live import event_log
from messaging.models import Conversation, Event, Message
from messaging.receiving import arrivals
from messaging.sending import sweeping
from tests import factories
from tests.meanwhile import Aside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("gone", ["the contact", "the group"])
def test_putting_somebody_into_a_group_while_one_of_both_is_deleted(acme, sales, rich, api, inside, gone):
    """One of the two broke at its commit, and was answered 500."""
    with inside(acme):
        group, person = groups.create_group(sales.room, "G"), factories.ContactFactory(chatroom=sales.room)
    given, group_pk = {"contact_ids": [str(person.pk)]}, group.pk
    with inside(acme):
        groups.delete_group(group) if gone == "the group" else contacts.delete_contact(person)
        other = Aside(lambda: api(rich).post(f"/api/groups/{group_pk}/members", given))
    assert other.result().status_code == (404 if gone == "the group" else 200)


def test_who_loses_the_chatroom_while_they_change_a_conversation_changes_nothing(acme, sales, bo, ann, api, inside):
    """It was answered 500: what was to be shown could not be seen any more."""
    path = f"/api/conversations/{sales.conversation.pk}"
    with inside(acme):
        conversation_changes.lock_conversation(sales.conversation)
        other = Aside(lambda: api(bo).patch(path, {"status": "CLOSED"}))
        membership.unassign_user(bo, sales.room, by=ann)
    answer = other.result()
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    with inside(acme):
        assert Conversation.objects.get(pk=sales.conversation.pk).status != "CLOSED"


def test_time_holds_no_counter_while_it_waits_for_another(acme, sales, support, bo, inside):
    """What had run out and what was due were recorded in one transaction: two of these could wait for each other."""
    with inside(acme):
        lost = factories.MessageFactory(
            conversation=support.conversation, direction="outbound", status="sending",
            lease_until=timezone.now() - timedelta(hours=1), from_address=support.number.address, sent_by=bo,
        )  # fmt: skip
        due = factories.MessageFactory(
            conversation=sales.conversation, direction="outbound", status="scheduled",
            send_at=timezone.now() - timedelta(hours=1), from_address=sales.number.address, sent_by=bo,
            to_address=sales.contact.phone,
        )  # fmt: skip
    with tenancy.system():
        list(Chatroom.objects.select_for_update(no_key=True).filter(pk=sales.room.pk))
        other = Aside(sweeping.sweep_overdue)
        assert Message.objects.get(pk=lost.pk).status == "unknown"  # committed, with its event
        assert list(Chatroom.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=support.room.pk))
    assert other.result() == 2
    with inside(acme):
        assert Message.objects.get(pk=due.pk).status == "queued"


def changes_of(*desks) -> list[event_log.Change]:
    return [
        event_log.Change(event_log.CONVERSATION, desk.room.organization_id, desk.room.pk, desk.conversation.pk)
        for desk in desks
    ]


def both_end_before(committing: Aside, done: threading.Event, first: Aside, second: Aside) -> None:
    """Neither waits for who is committing, and nobody is ended by PostgreSQL."""
    try:
        assert (first.result(), second.result()) == (None, None)
        assert committing.thread.is_alive()
    finally:
        done.set()
    assert committing.result() is None


@pytest.mark.parametrize("several", [False, True], ids=["one chatroom", "several"])
def test_two_who_record_do_not_wait_for_each_other_while_somebody_commits(acme, sales, support, inside, several):
    """PostgreSQL ended one of them as a deadlock: it held the chatroom already, and queued for its row of before."""
    changes = changes_of(*((sales, support) if several else (sales,)))
    there, done = threading.Event(), threading.Event()

    def add_a_contact():
        with inside(acme):
            factories.ContactFactory(chatroom=sales.room)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what a commit does first; its end takes a moment
            there.set()
            done.wait(30)

    def record():
        with inside(acme):
            event_log.record_events(changes)

    with inside(acme):
        before = Chatroom.objects.get(pk=sales.room.pk).last_seq
        event_log.record_events(changes)
        committing, first, second = Aside(add_a_contact, there), Aside(record), Aside(record)
    both_end_before(committing, done, first, second)
    with inside(acme):
        for desk in (sales, support) if several else (sales,):
            newest = Event.objects.filter(chatroom=desk.room).order_by("-seq").values_list("seq", flat=True)[:3]
            last = Chatroom.objects.get(pk=desk.room.pk).last_seq
            assert list(newest) == [last, last - 1, last - 2]
        assert Chatroom.objects.get(pk=sales.room.pk).last_seq == before + 3


def test_two_batches_of_one_customer_do_not_wait_for_each_other_while_somebody_commits(acme, sales, inside):
    """The same as with chatrooms: one of the two was ended as a deadlock, and its webhooks were read again."""
    there, done = threading.Event(), threading.Event()
    account, to, phone = sales.number.account.external_id, sales.number.address, sales.contact.phone

    def arrive(name: str):
        with tenancy.system():
            arrivals.receive_messages([InboundMessage(account, name, phone, to, name, timezone.now())])

    def refer_to_the_contact():
        with inside(acme):
            factories.ConversationFactory(contact=sales.contact, chatroom=sales.room, status="CLOSED")
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            there.set()
            done.wait(30)

    with inside(acme), tenancy.system():
        arrive("SMa")
        committing = Aside(refer_to_the_contact, there)
        first, second = Aside(lambda: arrive("SMb")), Aside(lambda: arrive("SMc"))
    both_end_before(committing, done, first, second)
    with inside(acme):
        came = Message.objects.filter(provider_id__in=["SMa", "SMb", "SMc"])
        assert {message.conversation_id for message in came} == {sales.conversation.pk}
        assert came.count() == 3


def test_chatrooms_are_held_in_the_order_of_their_ids_whatever_the_order_of_the_changes(acme, sales, support, inside):
    low, high = sorted((sales, support), key=lambda desk: desk.room.pk)

    def record():
        with inside(acme):
            event_log.record_events(changes_of(high, low))

    with inside(acme):
        free = Chatroom.objects.select_for_update(no_key=True, skip_locked=True)
        list(free.filter(pk=low.room.pk))
        other = Aside(record)
        assert list(free.filter(pk=high.room.pk))
    assert other.result() is None
