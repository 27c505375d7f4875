"""Merging two contacts: the preview, what moves, and whoever writes or sends meanwhile."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEntry
from chatrooms import contacts, groups
from chatrooms.models import Contact, ContactActivity
from integrations.events import InboundMessage
from messagehub import tenancy
from messaging.contacts import merging
from messaging.conversations import changes
from messaging.models import Event, Message
from messaging.receiving import arrivals
from messaging.sending import enqueue
from tests import factories
from tests.contacts.conftest import address


@pytest.mark.parametrize("stranger", ["support", "elsewhere"])  # a room that bo does not see; another tenant
def test_only_who_one_sees_is_merged(browser, bo, sales, stranger, request):
    other = request.getfixturevalue(stranger).contact
    for method in (browser(bo).get, browser(bo).post):
        assert method(address(sales.contact, f"merge/{other.pk}/")).status_code == 404


def test_contacts_of_two_rooms_are_not_merged(browser, ann, acme, sales, support, inside):
    answer = browser(ann).post(address(sales.contact, f"merge/{support.contact.pk}/"))
    assert answer.status_code == 422
    assert "Only contacts of the same chatroom" in answer.content.decode()
    with inside(acme):
        assert Contact.objects.count() == 2


def test_a_contact_is_not_merged_with_itself(browser, bo, sales):
    answer = browser(bo).get(address(sales.contact, f"merge/{sales.contact.pk}/"))
    assert answer.status_code == 422
    assert "be merged with itself" in answer.content.decode()


def test_the_preview_says_what_happens_and_changes_nothing(browser, bo, acme, sales, twin, inside):
    page = browser(bo).get(address(sales.contact, f"merge/{twin.pk}/")).content.decode()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    for words in (
        "1 conversation, 1 message",
        "is added as a second number",
        "The email address nina@example.com",
        "will be resolved",
    ):
        assert words in text, text
    assert "The name N." in text
    with inside(acme):
        assert Contact.objects.filter(pk=twin.pk).exists()


def test_two_contacts_become_one(browser, bo, acme, sales, twin, inside):
    with inside(acme):
        both, only = groups.create_group(sales.room, "Both"), groups.create_group(sales.room, "Only the twin")
        groups.add_members(both, [sales.contact, twin])
        groups.add_members(only, [twin])
        talk = twin.conversations.get()
    answer = browser(bo).post(address(sales.contact, f"merge/{twin.pk}/"))

    assert (answer.status_code, answer["Location"]) == (302, address(sales.contact))
    with inside(acme):
        kept = sales.room.contacts.get()
        assert (kept.pk, str(kept), kept.email, kept.phone) == (
            sales.contact.pk, "Nina Okafor", "nina@example.com", sales.contact.phone,
        )  # fmt: skip
        assert {row.contact_id for row in sales.room.messages.all()} == {kept.pk}
        states = dict(kept.conversations.values_list("pk", "status"))
        assert states == {talk.pk: "OPEN", sales.conversation.pk: "CLOSED"}  # the newer one stays open
        assert set(kept.groups.values_list("name", flat=True)) == {"Both", "Only the twin"}
        assert kept.addresses.get(is_primary=False).address == twin.phone
        assert kept.activities.get(kind="merged").about == "N."
        entry = AuditEntry.objects.get(action="contact.merged")
        assert (entry.actor_id, entry.target_id, entry.before["phone"]) == (bo.pk, str(kept.pk), twin.phone)
        shown = set(Event.objects.filter(chatroom=sales.room).values_list("conversation_id", flat=True))
        assert shown == set(states)
    assert browser(bo).get(address(twin)).status_code == 404
    assert "It is me again" in browser(bo).get(address(sales.contact)).content.decode()


def test_a_scheduled_message_is_named_and_moves_to_the_conversation_that_stays_open(
    browser, rich, acme, sales, twin, inside
):
    with inside(acme):
        at = (timezone.now() + timedelta(days=2)).replace(hour=9, minute=41)
        scheduled = enqueue.send_message(sales.conversation, "See you on Monday", sent_by=rich, send_at=at).message
        newer = twin.conversations.get()
        answer = factories.MessageFactory(conversation=newer, content="I am here too")
    preview = browser(rich).get(address(sales.contact, f"merge/{twin.pk}/")).content.decode()
    assert "See you on Monday" in preview
    assert "at 09:41" in preview

    assert browser(rich).post(address(sales.contact, f"merge/{twin.pk}/")).status_code == 302

    with inside(acme):
        scheduled.refresh_from_db()
        assert (scheduled.status, scheduled.conversation_id) == ("scheduled", newer.pk)
        assert scheduled.to_address == sales.contact.phone
        newest = dict(sales.contact.conversations.values_list("pk", "last_message"))
        assert newest == {sales.conversation.pk: sales.message.pk, newer.pk: answer.pk}


def test_what_was_done_with_conversations_is_told(browser, bo, acme, sales, twin, inside):
    with inside(acme):
        changes.change_conversation(sales.conversation, by=bo, assigned_to=bo)
        merging.merge_contacts(sales.contact, twin, by=bo)
    page = re.sub(r"\s+", " ", browser(bo).get(address(sales.contact)).content.decode())
    for words in (
        "<bdi>Bo</bdi> assigned the conversation to themselves",
        "<bdi>Bo</bdi> resolved the conversation",
        "<bdi>Bo</bdi> merged N. into this contact",
    ):
        assert words in page


def test_who_waited_for_a_merge_finds_the_conversation_with_its_new_contact(
    transactional_db, django_db_blocker, bo, acme, sales, twin, inside
):
    with inside(acme):
        talk = twin.conversations.get()
    waited: list = []

    def wait() -> None:
        try:
            with inside(acme):
                waited.append(changes.lock_conversation(talk).contact_id)
        except Exception as error:
            waited.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=wait)
    with inside(acme):
        merging.merge_contacts(sales.contact, twin, by=bo)
        other.start()
        other.join(1)  # it stands before the row that this transaction holds
        assert waited == []
    other.join(10)
    assert waited == [sales.contact.pk]


def test_a_conversation_that_is_opened_during_a_merge_is_not_overlooked(
    transactional_db, django_db_blocker, acme, sales, twin, inside
):
    """A conversation for whoever is gone broke at its commit, or broke the merge at its own."""
    with inside(acme):
        twin.conversations.update(status="CLOSED")
    opened: list = []

    def open_one() -> None:
        try:
            with inside(acme):
                opened.append(changes.open_conversation(twin, sales.number))
        except Exception as error:
            opened.append(type(error))
        finally:
            connection.close()

    other = threading.Thread(target=open_one)
    with inside(acme):
        merging.merge_contacts(sales.contact, twin, by=acme.people["ann"])
        other.start()
        other.join(0.5)
    other.join(10)
    assert opened == [contacts.ContactGone]


def test_a_merge_and_whoever_sends_meanwhile_do_not_stop_each_other(
    transactional_db, django_db_blocker, ann, acme, sales, twin, inside
):
    """A message refers to its contact at its commit. When the merge had that first, PostgreSQL ended one of the two."""
    with inside(acme):
        talk = twin.conversations.get()
    went_wrong: list[Exception] = []

    def merge() -> None:
        try:
            with inside(acme):
                merging.merge_contacts(sales.contact, twin, by=ann)
        except Exception as error:
            went_wrong.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=merge)
    with inside(acme):
        message = enqueue.send_message(talk, "Meanwhile", sent_by=ann).message
        other.start()
        other.join(0.5)  # it stands before the conversation
    other.join(10)
    assert went_wrong == []
    with inside(acme):
        assert Message.objects.get(pk=message.pk).contact_id == sales.contact.pk


def test_what_comes_in_from_the_other_number_belongs_to_the_contact(db, bo, acme, sales, twin, inside):
    with inside(acme):
        merging.merge_contacts(sales.contact, twin, by=bo)
    with tenancy.system():
        account = sales.number.account.external_id
        arrivals.receive_messages(
            [
                InboundMessage(
                    account=account, provider_id=f"SM{n}", from_address=phone, to_address=sales.number.address,
                    body="Hi", occurred_at=timezone.now(), segments=1, media=(),
                )
                for n, phone in enumerate((twin.phone, sales.contact.phone))
            ]
        )  # fmt: skip
    with inside(acme):
        assert sales.room.contacts.count() == 1
        assert sales.room.conversations.exclude(status="CLOSED").count() == 1
        came = Message.objects.filter(provider_id__in=["SM0", "SM1"])
        assert {message.contact_id for message in came} == {sales.contact.pk}
        assert {message.from_address for message in came} == {twin.phone, sales.contact.phone}
        assert contacts.find_or_create_contact(sales.room, twin.phone) == sales.contact


def test_the_other_number_is_taken_and_can_become_the_first(browser, api, bo, acme, sales, twin, inside):
    with inside(acme):
        merging.merge_contacts(sales.contact, twin, by=bo)
    found = api(bo).get("/api/contacts", {"search": twin.phone}).json()["results"]
    assert [each["id"] for each in found] == [str(sales.contact.pk)]
    taken = api(bo).post("/api/contacts", {"phone": twin.phone})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "duplicate")

    browser(bo).post(address(sales.contact, "numbers/"), {"phone": twin.phone})

    with inside(acme):
        assert sales.room.contacts.get().phone == twin.phone
        assert sales.contact.addresses.get(is_primary=False).address == sales.contact.phone
    browser(bo).post(address(sales.contact, "numbers/"), {"phone": sales.contact.phone, "forget": "1"})
    with inside(acme):
        assert sales.contact.addresses.get().address == twin.phone
    assert api(bo).post("/api/contacts", {"phone": sales.contact.phone}).status_code == 201


def test_a_name_that_people_wrote_wins(bo, acme, sales, twin, inside):
    with inside(acme):
        Contact.objects.filter(pk=sales.contact.pk).update(name_source="provider")
        Contact.objects.filter(pk=twin.pk).update(name_source="staff", first_name="Nina", last_name="O.")
        sales.contact.refresh_from_db(), twin.refresh_from_db()
        looked = merging.preview_merge(sales.contact, twin)
        merging.merge_contacts(sales.contact, twin, by=bo)
        kept = sales.room.contacts.get()
    assert (looked.filled["name"], looked.lost["name"]) == ("Nina O.", "Nina Okafor")
    assert (kept.last_name, kept.name_source) == ("O.", "staff")


def test_a_contact_that_is_gone_meanwhile_is_told(bo, acme, sales, twin, inside):
    with inside(acme):
        merging.merge_contacts(sales.contact, twin, by=bo)
        with pytest.raises(merging.AlreadyGone, match="no longer exists"):
            merging.merge_contacts(sales.contact, twin, by=bo)
        assert ContactActivity.objects.filter(kind="merged").count() == 1


def test_a_merge_knows_every_table_that_points_at_contacts():
    """A new one has to be thought of: its rows move, or the database refuses the merge."""
    pointing = {relation.related_model._meta.db_table for relation in Contact._meta.related_objects}
    assert pointing == {
        "conversations", "messages", "contact_activities", "group_members", "contact_addresses", "groups",
    }  # fmt: skip
