"""Draining the webhooks: once each, in one go, and a bad one stops only itself."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from uuid_utils.compat import uuid7

from chatrooms.models import Contact, ContactActivity
from integrations.events import Accepted
from integrations.models import WebhookEvent
from messagehub import tenancy
from messaging.models import Attachment, Conversation, Event, Message
from messaging.receiving import ingest
from messaging.sending import delivery
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


def store(source: str = "twilio.message", account: str | None = None, **fields) -> WebhookEvent:
    """An event as the intake stores it, whose signature was the account's."""
    fields = {
        "MessageSid": f"SM{uuid7().hex}",
        "AccountSid": "ACacme",
        "From": "+15553330001",
        "To": "+15550100100",
        "Body": "Hi",
        **fields,
    }
    account = fields["AccountSid"] if account is None else account
    with tenancy.system():
        return WebhookEvent.objects.create(
            source=source, account=account, dedupe_key=str(uuid7()), body=urlencode(fields).encode()
        )


def state(event: WebhookEvent) -> tuple[str, int]:
    with tenancy.system():
        event.refresh_from_db()
    return event.state, event.attempts


def inbound():
    return Message.objects.filter(direction="inbound").order_by("occurred_at", "id")


def test_a_batch_becomes_contacts_conversations_messages_and_events(acme):
    events = [store(From=f"+1555333000{n % 3}", Body=str(n)) for n in range(9)]

    assert ingest.drain_webhooks() == 9

    assert {state(event) for event in events} == {("processed", 0)}
    with tenancy.organization(acme["organization"].pk):
        assert [message.content for message in inbound()] == [str(n) for n in range(9)]
        assert Contact.objects.filter(phone__startswith="+1555333").count() == 3
        for conversation in Conversation.objects.filter(contact__phone__startswith="+1555333"):
            assert conversation.inbound_count == 3
            assert conversation.last_message.content in "678"
            assert conversation.contact.last_activity_at == conversation.last_message_at
            kinds = conversation.contact.activities.values_list("kind", flat=True)
            assert sorted(kinds) == ["conversation_opened", "created"]
        assert Event.objects.filter(type="message.created").count() == 10  # and the one that create_tenant sent


def test_the_same_message_in_one_batch_and_in_a_later_one_is_one_message(acme):
    store(MessageSid="SMsame"), store(MessageSid="SMsame")
    ingest.drain_webhooks()
    store(MessageSid="SMsame")
    ingest.drain_webhooks()
    with tenancy.organization(acme["organization"].pk):
        assert inbound().count() == 1
        assert Conversation.objects.get(contact__phone="+15553330001").inbound_count == 1
        assert Event.objects.filter(type="message.created").count() == 2


def test_messages_of_several_organizations_in_one_batch_stay_apart(acme):
    globex = create_tenant("globex", "+15550200200")
    for n in range(4):
        store(Body=f"acme {n}")
        store(Body=f"globex {n}", To="+15550200200", AccountSid="ACglobex")
    ingest.drain_webhooks()
    for tenant, name in ((acme, "acme"), (globex, "globex")):
        with tenancy.organization(tenant["organization"].pk):
            assert [message.content for message in inbound()] == [f"{name} {n}" for n in range(4)]


def test_one_bad_event_stops_only_itself_is_kept_and_can_be_processed_again(acme, monkeypatch):
    good, bad, other = store(), store(To="+15550999999"), store(From="+15553330002")

    assert ingest.drain_webhooks() == 3

    assert (state(good), state(other)) == (("processed", 0), ("processed", 0))
    assert state(bad) == ("waiting", 1)
    assert "No organization owns this number" in bad.error
    assert ingest.process_events([bad.pk]) == 0
    with tenancy.organization(acme["organization"].pk):
        number = acme["number"]
        number.address = "+15550999999"
        number.save()
    assert ingest.process_events([bad.pk]) == 1
    assert state(bad) == ("processed", 0)


def test_an_event_that_keeps_failing_is_given_up_and_kept(acme):
    bad = store(To="+15550999999")
    for _ in range(WebhookEvent.MOST_ATTEMPTS):
        with tenancy.system():
            WebhookEvent.objects.update(try_again_at=None)
        ingest.drain_webhooks()
    assert state(bad) == ("failed", 8)
    assert ingest.drain_webhooks() == 0


