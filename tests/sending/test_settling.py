"""What is written down about an answer of the provider, and what it does not touch."""

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from integrations.events import Accepted, Busy, NotReached
from integrations.models import Channel
from messagehub import tenancy
from messaging.models import Conversation, Message
from messaging.sending import delivery, enqueue
from tests.cast import create_tenant
from tokens import ledger, proof


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


@pytest.fixture
def globex(db) -> dict:
    return create_tenant("globex", "+15550200200")


@pytest.fixture
def agent(acme) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_login(User.objects.get(email="agent@acme.example"))
    return client


def state(message: Message) -> str:
    with tenancy.system():
        return Message.objects.values_list("status", flat=True).get(pk=message.pk)


def test_a_token_that_nobody_can_decrypt_stops_only_its_own_account(acme, globex):
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute("UPDATE provider_accounts SET secret = 'f1:nonsense' WHERE external_id = 'ACglobex'")

    claimed = delivery.claim_messages(10)

    assert [each.text.message_id for each in claimed] == [acme["message"].pk]
    assert state(globex["message"]) == "queued"
    assert delivery.claim_messages(10) == []
    with tenancy.organization(globex["organization"].pk):
        enqueue.send_message(globex["conversation"], "Still accepted", sent_by=globex["agent"])


def test_an_answer_that_can_not_be_written_down_makes_its_message_unknown(acme):
    (claimed,) = delivery.claim_messages(1)
    delivery.give_up(claimed)
    assert state(acme["message"]) == "unknown"


def test_the_same_provider_id_in_two_organizations_is_two_messages(acme, globex):
    claimed = delivery.claim_messages(2)
    delivery.settle_outcomes([(each, Accepted("SMsame", 1)) for each in claimed])
    assert (state(acme["message"]), state(globex["message"])) == ("accepted", "accepted")
    assert list(proof.find_broken()) == []


def test_being_told_to_wait_is_no_failure_however_often(acme):
    for _ in range(delivery.MOST_ATTEMPTS + 2):
        with tenancy.system():
            Message.objects.update(not_before=None)
            Channel.objects.update(held_until=None)
        (claimed,) = delivery.claim_messages(1)
        delivery.settle_outcomes([(claimed, Busy("Busy.", retry_after=5, whole_account=False))])
    assert state(acme["message"]) == "queued"

    for _ in range(delivery.MOST_ATTEMPTS):
        with tenancy.system():
            Message.objects.update(not_before=None)
            Channel.objects.update(held_until=None)
        (claimed,) = delivery.claim_messages(1)
        delivery.settle_outcomes([(claimed, NotReached("Nobody there."))])
    assert state(acme["message"]) == "failed"
    with tenancy.organization(acme["organization"].pk):
        assert ledger.balance(acme["agent"]) == 5


def test_a_repeated_client_id_finds_its_message_after_the_conversation_was_closed(acme, agent):
    body = {
        "conversation_id": str(acme["conversation"].pk),
        "content": "Once",
        "client_id": "01900000-0000-7000-8000-00000000c11d",
    }
    first = agent.post("/api/messages/send", body, format="json")
    with tenancy.organization(acme["organization"].pk):
        Conversation.objects.update(status="CLOSED")

    again = agent.post("/api/messages/send", body, format="json")
    other = agent.post("/api/messages/send", {**body, "media": ["https://example.com/a.png"]}, format="json")

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json()["message"]["id"] == first.json()["message"]["id"]
