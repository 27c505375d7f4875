"""What Twilio lists, over HTTP from the sandbox: gaps in what came in, both sides of the proof, and who is right."""

from datetime import timedelta
from io import StringIO
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from twilio.rest import Client

from integrations import health
from integrations.events import StatusUpdate
from integrations.models import TwilioAccount, WebhookEvent
from messagehub import tenancy
from messaging.consent import entries
from messaging.models import Attachment, Conversation, Message
from messaging.receiving import backfill, ingest
from messaging.sending import delivery, delivery_reports, reconciliation
from tests.cast import create_tenant
from tests.sandbox_server import SandboxServer, sandbox_server
from tokens import proof

pytestmark = pytest.mark.django_db
ACCOUNT, TOKEN, OURS, CUSTOMER = "AC" + "b" * 32, "e" * 32, "+15550100100", "+15550109999"


@pytest.fixture
def sandbox(tmp_path):
    with sandbox_server(tmp_path) as server:
        server.add_account(ACCOUNT, TOKEN)
        server.add_number(ACCOUNT, OURS)
        yield server


@pytest.fixture
def acme(db, sandbox: SandboxServer, settings) -> dict:
    settings.TWILIO_API_BASE_URL = sandbox.base_url
    return create_tenant("acme", OURS, account_sid=ACCOUNT, auth_token=TOKEN)


def texts(acme: dict) -> list[str]:
    with tenancy.organization(acme["organization"].pk):
        inbound = Message.objects.filter(direction="inbound").order_by("occurred_at", "pk")
        return list(inbound.values_list("content", flat=True))


def unheard(sandbox: SandboxServer, body: str, **more) -> str:
    """Somebody writes, and Twilio's webhook never reaches us. Returns the provider's id."""
    return sandbox.post(f"/phones/{CUSTOMER}/messages", to=OURS, body=body, webhook=False, **more)["sid"]


def hear(provider_id: str, body: str) -> None:
    """The webhook of what somebody wrote reaches us now after all, and is stored."""
    form = {"MessageSid": provider_id, "AccountSid": ACCOUNT, "From": CUSTOMER, "To": OURS, "Body": body}
    with tenancy.system():
        WebhookEvent.objects.create(
            source="twilio.message",
            account=ACCOUNT,
            dedupe_key=f"{ACCOUNT}:{provider_id}",
            body=urlencode(form).encode(),
        )


# ---------------------------------------------------------------- gaps
def test_what_came_in_unheard_is_taken_in_once(acme, sandbox):
    for number in range(20):
        unheard(sandbox, f"Text {number}")
    assert backfill.backfill_inbound() == 20
    assert backfill.backfill_inbound() == 0
    assert texts(acme) == [f"Text {number}" for number in range(20)]
    with tenancy.organization(acme["organization"].pk):
        conversation = Conversation.objects.get(contact__phone=CUSTOMER)
        assert conversation.inbound_count == 20
    assert list(proof.find_broken()) == []


def test_a_gap_among_messages_that_were_heard_is_found(acme, sandbox):
    unheard(sandbox, "Heard")
    backfill.backfill_inbound()
    unheard(sandbox, "Not heard")
    assert backfill.backfill_inbound() == 1
    assert texts(acme) == ["Heard", "Not heard"]


def test_a_start_that_was_not_heard_stands_after_the_stop_that_was(acme, sandbox):
    """Twilio's time of the second is the second in which it came, which is before the first was heard."""
    stop, _ = unheard(sandbox, "STOP"), unheard(sandbox, "START")
    hear(stop, "STOP")
    assert ingest.drain_webhooks() == 1
    assert backfill.backfill_inbound() == 1
    assert texts(acme) == ["STOP", "START"]
    with tenancy.organization(acme["organization"].pk):
        assert entries.find_opt_out(acme["number"].pk, CUSTOMER) is None


def test_what_is_stored_and_waits_for_its_turn_is_left_to_it(acme, sandbox):
    """Taken from the list, the second would have an earlier time than the first has by its webhook."""
    first, second = unheard(sandbox, "First"), unheard(sandbox, "Second")
    hear(first, "First")
    hear(second, "Second")
    assert backfill.backfill_inbound() == 0
    assert ingest.drain_webhooks() == 2
    assert texts(acme) == ["First", "Second"]


