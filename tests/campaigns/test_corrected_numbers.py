"""A corrected number counts for everything that has not gone out; a merge keeps the number that was written to."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chatrooms.models import Contact
from messaging.campaigns import feed
from messaging.consent import entries
from messaging.contacts import merging
from messaging.models import CampaignRecipient, Message
from messaging.sending import delivery, sweeping
from tests import factories

pytestmark = pytest.mark.django_db
WRONG, RIGHT = "+15554007777", "+15554008888"


@pytest.fixture(autouse=True)
def wrong_number(acme, sales, inside) -> None:
    with inside(acme):
        Contact.objects.filter(pk=sales.contact.pk).update(phone=WRONG)


def correct(client, contact, phone: str = RIGHT) -> None:
    answer = client.patch(f"/api/contacts/{contact.pk}", {"phone": phone})
    assert answer.status_code == 200, answer.content


def claim_addresses() -> list[str]:
    return [claimed.text.to_address for claimed in delivery.claim_messages(10)]


def send(client, sales, **values) -> None:
    answer = client.post(
        "/api/messages/send", {"conversation_id": str(sales.conversation.pk), "content": "Hi", **values}
    )
    assert answer.status_code == 201, answer.content


def test_edit_readdresses_what_is_queued(acme, sales, bo, rich, api):
    send(api(bo), sales)
    correct(api(bo), sales.contact)
    assert claim_addresses() == [RIGHT]


def test_edit_readdresses_what_is_scheduled(acme, sales, bo, rich, api, inside):
    send(api(bo), sales, send_at=(timezone.now() + timedelta(hours=1)).isoformat())
    correct(api(bo), sales.contact)
    with inside(acme):
        Message.objects.filter(status="scheduled").update(send_at=timezone.now())
    sweeping.sweep_overdue()
    assert claim_addresses() == [RIGHT]


def test_edit_on_the_page_readdresses_too(acme, sales, bo, rich, api, browser):
    send(api(bo), sales)
    form = {"first_name": "Nina", "last_name": "Okafor", "phone": RIGHT, "email": ""}
    assert browser(bo).post(f"/contacts/{sales.contact.pk}/edit/", form).status_code in (200, 302)
    assert claim_addresses() == [RIGHT]


def test_edit_leaves_what_has_gone_out(acme, sales, bo, rich, api, inside):
    send(api(bo), sales)
    assert claim_addresses() == [WRONG]
    correct(api(bo), sales.contact)
    with inside(acme):
        assert Message.objects.get(direction="outbound").to_address == WRONG


def test_opt_out_of_the_new_number_counts_for_what_waits(acme, sales, bo, rich, api, inside):
    with inside(acme):
        entries.record_provider_opt_out(acme.organization.pk, sales.number.pk, RIGHT, message_id=None, text="STOP")
    send(api(bo), sales)
    correct(api(bo), sales.contact)
    assert claim_addresses() == []
    with inside(acme):
        assert Message.objects.get(direction="outbound").error_code == "opted_out"


def test_edit_readdresses_the_recipients_of_a_campaign(acme, sales, rich, crowd, draft, do, api, inside, counts):
    group = crowd(0)
    with inside(acme):
        group.contacts.add(sales.contact, through_defaults={"organization_id": acme.organization.pk})
    campaign = draft(group)
    do("start", campaign)
    correct(api(rich), sales.contact)
    feed.feed_campaigns()
    assert claim_addresses() == [RIGHT]
    assert counts(campaign) == {"sending": 1}


def test_recipient_whose_new_number_is_in_the_campaign_already_is_left_out(
    acme, sales, rich, crowd, draft, do, api, inside, counts
):
    group = crowd(0)
    with inside(acme):
        other = factories.ContactFactory(chatroom=sales.room, phone=RIGHT)
        for contact in (sales.contact, other):
            group.contacts.add(contact, through_defaults={"organization_id": acme.organization.pk})
    campaign = draft(group)
    do("start", campaign)
    with inside(acme):  # the other recipient was deleted since, so that the number is free
        CampaignRecipient.objects.filter(contact=other).update(contact=None)
        other.memberships.all().delete()
        Contact.objects.filter(pk=other.pk).delete()
    correct(api(rich), sales.contact)
    with inside(acme):
        recipient = CampaignRecipient.objects.get(contact=sales.contact)
        assert (recipient.outcome, recipient.reason_code) == ("skipped", "same_number")
        assert "another recipient" in recipient.reason.lower()


def test_merge_keeps_the_number_that_was_written_to(acme, sales, bo, rich, api, inside):
    send(api(bo), sales)
    with inside(acme):
        kept = factories.ContactFactory(chatroom=sales.room)
        merging.merge_contacts(kept, sales.contact, by=bo)
    assert claim_addresses() == [WRONG]


def test_making_a_further_number_the_own_one_readdresses(acme, sales, bo, rich, api, browser, inside):
    with inside(acme):
        sales.contact.addresses.create(organization=acme.organization, chatroom=sales.room, address=RIGHT)
    send(api(bo), sales)
    browser(bo).post(f"/contacts/{sales.contact.pk}/numbers/", {"phone": RIGHT})
    assert claim_addresses() == [RIGHT]
