"""Workers that are killed, paused and stopped at the worst moments, as real processes."""

import asyncio
import signal
import time
from collections import Counter
from uuid import uuid4

import pytest

from integrations import events, providers
from messagehub import tenancy
from messaging.models import Message
from messaging.sending import delivery, sweeping
from messaging.worker import Worker
from tests.desk import Desk, let_leases_end, worker_process
from tests.running_demo import Demo, demo_folder, eventually, phones, running_demo

pytestmark = pytest.mark.faults
committed = pytest.mark.django_db(transaction=True)


# ---------------------------------------------------------------- row 1
LOOK_TWICE = (
    "from django.conf import settings; from messaging.sending.reconciliation import reconcile_unknown\n"
    "settings.RECONCILE_SECONDS, settings.RECONCILE_GRACE_SECONDS = -1, 0\n"
    "reconcile_unknown(); reconcile_unknown()"
)


@pytest.mark.parametrize("callbacks", [True, False])
def test_killed_between_acceptance_and_commit(callbacks: bool):
    with (
        demo_folder() as folder,
        running_demo(folder, FAILPOINT="after_provider_accept", SEND_LEASE_SECONDS="2") as demo,
    ):
        if not callbacks:
            demo.sandbox("POST", "/faults", provider="twilio", kind="no_callbacks", count=1)
        maya, phone, message, before = send_through(demo, f"Once {uuid4().hex[:6]}")

        if not callbacks:
            eventually(lambda: maya.message(message["id"])["status"] == "unknown", 40)
            demo.shell.run(LOOK_TWICE)
        eventually(lambda: maya.message(message["id"])["status"] == "delivered", 40)

        assert [each["body"] for each in accepted(demo, phone)] == [message["content"]]
        assert maya.balance == before - 1
        again = maya.reply({"id": message["conversation_id"]}, "Life goes on").json()["message"]
        eventually(lambda: maya.message(again["id"])["status"] == "delivered", 20)
        assert len(accepted(demo, phone)) == 2
        assert demo.broken_invariants() == ""


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


def accepted(demo: Demo, phone: str) -> list[dict]:
    return [each for each in demo.phone(phone) if each["direction"] == "received"]


# ---------------------------------------------------------------- row 2
@committed
@pytest.mark.parametrize("failpoint", ["after_claim", "before_provider_call"])
def test_killed_before_the_provider_was_called(either_desk: Desk, tmp_path, failpoint: str):
    before, message = either_desk.balance, either_desk.send(f"Perhaps never {failpoint}")

    with worker_process(either_desk.sandbox, tmp_path, FAILPOINT=failpoint) as worker:
        assert worker.wait() == -signal.SIGKILL
    assert either_desk.state(message).status == "sending"
    let_leases_end()
    with worker_process(either_desk.sandbox, tmp_path):
        eventually(lambda: either_desk.state(message).status == "unknown")
        time.sleep(1)  # it would have been sent again by now

    assert (either_desk.at_provider, either_desk.balance) == ([], before - 1)
    either_desk.reconcile_until_settled()
    assert (either_desk.state(message).status, either_desk.balance) == ("not_sent", before)
    assert "You can retry it" in message.error_message
    again = either_desk.client().post(f"/api/messages/{message.pk}/retry").json()["message"]
    assert again["retry_of"] == str(message.pk)
    assert either_desk.balance == before - 1
    either_desk.fly()
    assert either_desk.at_provider == [message.content]


# ---------------------------------------------------------------- row 19
@committed
def test_two_workers_share_the_work_and_one_is_killed_in_the_midst_of_it(either_desk: Desk, tmp_path):
    before, count = either_desk.balance, 200
    either_desk.sandbox.post("/settings", latency_ms=150)
    with worker_process(either_desk.sandbox, tmp_path) as first, worker_process(either_desk.sandbox, tmp_path):
        for n in range(count):
            either_desk.send(f"Number {n}")
        eventually(lambda: len(either_desk.at_provider) >= 60)

        first.signal(signal.SIGKILL)

        eventually(lambda: not either_desk.states().get("queued"), 60)
        first.wait()
        let_leases_end()
        eventually(lambda: not either_desk.states().get("sending"), 20)
    either_desk.reconcile_until_settled()

    times = Counter(either_desk.at_provider)
    assert max(times.values()) == 1
    assert set(either_desk.states()) <= {"accepted", "sent", "delivered", "not_sent"}
    lost = either_desk.states().get("not_sent", 0)
    assert len(times) == count - lost
    assert either_desk.balance == before - count + lost
    with tenancy.system():
        rows = Message.objects.filter(pk__in=either_desk.sent).exclude(status="not_sent")
        assert set(rows.values_list("content", flat=True)) == set(times)