def test_what_can_not_be_read_is_set_aside(acme):
    unread = store(MessageSid="")
    ingest.drain_webhooks()
    assert state(unread)[0] == "quarantined"
    assert "MessageSid" in unread.quarantined


def test_only_the_account_that_was_verified_counts_for_a_message(acme):
    create_tenant("globex", "+15550200200")
    lie = store(account="ACglobex", AccountSid="ACacme")
    ingest.drain_webhooks()
    assert state(lie) == ("waiting", 1)
    with tenancy.organization(acme["organization"].pk):
        assert not inbound().exists()


def test_only_the_account_that_was_verified_counts_for_a_status(acme):
    create_tenant("globex", "+15550200200")
    (claimed,) = (each for each in delivery.claim_messages(10) if each.text.message_id == acme["message"].pk)
    delivery.settle_outcomes([(claimed, Accepted("SMacme", 1))])
    report = {"source": "twilio.status", "MessageSid": "SMacme", "MessageStatus": "undelivered", "ErrorCode": "30002"}
    lie = store(account="ACglobex", **report)
    ingest.drain_webhooks()
    assert state(lie) == ("waiting", 1)
    truth = store(account="ACacme", **report, AccountSid="ACglobex")

    def sent():
        with tenancy.organization(acme["organization"].pk):
            return Message.objects.get(pk=acme["message"].pk).status

    assert sent() == "accepted"
    ingest.drain_webhooks()
    assert state(truth) == ("processed", 0)
    assert sent() == "undelivered"


def test_what_nobody_was_verified_for_is_set_aside(acme):
    unknown = store(account="")
    ingest.drain_webhooks()
    assert state(unknown)[0] == "quarantined"
    assert "No account was verified" in unknown.quarantined


@pytest.mark.parametrize("twice", [{"AccountSid": "ACglobex"}, {"accountsid": "ACglobex"}, {"Message\0Sid": "SM2"}])
def test_a_body_that_can_be_read_in_two_ways_is_set_aside(acme, twice):
    event = store()
    with tenancy.system():
        WebhookEvent.objects.filter(pk=event.pk).update(body=bytes(event.body) + b"&" + urlencode(twice).encode())
    ingest.drain_webhooks()
    assert state(event)[0] == "quarantined"


@pytest.mark.parametrize("status", ["SNOOZED", "PENDING"])
def test_a_new_message_opens_a_sleeping_conversation(acme, status: str):
    store()
    ingest.drain_webhooks()
    with tenancy.organization(acme["organization"].pk):
        Conversation.objects.update(
            status=status, snoozed_until=timezone.now() + timedelta(hours=1) if status == "SNOOZED" else None
        )
    store()
    ingest.drain_webhooks()
    with tenancy.organization(acme["organization"].pk):
        assert Conversation.objects.get(contact__phone="+15553330001").status == "OPEN"


def test_a_new_message_after_a_closed_conversation_opens_another(acme):
    store()
    ingest.drain_webhooks()
    with tenancy.organization(acme["organization"].pk):
        Conversation.objects.update(status="CLOSED")
    store()
    ingest.drain_webhooks()
    with tenancy.organization(acme["organization"].pk):
        found = Conversation.objects.filter(contact__phone="+15553330001").order_by("id")
        assert [conversation.status for conversation in found] == ["CLOSED", "OPEN"]


def test_media_are_attached_in_their_order(acme):
    store(
        Body="",
        NumMedia="2",
        MediaUrl0="https://api.twilio.com/1",
        MediaContentType0="image/png",
        MediaUrl1="https://api.twilio.com/2",
        MediaContentType1="application/pdf",
    )
    ingest.drain_webhooks()
    with tenancy.organization(acme["organization"].pk):
        assert list(Attachment.objects.order_by("position").values_list("content_type", flat=True)) == [
            "image/png",
            "application/pdf",
        ]


def test_the_number_of_statements_does_not_grow_with_the_batch(acme, django_assert_max_num_queries):
    for n in range(50):
        store(From=f"+1555444{n:04d}")
    with django_assert_max_num_queries(30):
        ingest.drain_webhooks()
    with tenancy.organization(acme["organization"].pk):
        assert inbound().count() == 50
        assert ContactActivity.objects.filter(kind="created").count() == 51
