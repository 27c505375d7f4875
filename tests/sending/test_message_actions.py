"""After sending: try again, call off, change, settle. In words and money."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from messagehub import tenancy
from messagehub.keys import uuid7
from messaging.models import Event, Message
from messaging.sending import delivery, enqueue, states, sweeping
from tests.cast import create_tenant
from tokens import ledger, proof

pytestmark = pytest.mark.django_db
MADE_UP = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


@pytest.fixture
def agent(acme) -> APIClient:
    client = APIClient()
    client.force_login(User.objects.get(email="agent@acme.example"))
    return client


def balance(acme: dict) -> int | None:
    with tenancy.organization(acme["organization"].pk):
        return ledger.balance(acme["agent"])


def put(message: Message, **values) -> None:
    """As the worker or a callback would have left it."""
    with tenancy.system():
        Message.objects.filter(pk=message.pk).update(**values)


def fail(message: Message) -> None:
    put(message, status="failed")
    with tenancy.system():
        row = {"id": message.pk, "tokens": message.tokens, "sent_by_id": message.sent_by_id}
        states.refund_message(row, state="failed", reason="Refused")


def scheduled(agent: APIClient, acme: dict) -> dict:
    answer = agent.post(
        "/api/messages/send",
        {
            "conversation_id": str(acme["conversation"].pk),
            "content": "Tomorrow",
            "send_at": (timezone.now() + timedelta(days=1)).isoformat(),
        },
        format="json",
    )
    assert answer.status_code == 201, answer.content
    return answer.json()["message"]


def code(answer) -> str:
    return answer.json()["error"]["code"]


def test_a_failed_message_is_sent_again_once_as_a_new_one(acme, agent):
    fail(acme["message"])
    before = balance(acme)
    path = f"/api/messages/{acme['message'].pk}/retry"
    cursor = agent.get("/api/events").json()["cursor"]

    answer = agent.post(path, HTTP_IDEMPOTENCY_KEY="once")
    again = agent.post(path, HTTP_IDEMPOTENCY_KEY="once")
    twice = agent.post(path)

    assert answer.status_code == again.status_code == 201
    made = answer.json()["message"]
    assert again.json()["message"]["id"] == made["id"]
    assert (made["retry_of"], made["content"], made["status"]) == (str(acme["message"].pk), "Hello", "queued")
    assert answer.headers["Location"] == f"/api/messages/{made['id']}"
    assert (twice.status_code, code(twice)) == (409, "already_retried")
    assert balance(acme) == before - 1
    assert agent.get(f"/api/messages/{acme['message'].pk}").json()["status"] == "failed"
    events = agent.get("/api/events", {"after": cursor}).json()["results"]
    told = [(event["type"], event["message"]["id"]) for event in events if "message" in event]
    assert told == [("message.created", made["id"]), ("message.updated", str(acme["message"].pk))]
    assert list(proof.find_broken()) == []


@pytest.mark.parametrize(("status", "expected"), [("delivered", "not_failed"), ("unknown", "unknown")])
def test_only_what_failed_is_sent_again(acme, agent, status, expected):
    put(acme["message"], status=status)
    answer = agent.post(f"/api/messages/{acme['message'].pk}/retry")
    assert (answer.status_code, code(answer)) == (409, expected)


def test_a_scheduled_message_is_changed_and_called_off_and_paid_back(acme, agent):
    before = balance(acme)
    message = scheduled(agent, acme)
    path = f"/api/messages/{message['id']}"
    assert (message["status"], balance(acme)) == ("scheduled", before - 1)

    changed = agent.patch(path, {"content": "The day after"}, format="json")
    assert (changed.status_code, changed.json()["content"]) == (200, "The day after")
    later = agent.patch(path, {"send_at": (timezone.now() + timedelta(days=3)).isoformat()}, format="json")
    assert later.status_code == 200
    past = agent.patch(path, {"send_at": "2020-01-01T00:00:00Z"}, format="json")
    assert past.status_code == 400

    called_off = agent.post(f"{path}/cancel")
    assert (called_off.status_code, called_off.json()["status"]) == (200, "canceled")
    assert balance(acme) == before
    with tenancy.organization(acme["organization"].pk):
        told = AuditEntry.objects.filter(action__startswith="message.", target_id=message["id"]).order_by("id")
        assert [(each.action, each.actor.email) for each in told] == [
            ("message.change", "agent@acme.example"),
            ("message.change", "agent@acme.example"),
            ("message.cancel", "agent@acme.example"),
        ]
        assert (told[0].before, told[0].after) == ({"content": message["content"]}, {"content": "The day after"})
    for late in (agent.post(f"{path}/cancel"), agent.patch(path, {"content": "Too late"}, format="json")):
        assert (late.status_code, code(late)) == (409, "not_scheduled")
    with tenancy.organization(acme["organization"].pk):
        assert Event.objects.filter(message_id=message["id"]).count() == 4
    assert list(proof.find_broken()) == []


def test_a_scheduled_message_is_asked_for_again_after_its_time(agent, acme):
    """Whoever got no answer repeats the request, and may be late."""
    body = {
        "conversation_id": str(acme["conversation"].pk),
        "content": "In a second",
        "send_at": (timezone.now() + timedelta(seconds=1)).isoformat(),
        "client_id": MADE_UP,
    }
    first = agent.post("/api/messages/send", body, format="json")
    assert first.status_code == 201, first.content
    time.sleep(1.1)
    again = agent.post("/api/messages/send", body, format="json")
    assert (again.status_code, again.json()["message"]["id"]) == (200, first.json()["message"]["id"])
    late = agent.post("/api/messages/send", body | {"client_id": str(uuid7())}, format="json")
    assert (late.status_code, list(late.json()["error"]["fields"])) == (400, ["send_at"])


def test_a_scheduled_message_is_sent_when_its_time_has_come(acme, agent):
    message = scheduled(agent, acme)
    delivery.settle_outcomes([])
    assert message["id"] not in {str(each.text.message_id) for each in delivery.claim_messages(10)}
    with tenancy.system():
        Message.objects.filter(pk=message["id"]).update(send_at=timezone.now() - timedelta(hours=1))
    sweeping.sweep_overdue()
    assert message["id"] in {str(each.text.message_id) for each in delivery.claim_messages(10)}


@pytest.mark.parametrize(("outcome", "status", "back"), [("accepted", "accepted", 0), ("not_sent", "not_sent", 1)])
def test_a_person_settles_an_unknown_message(acme, agent, outcome, status, back):
    put(acme["message"], status="unknown")
    before = balance(acme)
    path = f"/api/messages/{acme['message'].pk}/settle"

    answer = agent.post(path, {"outcome": outcome}, format="json")
    again = agent.post(path, {"outcome": outcome}, format="json")

    assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert (again.status_code, code(again)) == (409, "not_unknown")
    assert balance(acme) == before + back
    with tenancy.organization(acme["organization"].pk):
        assert AuditEntry.objects.get(action="message.settle").after == {"status": status}
    assert list(proof.find_broken()) == []


@pytest.mark.parametrize("verb", ["retry", "cancel", "settle", ""])
def test_what_one_may_not_see_does_not_exist(acme, agent, verb: str):
    foreign = create_tenant("globex", "+15550200200")["message"]
    for pk in (foreign.pk, MADE_UP):
        path = f"/api/messages/{pk}/{verb}".rstrip("/")
        answer = agent.post(path, {}, format="json") if verb else agent.patch(path, {}, format="json")
        assert (answer.status_code, code(answer)) == (404, "not_found")


def test_agent_changes_and_calls_off_what_an_admin_of_the_chatroom_scheduled(acme, agent):
    """Whoever sees a conversation answers for it. The line in the audit log names who did it."""
    organization = acme["organization"]
    with tenancy.organization(organization.pk):
        admin = User.objects.create_user(
            "admin@acme.example", "x", name="Ann", role="admin", organization=organization
        )  # fmt: skip
        at = timezone.now() + timedelta(hours=1)
        message = enqueue.send_message(acme["conversation"], "At ten", sent_by=admin, send_at=at).message

    changed = agent.patch(f"/api/messages/{message.pk}", {"content": "At eleven"})
    called_off = agent.post(f"/api/messages/{message.pk}/cancel")

    assert (changed.status_code, called_off.status_code) == (200, 200)
    with tenancy.organization(organization.pk):
        message.refresh_from_db()
        assert (message.content, message.status, message.sent_by) == ("At eleven", "canceled", admin)
        lines = AuditEntry.objects.filter(target_id=str(message.pk)).order_by("pk")
        assert [(line.action, line.actor) for line in lines] == [
            ("message.change", acme["agent"]),
            ("message.cancel", acme["agent"]),
        ]
