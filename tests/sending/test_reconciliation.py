"""Unknown messages against the sandbox: found, missing twice, or for a person to say. Never sent again."""

from collections.abc import Callable

import pytest
from twilio.rest import Client

from accounts.models import Organization
from integrations.events import Unclear
from messagehub import tenancy
from messaging.models import Event, Message
from messaging.sending import delivery, enqueue, reconciliation
from tests.cast import create_tenant
from tests.sandbox_server import SandboxServer, sandbox_server
from tokens import ledger, proof

pytestmark = [pytest.mark.django_db, pytest.mark.faults, pytest.mark.xdist_group("reconciliation")]
ACCOUNT, TOKEN, OURS = "AC" + "a" * 32, "f" * 32, "+15550100100"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as server:
        server.add_account(ACCOUNT, TOKEN)
        server.add_number(ACCOUNT, OURS)
        yield server


@pytest.fixture
def acme(db, sandbox: SandboxServer, settings) -> dict:
    """A tenant whose account is the sandbox's; every look is due at once and the grace is over at once."""
    settings.TWILIO_API_BASE_URL = sandbox.base_url
    settings.RECONCILE_SECONDS = -1
    settings.RECONCILE_GRACE_SECONDS = 0
    tenant = create_tenant("acme", OURS, account_sid=ACCOUNT, auth_token=TOKEN)
    with tenancy.system():
        Message.objects.update(status="delivered")
    return tenant


@pytest.fixture
def lost(acme: dict) -> Callable[[str], Message]:
    """Send a text whose answer is lost."""

    def lose(text: str) -> Message:
        with tenancy.organization(acme["organization"].pk):
            message = enqueue.send_message(acme["conversation"], text, sent_by=acme["agent"]).message
        (claimed,) = delivery.claim_messages(1)
        delivery.settle_outcomes([(claimed, Unclear("The answer was lost."))])
        return message

    return lose


@pytest.fixture
def at_provider(acme: dict, sandbox: SandboxServer) -> Callable[[str], str]:
    """The provider has it."""
    client = Client(ACCOUNT, TOKEN)
    client.api.base_url = sandbox.base_url

    def take(text: str) -> str:
        return client.messages.create(to=acme["contact"].phone, from_=OURS, body=text).sid

    return take


def state(message: Message) -> Message:
    with tenancy.system():
        message.refresh_from_db()
    return message


@pytest.mark.parametrize(("policy", "tokens"), [("undelivered", 0), ("not_sent", 1)])
def test_reconcile_refunds_an_undelivered_message_once_where_the_policy_says_so(
    acme, lost, at_provider, sandbox, policy, tokens
):
    with tenancy.system():
        Organization.objects.filter(pk=acme["organization"].pk).update(refund_policy=policy)
    sandbox.fault("30003")
    message, _ = lost(f"Switched off, {policy}"), at_provider(f"Switched off, {policy}")
    sandbox.wait_until_quiet()

    reconciliation.reconcile_unknown()
    reconciliation.reconcile_unknown()

    assert (state(message).status, message.error_code, message.tokens) == ("undelivered", "30003", tokens)
    with tenancy.system():
        assert list(proof.find_broken()) == []


def test_one_that_the_provider_has_is_bound_to_it(acme, lost, at_provider):
    message, sid = lost("It arrived"), at_provider("It arrived")

    assert reconciliation.reconcile_unknown() == 1

    assert (state(message).provider_id, message.error_code) == (sid, "")
    assert message.status in ("accepted", "sent", "delivered")
    assert message.tokens == 1
    assert list(proof.find_broken()) == []


def test_one_that_is_missing_twice_was_not_sent_and_is_paid_back_once(acme, lost, settings):
    with tenancy.organization(acme["organization"].pk):
        before = ledger.balance(acme["agent"])
    message = lost("It never arrived")

    settings.RECONCILE_GRACE_SECONDS = 900
    reconciliation.reconcile_unknown()
    reconciliation.reconcile_unknown()
    assert state(message).status == "unknown"
    settings.RECONCILE_GRACE_SECONDS = 0
    reconciliation.reconcile_unknown()
    reconciliation.reconcile_unknown()

    assert (state(message).status, message.tokens) == ("not_sent", 0)
    with tenancy.organization(acme["organization"].pk):
        assert ledger.balance(acme["agent"]) == before
        assert Event.objects.filter(message_id=message.pk, type="message.updated").count() == 2
    assert list(proof.find_broken()) == []


def test_more_that_fit_than_were_lost_are_for_a_person(acme, lost, at_provider):
    message = lost("Twice there")
    at_provider("Twice there"), at_provider("Twice there")

    reconciliation.reconcile_unknown()

    assert (state(message).status, message.error_code, message.tokens) == ("unknown", "ambiguous", 1)


def test_the_same_text_lost_twice_is_bound_once_each(acme, lost, at_provider):
    first, second = lost("Same words"), lost("Same words")
    sids = {at_provider("Same words"), at_provider("Same words")}

    reconciliation.reconcile_unknown()

    assert {state(first).provider_id, state(second).provider_id} == sids


def test_what_belongs_to_another_message_is_not_taken(acme, lost, at_provider):
    other = lost("Said before")
    at_provider("Said before")
    reconciliation.reconcile_unknown()
    message = lost("Said before")

    reconciliation.reconcile_unknown()

    assert state(other).provider_id
    assert (state(message).status, message.provider_id) == ("unknown", None)


def test_a_provider_that_can_not_be_asked_settles_nothing(acme, lost, settings):
    message = lost("Who knows")
    settings.TWILIO_API_BASE_URL = "http://127.0.0.1:1/sandbox"

    reconciliation.reconcile_unknown()
    reconciliation.reconcile_unknown()

    assert (state(message).status, message.missing_since, message.tokens) == ("unknown", None, 1)


def test_one_that_a_callback_settled_meanwhile_is_left_alone(acme, lost):
    message = lost("Settled by a callback")
    row = {
        "id": message.pk,
        "organization_id": message.organization_id,
        "platform": "SMS",
        "content": message.content,
        "missing_since": None,
    }
    with tenancy.system():
        Message.objects.filter(pk=message.pk).update(status="delivered", provider_id="SMcallback")

    reconciliation.settle_unknown([row], [])

    assert (state(message).status, message.missing_since) == ("delivered", None)


def test_nothing_was_sent_by_looking(acme, lost, sandbox):
    lost("Only looked for")
    before = len(sandbox.accepted(ACCOUNT))
    for _ in range(3):
        reconciliation.reconcile_unknown()
    assert len(sandbox.accepted(ACCOUNT)) == before
