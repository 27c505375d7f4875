"""Workers killed at the worst moments: one message at the provider at most, one debit, and a state that says so."""

from uuid import uuid4

import pytest

from tests.running_demo import Demo, demo_folder, eventually, phones, running_demo

pytestmark = pytest.mark.faults


def accepted(demo: Demo, phone: str) -> list[dict]:
    return [each for each in demo.phone(phone) if each["direction"] == "received"]


def send_through(demo: Demo, text: str) -> tuple:
    """Maya answers somebody; the worker that takes her message dies at the demo's failpoint."""
    maya, phone = demo.client("maya"), next(phones)
    demo.text(phone, demo.number, "Hello")
    conversation = eventually(lambda: maya.conversation_with(phone), 30)
    worker = demo.processes("manage.py worker")[0]
    before = maya.balance
    message = maya.reply(conversation, text).json()["message"]
    eventually(lambda: worker not in demo.processes("manage.py worker"), 20)
    return maya, phone, message, before


@pytest.mark.parametrize("callbacks", [True, False])
def test_killed_between_acceptance_and_commit(callbacks: bool):
    with (
        demo_folder() as folder,
        running_demo(folder, FAILPOINT="after_provider_accept", SEND_LEASE_SECONDS="4") as demo,
    ):
        if not callbacks:
            demo.sandbox("POST", "/faults", provider="twilio", kind="no_callbacks", count=1)

        maya, phone, message, before = send_through(demo, f"Once {uuid4().hex[:6]}")

        wanted = "delivered" if callbacks else "unknown"
        eventually(lambda: maya.message(message["id"])["status"] == wanted, 40)
        assert [each["body"] for each in accepted(demo, phone)] == [message["content"]]
        assert maya.balance == before - 1
        again = maya.reply({"id": message["conversation_id"]}, "Life goes on").json()["message"]
        eventually(lambda: maya.message(again["id"])["status"] == "delivered", 20)
        assert len(accepted(demo, phone)) == 2
        assert "invariants hold" in demo.manage("prove")


@pytest.mark.parametrize("failpoint", ["after_claim", "before_provider_call"])
def test_killed_before_the_provider_was_called(failpoint: str):
    with demo_folder() as folder, running_demo(folder, FAILPOINT=failpoint, SEND_LEASE_SECONDS="4") as demo:
        maya, phone, message, before = send_through(demo, "Perhaps never")

        found = eventually(lambda: (m := maya.message(message["id"]))["status"] == "unknown" and m, 40)

        assert found["error"]["code"] == "no_answer"
        assert accepted(demo, phone) == []
        assert maya.balance == before - 1
        assert "invariants hold" in demo.manage("prove")


def test_killed_servers_come_back_with_everything_that_was_acknowledged():
    with demo_folder() as folder, running_demo(folder) as demo:
        maya, phone = demo.client("maya"), next(phones)
        texts = [f"Acknowledged {n}" for n in range(20)]
        for text in texts:
            assert demo.text(phone, demo.number, text)["webhook_status"] == 200

        demo.kill_postgres()

        conversation = eventually(lambda: _or_none(lambda: maya.conversation_with(phone)), 40)
        eventually(lambda: _or_none(lambda: maya.conversation_with(phone)["unread_count"] == 20), 40)
        thread = maya.read(f"/api/conversations/{conversation['id']}/messages")["results"]
        assert sorted(message["content"] for message in thread) == sorted(texts)
        message = maya.reply(conversation, "Still here").json()["message"]
        eventually(lambda: maya.message(message["id"])["status"] == "delivered", 20)
        assert "invariants hold" in demo.manage("prove")


def _or_none(ask):
    """While the database is away the API says so; that is not what these tests are about."""
    try:
        return ask()
    except (AssertionError, TypeError):
        return None
