"""The order of what came in is the order in which it came, however it is stored, claimed and processed."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.conf import settings
from twilio.request_validator import RequestValidator

from integrations.events import InboundMessage
from integrations.models import WebhookEvent
from integrations.webhooks import Intake
from messagehub import tenancy
from messaging.models import ConsentEntry, Conversation, Message
from messaging.receiving import arrivals, ingest
from messaging.sending import consent
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
        assert (consent.find_opt_out(acme["number"].pk, PHONE) is not None) == out


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
        assert (consent.find_opt_out(acme["number"].pk, PHONE) is not None) == (newer == "STOP")


@pytest.mark.django_db
def test_consent_shows_when_it_was_said(acme):
    at = datetime.now(UTC) - timedelta(days=2)
    receive("STOP", at)
    with tenancy.organization(acme["organization"].pk):
        assert ConsentEntry.objects.get().created_at == at
