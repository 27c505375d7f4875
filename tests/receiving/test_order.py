"""The order of what came in is the order in which it came, however it is stored, claimed and processed."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.conf import settings
from twilio.request_validator import RequestValidator

from integrations.events import Echo, InboundMessage
from integrations.models import WebhookEvent
from integrations.webhooks import Intake
from messagehub import tenancy
from messaging.consent import entries
from messaging.models import Campaign, ConsentEntry, Conversation, Message
from messaging.receiving import arrivals, ingest
from tests import factories
from tests.cast import create_tenant

PATH = "/api/webhooks/twilio/messages"
NUMBER, PHONE = "+15550100100", "+15553330001"
TOKEN = "0" * 32


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", NUMBER, auth_token=TOKEN)


def build_form(body: str, **fields) -> dict:
    # A provider's ids say nothing about order.
    return {
        "MessageSid": f"SM{uuid4().hex}", "AccountSid": "ACacme", "From": PHONE, "To": NUMBER, "Body": body, **fields,
    }  # fmt: skip


def store(*bodies: str) -> None:
    """The webhooks of one batch, as the intake stores them."""
    with tenancy.system():
        for body in bodies:
            form = build_form(body)
            WebhookEvent.objects.create(
                source="twilio.message", account="ACacme", dedupe_key=form["MessageSid"], body=urlencode(form).encode()
            )
        WebhookEvent.objects.update(created_at=datetime.now(UTC))


async def post_at_once(bodies: list[str]) -> list[int]:
    """The answers to webhooks that begin in this order and wait for each other at nothing."""
    intake = Intake()
    await intake.startup()
    validator = RequestValidator(TOKEN)

    async def post(form: dict) -> int:
        signature = validator.compute_signature(settings.PUBLIC_BASE_URL + PATH, form)
        scope = {
            "type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
            "headers": [(b"x-twilio-signature", signature.encode())],
        }  # fmt: skip

        async def receive() -> dict:
            for _ in range(random.randrange(5)):  # bodies arrive as they like
                await asyncio.sleep(0)
            return {"type": "http.request", "body": urlencode(form).encode()}

        return (await intake.answer(scope, receive)).status

    try:
        return await asyncio.gather(*(post(build_form(body)) for body in bodies))
    finally:
        await intake.shutdown()


def read_thread(acme: dict) -> list[str]:
    with tenancy.organization(acme["organization"].pk):
        messages = Message.objects.filter(direction="inbound").order_by("occurred_at", "id")
        conversation = Conversation.objects.select_related("last_message").get(contact__phone=PHONE)
        contents = [message.content for message in messages]
        assert conversation.last_message.content == contents[-1]
        return contents


BODIES = [str(n) for n in range(30)]


@pytest.mark.django_db(transaction=True)
def test_webhooks_of_one_moment_keep_the_order_of_their_arrival():
    acme = create_tenant("acme", NUMBER, auth_token=TOKEN)

    assert asyncio.run(post_at_once(BODIES)) == [200] * len(BODIES)

    ingest.drain_webhooks()
    assert read_thread(acme) == BODIES


@pytest.mark.django_db
def test_webhooks_of_one_batch_with_one_time_keep_their_order(acme):
    store(*BODIES)
    ingest.drain_webhooks()
    assert read_thread(acme) == BODIES


@pytest.mark.django_db
@pytest.mark.parametrize(("words", "out"), [(["STOP", "START"] * 10, False), (["START", "STOP"] * 10, True)])
def test_last_word_of_a_batch_is_the_consent_that_holds(acme, words, out):
    store(*words)
    ingest.drain_webhooks()
    with tenancy.organization(acme["organization"].pk):
        assert (entries.find_opt_out(acme["number"].pk, PHONE) is not None) == out


def receive(text: str, at: datetime) -> None:
    with tenancy.system():
        arrivals.receive_messages([InboundMessage("ACacme", f"SM{uuid4().hex}", PHONE, NUMBER, text, at)])


@pytest.mark.django_db
@pytest.mark.parametrize("missed", ["STOP", "START"])
def test_a_keyword_that_is_fetched_late_does_not_outlast_a_newer_one(acme, missed):
    now = datetime.now(UTC)
    newer = "START" if missed == "STOP" else "STOP"
    receive(newer, now - timedelta(hours=3))
    receive(newer, now - timedelta(hours=1))
    receive(missed, now - timedelta(hours=2))
    with tenancy.organization(acme["organization"].pk):
        assert (entries.find_opt_out(acme["number"].pk, PHONE) is not None) == (newer == "STOP")


@pytest.mark.django_db
def test_consent_shows_when_it_was_said(acme):
    at = datetime.now(UTC) - timedelta(days=2)
    receive("STOP", at)
    with tenancy.organization(acme["organization"].pk):
        assert ConsentEntry.objects.get().created_at == at


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("lines", "since"),
    [
        ("in 3, in 1, in 2", 1),  # the older one comes later
        ("in 5, out 7, in 6", None),  # it was written before the answer
        ("in 5, out 7, in 9, in 6", 9),
        ("in 5, out 7, in 6, in 8", 8),
        ("in 5, in 9, echo 7", 9),
        ("in 5, in 8, in 9, echo 7", 8),
        ("in 5, in 9, echo 10, echo 7", None),
        ("in 5, campaign 7, in 6", 5),  # answers nobody
    ],
)
def test_waiting_begins_with_what_was_written_first_after_the_last_answer(acme, lines: str, since: int | None):
    begin = datetime.now(UTC) - timedelta(hours=12)
    organization = acme["organization"]
    receive("Before all", begin)
    with tenancy.organization(organization.pk):
        conversation = Conversation.objects.get(contact__phone=PHONE)
        campaign = Campaign.objects.create(
            organization=organization, chatroom=conversation.chatroom, channel=acme["number"], name="News", content="Hi"
        )
        factories.MessageFactory(conversation=conversation, direction="outbound", status="sent", occurred_at=begin)
        Conversation.objects.filter(pk=conversation.pk).update(waiting_since=None)
    for kind, hour in (line.split() for line in lines.split(", ")):
        at = begin + timedelta(hours=int(hour))
        if kind == "in":
            receive(f"At {hour}", at)
        elif kind == "echo":
            with tenancy.system():
                arrivals.receive_messages([Echo("SMS", NUMBER, PHONE, uuid4().hex, "Here", at)])
        else:
            values = {"campaign": campaign} if kind == "campaign" else {}
            with tenancy.organization(organization.pk):
                factories.MessageFactory(
                    conversation=conversation, direction="outbound", status="sent", occurred_at=at, **values
                )
                if kind == "out":
                    Conversation.objects.filter(pk=conversation.pk).update(waiting_since=None)
    with tenancy.organization(organization.pk):
        conversation.refresh_from_db()
    assert conversation.waiting_since == (None if since is None else begin + timedelta(hours=since))