def test_pictures_come_along(acme, sandbox):
    unheard(sandbox, "Look", media=["https://example.com/cat.jpg"])
    assert backfill.backfill_inbound() == 1
    with tenancy.organization(acme["organization"].pk):
        assert Attachment.objects.get().source_url.startswith("https://api.twilio.com/2010-04-01/Accounts/")


def test_while_twilio_is_away_nothing_is_claimed_to_be_whole(acme, sandbox):
    unheard(sandbox, "Later")
    sandbox.kill()
    assert backfill.backfill_inbound() == 0
    assert texts(acme) == []


# ---------------------------------------------------------------- reconcile --prove
def prove() -> str:
    out = StringIO()
    call_command("reconcile", "--prove", "--until", "0", stdout=out)
    return out.getvalue()


def send_at_provider(sandbox: SandboxServer, body: str) -> str:
    client = Client(ACCOUNT, TOKEN)
    client.api.base_url = sandbox.base_url
    return client.messages.create(to=CUSTOMER, from_=OURS, body=body).sid


def is_ours(acme: dict, sid: str) -> None:
    with tenancy.organization(acme["organization"].pk):
        Message.objects.filter(pk=acme["message"].pk).update(provider_id=sid, status="accepted")


def test_both_sides_agree(acme, sandbox):
    is_ours(acme, send_at_provider(sandbox, "Hello"))
    unheard(sandbox, "An inbound one is none of ours")
    assert "Every message matches the provider's list." in prove()


def test_one_that_only_the_provider_has_is_named(acme, sandbox):
    sid = send_at_provider(sandbox, "Nobody here sent this")
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("reconcile", "--prove", "--until", "0", stdout=out)
    assert f"1 there and not here: {sid}" in out.getvalue()


def test_one_that_only_we_have_is_named(acme, sandbox):
    is_ours(acme, "SMnever")
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("reconcile", "--prove", "--hours", "1", "--until", "0", stdout=out)
    assert "1 here and not there: SMnever" in out.getvalue()


def test_nothing_is_proved_while_the_provider_is_away(acme, sandbox):
    sandbox.kill()
    with pytest.raises(CommandError, match="nothing is proved"):
        prove()


# ---------------------------------------------------------------- who is right
def test_of_two_endings_the_providers_own_word_holds(acme, sandbox):
    sandbox.post("/settings", sent_after_ms=0, delivered_after_ms=0)
    sid = send_at_provider(sandbox, "Hello")
    sandbox.wait_until_quiet()
    is_ours(acme, sid)
    update = StatusUpdate(ACCOUNT, sid, "undelivered", "undelivered", timezone.now(), "30003", None)
    with tenancy.system():
        delivery_reports.apply_reports([(acme["message"].pk, update)])
    reconciliation.look_up_message(acme["message"].pk)
    with tenancy.organization(acme["organization"].pk):
        acme["message"].refresh_from_db()
    assert (acme["message"].status, acme["message"].error_code) == ("delivered", "")


# ---------------------------------------------------------------- let in again
def test_an_account_that_is_let_in_again_goes_on_by_itself(acme, sandbox):
    with tenancy.system():
        health.pause_account(TwilioAccount.objects.get().pk, "20003", "Authenticate")
        TwilioAccount.objects.update(secret="0" * 32)
        assert health.probe() == 0
        assert delivery.claim_messages(10) == []
        TwilioAccount.objects.update(secret=TOKEN)
        assert health.probe() == 1
    assert len(delivery.claim_messages(10)) == 1


def test_a_look_reaches_back_an_hour_before_the_newest(acme, sandbox):
    with tenancy.organization(acme["organization"].pk):
        Conversation.objects.update(last_inbound_at=timezone.now() + timedelta(hours=2))
    unheard(sandbox, "Older than an hour before the newest")
    assert backfill.backfill_inbound() == 0
    with tenancy.organization(acme["organization"].pk):
        Conversation.objects.update(last_inbound_at=timezone.now() + timedelta(minutes=50))
    assert backfill.backfill_inbound() == 1