@committed
def test_a_paused_workers_late_answer_is_refused(either_desk: Desk, tmp_path):
    """Its message was looked for, settled and paid back meanwhile: the zombie's answer belongs to the past."""
    before = either_desk.balance
    either_desk.fault("429", retry_after=1)
    either_desk.sandbox.post("/settings", latency_ms=1500)
    with worker_process(either_desk.sandbox, tmp_path) as zombie:
        message = either_desk.send("Refused too late")
        eventually(
            lambda: (
                either_desk.sandbox.get("/requests")["last"][0]["status"] == 429
                and either_desk.states() == {"sending": 1}
            )
        )
        zombie.signal(signal.SIGSTOP)
        time.sleep(1.7)  # the answer arrives and nobody reads it
        let_leases_end()
        sweeping.sweep_overdue()
        either_desk.reconcile_until_settled()
        assert either_desk.state(message).status == "not_sent"

        zombie.signal(signal.SIGCONT)
        time.sleep(1.5)
        zombie.signal(signal.SIGTERM)
        assert zombie.wait() == 0

    assert (either_desk.state(message).status, either_desk.balance) == ("not_sent", before)
    assert either_desk.entries(message) == [("debit", -1), ("refund", 1)]
    assert either_desk.at_provider == []


@committed
def test_an_answer_to_an_older_attempt_is_refused(either_desk: Desk):
    message = either_desk.send("Claimed twice")
    (zombie,) = delivery.claim_messages(1)
    with tenancy.system():
        Message.objects.filter(pk=message.pk).update(status="queued", not_before=None)
    (second,) = delivery.claim_messages(1)
    assert (zombie.attempt, second.attempt) == (1, 2)

    delivery.settle_outcomes([(zombie, events.Accepted("SMzombie", 1))])
    assert (either_desk.state(message).status, message.provider_id) == ("sending", None)
    delivery.settle_outcomes([(zombie, events.Refused("21211", "No"))])
    assert (either_desk.state(message).status, message.tokens) == ("sending", 1)
    delivery.settle_outcomes([(second, events.Accepted("SMsecond", 1))])
    assert (either_desk.state(message).status, message.provider_id) == ("accepted", "SMsecond")


@pytest.mark.django_db
def test_worker_process_that_stood_still_does_not_call_any_more(either_desk: Desk, settings):
    """Between its claim and its call: by now the message may have been paid back and sent again by somebody."""
    settings.SEND_LEASE_SECONDS = 2
    message = either_desk.send("Held up")
    (claimed,) = delivery.claim_messages(1)
    time.sleep(1.2)
    let_leases_end()
    sweeping.sweep_overdue()
    either_desk.reconcile_until_settled()
    assert either_desk.state(message).status == "not_sent"

    async def wake_up() -> tuple:
        worker = Worker()
        worker.connections = providers.Connections(1)
        await worker.fly(claimed)
        await worker.connections.close()
        return worker.answers.get_nowait()

    delivery.settle_outcomes([asyncio.run(wake_up())])

    assert (either_desk.state(message).status, either_desk.at_provider) == ("not_sent", [])
    assert either_desk.entries(message) == [("debit", -1), ("refund", 1)]


# ---------------------------------------------------------------- row 20
@committed
def test_told_to_stop_under_load_it_finishes_and_lets_go(either_desk: Desk, tmp_path):
    either_desk.sandbox.post("/settings", latency_ms=3000)  # longer than anything else that stopping waits for
    count = 180
    for n in range(count):
        either_desk.send(f"Number {n}")
    with worker_process(either_desk.sandbox, tmp_path) as worker:
        eventually(lambda: len(either_desk.at_provider) >= 10, 30)

        worker.signal(signal.SIGTERM)
        asked = time.monotonic()

        assert worker.wait(20) == 0
        assert time.monotonic() - asked < 15

    states = either_desk.states()
    assert set(states) == {"queued", "accepted"}
    assert states["queued"] > 50  # it took nothing new
    assert len(either_desk.at_provider) == states["accepted"]
    either_desk.sandbox.post("/settings", latency_ms=0)
    with worker_process(either_desk.sandbox, tmp_path):
        eventually(lambda: either_desk.states() == {"accepted": count}, 30)
    assert Counter(Counter(either_desk.at_provider).values()) == {1: count}


# ---------------------------------------------------------------- the servers underneath
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
