"""What a blocked contact writes is kept, and disturbs nobody."""

from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.utils import timezone

from chatrooms.models import Contact
from integrations.models import Channel, WebhookEvent
from messagehub import tenancy
from messaging.models import ConsentEntry, Conversation, Event, Message
from messaging.receiving import ingest
from tests import factories
from tokens import proof

pytestmark = pytest.mark.django_db


def store(number: Channel, phone: str, body: str) -> None:
    with tenancy.system():
        account = Channel.objects.get(pk=number.pk).account.external_id
        form = {"MessageSid": f"SM{uuid4().hex}", "From": phone, "To": number.address, "Body": body}
        WebhookEvent.objects.create(
            source="twilio.message", account=account, dedupe_key=form["MessageSid"], body=urlencode(form).encode()
        )


@pytest.fixture
def blocked(acme, sales, inside) -> Contact:
    """A contact of Sales who is blocked and has no conversation yet."""
    with inside(acme):
        return factories.ContactFactory(chatroom=sales.room, blocked_at=timezone.now())


def test_text_of_a_blocked_contact_is_stored_closed_and_silent(acme, sales, blocked, bo, api, inside):
    with inside(acme):
        before = Event.objects.count()
    unread = api(bo).get("/api/chatrooms").json()["results"][0]["unread_count"]
    broken = {each.invariant for each in proof.find_broken()}

    for text in ("First", "Second"):
        store(sales.number, blocked.phone, text)
        ingest.drain_webhooks()

    with inside(acme):
        conversation = Conversation.objects.get(contact=blocked)
        assert (conversation.status, conversation.inbound_count, conversation.waiting_since) == ("CLOSED", 2, None)
        assert list(conversation.messages.order_by("occurred_at").values_list("content", flat=True)) == [
            "First",
            "Second",
        ]
        assert conversation.last_message.content == "Second"
        assert Event.objects.count() == before
    assert api(bo).get("/api/chatrooms").json()["results"][0]["unread_count"] == unread
    assert {each.invariant for each in proof.find_broken()} == broken
    shown = api(bo).get("/api/conversations?status=OPEN").json()["results"]
    assert str(conversation.pk) not in [row["id"] for row in shown]


def test_it_is_visible_on_the_contacts_page(acme, sales, blocked, bo, browser):
    store(sales.number, blocked.phone, "Please let me in")
    ingest.drain_webhooks()
    assert "Please let me in" in browser(bo).get(f"/contacts/{blocked.pk}/").content.decode()


def test_an_open_conversation_of_a_blocked_contact_does_not_move(acme, sales, bo, api, inside):
    api(bo).patch(f"/api/conversations/{sales.conversation.pk}", {"status": "PENDING"})
    api(bo).patch(f"/api/contacts/{sales.contact.pk}", {"blocked": True})
    before = api(bo).get(f"/api/conversations/{sales.conversation.pk}").json()

    store(sales.number, sales.contact.phone, "Still here")
    ingest.drain_webhooks()

    assert api(bo).get(f"/api/conversations/{sales.conversation.pk}").json() == before
    with inside(acme):
        assert Message.objects.get(content="Still here").conversation.status == "CLOSED"


def test_blocked_and_others_in_one_batch(acme, sales, blocked, bo, inside):
    for n in range(3):
        store(sales.number, blocked.phone, f"blocked {n}")
        store(sales.number, sales.contact.phone, f"welcome {n}")
    assert ingest.drain_webhooks() == 6
    with inside(acme):
        welcome = Conversation.objects.get(pk=sales.conversation.pk)
        assert (welcome.inbound_count, welcome.last_message.content) == (3, "welcome 2")
        assert Conversation.objects.get(contact=blocked).messages.count() == 3


def test_stop_of_a_blocked_contact_counts(acme, sales, blocked, inside):
    store(sales.number, blocked.phone, "STOP")
    ingest.drain_webhooks()
    with inside(acme):
        assert ConsentEntry.objects.get().kind == "opt_out"


def test_after_unblocking_a_text_opens_a_conversation(acme, sales, blocked, bo, api, inside):
    store(sales.number, blocked.phone, "Hello?")
    ingest.drain_webhooks()
    api(bo).patch(f"/api/contacts/{blocked.pk}", {"blocked": False})
    store(sales.number, blocked.phone, "Thanks")
    ingest.drain_webhooks()
    with inside(acme):
        states = Conversation.objects.filter(contact=blocked).order_by("pk").values_list("status", "inbound_count")
        assert list(states) == [("CLOSED", 1), ("OPEN", 1)]
