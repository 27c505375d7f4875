"""Networks write one number in several forms: they are one person, and one STOP counts for all of them."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from chatrooms import groups, phones
from chatrooms.models import Contact
from integrations.events import InboundMessage
from messagehub import tenancy
from messaging.campaigns import feed, lifecycle
from messaging.receiving import arrivals
from messaging.sending import delivery
from tests import factories

pytestmark = pytest.mark.django_db
MEXICO = ("+5215512345678", "+525512345678")
ARGENTINA = ("+5491123456789", "+541123456789")
BRAZIL = ("+5511987654321", "+551187654321")
PAIRS = [pair for each in (MEXICO, ARGENTINA, BRAZIL) for pair in (each, each[::-1])]


@pytest.mark.parametrize(("form", "other"), PAIRS)
def test_every_form_of_a_number_is_known(form, other):
    assert phones.list_forms(form) == [form, other]


@pytest.mark.parametrize(
    "phone",
    ["+14155942380", "+551134567890", "+5511934567890", "72345", "SUPPORT", "", "+52155123456789", "+5512"],
)
def test_other_numbers_have_one_form(phone):
    """A Brazilian landline begins with 2 to 5 and never had a ninth digit."""
    assert phones.list_forms(phone) == [phone]


def test_old_form_is_accepted_from_people(bo, api):
    made = api(bo).post("/api/contacts", {"phone": "+52 1 55 1234 5678"})
    assert (made.status_code, made.json().get("phone")) == (201, "+525512345678")


def receive(acme, sales, phone: str, text: str) -> None:
    with tenancy.system():
        account = sales.number.account.external_id
        arrivals.receive_messages(
            [InboundMessage(account, f"SM{uuid4().hex}", phone, sales.number.address, text, datetime.now(UTC))]
        )


@pytest.fixture
def contact_with(acme, sales, inside):
    def build(phone: str) -> Contact:
        with inside(acme):
            return factories.ContactFactory(chatroom=sales.room, phone=phone)

    return build


def send(client, contact):
    return client.post("/api/messages/send", {"contact_id": str(contact.pk), "content": "Hi"})


@pytest.mark.parametrize(("form", "other"), PAIRS)
def test_opt_out_counts_for_every_form(acme, sales, bo, rich, api, contact_with, form, other):
    contact = contact_with(form)
    receive(acme, sales, other, "STOP")

    refused = send(api(bo), contact)

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "opted_out")
    assert api(bo).get(f"/api/contacts/{contact.pk}").json()["consent"] == "opted_out"


def test_newest_word_of_all_forms_holds(acme, sales, bo, rich, api, contact_with):
    contact = contact_with(MEXICO[1])
    receive(acme, sales, MEXICO[1], "STOP")
    receive(acme, sales, MEXICO[0], "START")
    assert send(api(bo), contact).status_code == 201
    receive(acme, sales, MEXICO[0], "STOP")
    assert send(api(bo), contact).status_code == 409


def test_opt_out_by_another_form_stops_what_is_queued(acme, sales, bo, rich, api, contact_with):
    contact = contact_with(BRAZIL[0])
    message = send(api(bo), contact).json()["message"]
    receive(acme, sales, BRAZIL[1], "STOP")
    assert delivery.claim_messages(10) == []
    shown = api(bo).get(f"/api/messages/{message['id']}").json()
    assert (shown["status"], shown["error"]["code"]) == ("failed", "opted_out")


def test_opt_out_by_another_form_counts_in_campaigns(acme, sales, rich, inside, contact_with):
    contact = contact_with(ARGENTINA[0])
    receive(acme, sales, ARGENTINA[1], "STOP")
    with inside(acme):
        group = groups.create_group(sales.room, "Crowd")
        groups.add_members(group, [contact])
        campaign = lifecycle.create_campaign(
            sales.room, name="Spring", content="Hi", channel=sales.number, groups=[group], by=rich
        )
        lifecycle.start_campaign(campaign, by=rich)
    feed.feed_campaigns()
    with inside(acme):
        assert campaign.recipients.get().reason_code == "opted_out"


@pytest.mark.parametrize(("form", "other"), [MEXICO, ARGENTINA, BRAZIL])
def test_campaign_writes_once_to_two_forms_of_a_number(acme, sales, rich, inside, contact_with, form, other):
    first, second = contact_with(form), contact_with(other)
    with inside(acme):
        group = groups.create_group(sales.room, "Crowd")
        groups.add_members(group, [first, second])
        campaign = lifecycle.create_campaign(
            sales.room, name="Spring", content="Hi", channel=sales.number, groups=[group], by=rich
        )
        lifecycle.start_campaign(campaign, by=rich)
    feed.feed_campaigns()
    with inside(acme):
        outcomes = list(campaign.recipients.order_by("contact_id").values_list("outcome", "reason_code"))
        assert outcomes == [("messaged", ""), ("skipped", "same_number")]
        assert campaign.messages.count() == 1


@pytest.mark.parametrize(("form", "other"), [MEXICO, ARGENTINA, BRAZIL])
def test_contacts_with_forms_of_one_number_are_suggested_for_merging(
    acme, sales, support, bo, browser, contact_with, inside, form, other
):
    contact = contact_with(form)
    receive(acme, sales, other, "Hello")
    with inside(acme):
        double = Contact.objects.get(phone=other)
        factories.ContactFactory(chatroom=support.room, phone=other)
    for one, another in ((contact, double), (double, contact)):
        page = browser(bo).get(f"/contacts/{one.pk}/").content.decode()
        assert "Same number" in page
        assert f"/contacts/{one.pk}/merge/{another.pk}/" in page
    assert (
        f"/contacts/{contact.pk}/merge/{double.pk}/"
        in browser(bo).get(f"/contacts/{contact.pk}/merge/").content.decode()
    )
    assert "Same number" not in browser(bo).get(f"/contacts/{sales.contact.pk}/").content.decode()


def test_suggestion_stands_beside_the_thread(acme, sales, bo, browser, contact_with, inside):
    contact = contact_with(MEXICO[0])
    receive(acme, sales, MEXICO[1], "Hello")
    with inside(acme):
        double = Contact.objects.get(phone=MEXICO[1])
        conversation = double.conversations.get()
    page = browser(bo).get(f"/inbox/{conversation.pk}/").content.decode()
    assert f"/contacts/{double.pk}/merge/{contact.pk}/" in page
