"""What the provider answers, or does not. The sandbox's own list is the witness."""

import asyncio
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from chatrooms.models import Contact
from integrations import providers
from integrations.meta import graph
from integrations.twilio import sending
from messagehub import tenancy
from messaging.models import Message
from messaging.sending import delivery, sweeping
from tests.desk import Desk, create_desk, pass_pauses, set_provider_address, worker_process
from tests.running_demo import eventually

pytestmark = [pytest.mark.django_db, pytest.mark.faults]


# ---------------------------------------------------------------- row 3
@pytest.mark.parametrize("kind", ["accept_then_hang", "accept_then_reset"])
def test_an_answer_that_is_lost_is_never_followed_by_another_try(either_desk: Desk, monkeypatch, kind: str):
    monkeypatch.setattr(sending, "TOTAL_SECONDS", 1)
    monkeypatch.setattr(graph, "TOTAL_SECONDS", 1)
    either_desk.fault(kind)
    message = either_desk.send(f"Lost by {kind}")

    either_desk.fly()

    assert either_desk.state(message).status == "unknown"
    assert either_desk.at_provider == [message.content]
    pass_pauses()
    assert sweeping.sweep_overdue() == 0
    assert either_desk.fly() == 0
    either_desk.reconcile_until_settled()
    assert either_desk.state(message).provider_id
    assert either_desk.at_provider == [message.content]
    assert either_desk.entries(message) == [("debit", -1)]


def test_every_character_reaches_the_provider_as_it_was_written(desk: Desk):
    text = "50 % off & more = \"good\"; 1+1? #1 'a/b' ~\\ {x} [y] <b>\r\n\ttwo  spaces, ümläut, ’, 漢字, 👩‍👩‍👧, %41+"
    message = desk.send(text)

    desk.fly()

    assert desk.state(message).status == "accepted"
    assert desk.at_provider == [text]


def test_a_connection_that_the_provider_hung_up_in_the_meantime_is_not_used_again(desk: Desk):
    """Idle ones are closed by servers after five seconds or more; a busy process may not have heard of it yet."""
    first, second = desk.send("Before the pause"), desk.send("After the pause")
    claimed = delivery.claim_messages(10)

    async def call():
        connections = providers.Connections(1)
        outcomes = [await connections.send(claimed[0].text)]
        time.sleep(5.5)  # nothing is heard meanwhile
        outcomes.append(await connections.send(claimed[1].text))
        await connections.close()
        return list(zip(claimed, outcomes, strict=True))

    delivery.settle_outcomes(asyncio.run(call()))

    assert [desk.state(each).status for each in (first, second)] == ["accepted", "accepted"]


# ---------------------------------------------------------------- row 4
@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://nowhere.invalid", "https://sandbox"])
def test_what_never_reached_the_provider_waits_and_is_tried_again(either_desk: Desk, settings, address: str):
    """Refused, no such name, no TLS: surely not sent."""
    set_provider_address(settings, address.replace("//sandbox", f"//127.0.0.1:{either_desk.sandbox.port}"))
    message = either_desk.send("Nobody there")

    either_desk.fly()

    assert either_desk.state(message).status == "queued"
    assert (message.failures, message.tokens) == (1, 1)
    assert message.not_before > timezone.now()
    assert either_desk.fly() == 0  # not before its time
    set_provider_address(settings, either_desk.sandbox.base_url)
    pass_pauses()
    assert either_desk.fly() == 1
    assert either_desk.state(message).status == "accepted"
    assert either_desk.at_provider == ["Nobody there"]


def test_no_free_connection_is_not_sent_either(desk: Desk, monkeypatch):
    monkeypatch.setattr(sending, "CONNECT_SECONDS", 0.3)
    desk.sandbox.fault("slow", seconds=1)
    messages = [desk.send("First"), desk.send("Second")]
    claimed = delivery.claim_messages(10)

    async def call():
        connections = providers.Connections(1)
        outcomes = await asyncio.gather(*(connections.send(each.text) for each in claimed))
        await connections.close()
        return list(zip(claimed, outcomes, strict=True))

    delivery.settle_outcomes(asyncio.run(call()))

    assert sorted(desk.state(message).status for message in messages) == ["accepted", "queued"]
    assert len(desk.at_provider) == 1


def test_pauses_grow_and_differ_and_end_with_a_refund(either_desk: Desk, settings):
    set_provider_address(settings, "http://127.0.0.1:1")
    messages = [either_desk.send(f"Number {n}") for n in range(8)]
    before, longest = either_desk.balance, []

    for attempt in range(1, delivery.MOST_ATTEMPTS + 1):
        started = timezone.now()
        assert either_desk.fly() == 8
        waits = [either_desk.state(message).not_before for message in messages]
        if attempt < delivery.MOST_ATTEMPTS:
            assert {message.status for message in messages} == {"queued"}
            assert either_desk.balance == before
            assert len(set(waits)) == 8  # jitter: they do not come back all at once
            assert max(waits) - started < timedelta(seconds=2**attempt + 5)
            longest.append(max(waits) - started)
        pass_pauses()

    assert longest[-1] > longest[0]
    assert {(message.status, message.error_code) for message in messages} == {("failed", "unreachable")}
    assert either_desk.balance == before + 8
    assert [either_desk.entries(message) for message in messages] == [[("debit", -1), ("refund", 1)]] * 8
    assert either_desk.at_provider == []


# ---------------------------------------------------------------- row 5
@pytest.mark.parametrize(("kind", "taken"), [("500", 0), ("502", 0), ("503", 0), ("504", 0), ("accept_then_500", 1)])
def test_a_server_error_may_mean_anything(either_desk: Desk, kind: str, taken: int):
    before = either_desk.balance
    either_desk.fault(kind)
    message = either_desk.send(f"Perhaps {kind}")

    either_desk.fly()

    assert either_desk.state(message).status == "unknown"
    pass_pauses()
    assert either_desk.fly() == 0
    either_desk.reconcile_until_settled()
    assert len(either_desk.at_provider) == taken
    assert (either_desk.state(message).status == "not_sent") == (taken == 0)
    assert either_desk.balance == before - taken


# ---------------------------------------------------------------- row 6
@pytest.mark.parametrize("retry_after", [0, 7])
def test_told_to_wait_it_waits_and_keeps_its_token(either_desk: Desk, retry_after: int):
    either_desk.fault("429", count=50, retry_after=retry_after)
    message = either_desk.send("When you have time")

    for _ in range(50):
        asked = timezone.now()
        assert either_desk.fly() == 1
        assert either_desk.state(message).status == "queued"
        assert message.not_before >= asked + timedelta(seconds=retry_after)
        assert either_desk.fly() == 0
        pass_pauses()
    either_desk.fly()

    assert either_desk.state(message).status == "accepted"
    assert (message.failures, either_desk.entries(message)) == (0, [("debit", -1)])
    assert either_desk.at_provider == ["When you have time"]


@pytest.mark.django_db(transaction=True)
def test_others_do_not_wait_for_one_that_is_told_to_wait(desk: Desk, tmp_path):
    """The same 40 messages of another organization, without and beside 150 that are answered 429."""
    other = create_desk(desk.sandbox, "globex")
    with worker_process(desk.sandbox, tmp_path):
        alone = time_to_send(other, "Alone")
        desk.sandbox.fault("429", count=100_000, retry_after=1, account_sid=desk.account)
        for n in range(150):
            desk.send(f"Told to wait {n}")

        beside = time_to_send(other, "Beside")

    assert beside < alone + 1.5
    assert (desk.at_provider, len(other.at_provider)) == ([], 80)


def time_to_send(desk: Desk, text: str) -> float:
    """Seconds until the last of 40 messages is accepted."""
    messages, started = [desk.send(f"{text} {n}").pk for n in range(40)], time.monotonic()
    with tenancy.system():
        mine = Message.objects.filter(pk__in=messages)

    def accepted() -> bool:
        with tenancy.system():
            return mine.filter(status="accepted").count() == 40

    eventually(accepted, 30)
    return time.monotonic() - started


# ---------------------------------------------------------------- row 7
def test_who_has_opted_out_is_written_to_once_at_most(desk: Desk):
    before = desk.balance
    desk.sandbox.fault("21610")
    message = desk.send("Are you there?")

    desk.fly()

    assert (desk.state(message).status, message.error_code) == ("failed", "21610")
    assert desk.entries(message) == [("debit", -1), ("refund", 1)]
    asked, client = desk.asked, desk.client()
    body = {"conversation_id": str(desk.tenant["conversation"].pk), "content": "Once more?"}
    refused = client.post("/api/messages/send", body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "opted_out")
    assert "START" in refused.json()["error"]["message"]
    assert client.post(f"/api/messages/{message.pk}/retry").status_code == 409
    assert client.get(f"/api/contacts/{desk.tenant['contact'].pk}").json()["consent"] == "opted_out"
    desk.fly()
    assert (desk.asked, desk.at_provider, desk.balance) == (asked, [], before)


# ---------------------------------------------------------------- row 8
@pytest.mark.parametrize("code", [21211, 21614, 21408, 21606, 21612, 21617, 21602, 21603])
def test_a_definite_refusal_is_final_and_refunded_once(desk: Desk, code: int):
    before = desk.balance
    desk.sandbox.fault("400", count=2, code=code)
    messages = [desk.send(f"Refused with {code}, {n}") for n in range(2)]

    desk.fly()

    for message in messages:
        assert (desk.state(message).status, message.error_code) == ("failed", str(code))
        assert message.error_message
        assert desk.entries(message) == [("debit", -1), ("refund", 1)]
    assert desk.balance == before
    pass_pauses()
    assert desk.fly() == 0
    assert desk.at_provider == []
    with tenancy.system():
        contact = Contact.objects.get(pk=desk.tenant["contact"].pk)
    assert contact.phone_refused == (str(code) if code in (21211, 21614) else "")
    assert desk.alerts() == ([str(code)] if code in (21408, 21606) else [])


# ---------------------------------------------------------------- row 9
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["401", "20003"])
def test_a_shut_out_account_is_left_alone_until_it_is_let_in(desk: Desk, tmp_path, kind: str):
    desk.sandbox.fault(kind, count=1000)
    asked = desk.asked
    messages = [desk.send(f"Waiting {n}") for n in range(100)]
    balance, admin = desk.balance, desk.client(desk.admin())
    number = f"/api/sender-numbers/{desk.tenant['number'].pk}"

    with worker_process(desk.sandbox, tmp_path):
        eventually(lambda: desk.alerts())
        time.sleep(2)

        assert desk.asked - asked <= 3
        assert (desk.states(), desk.balance) == ({"queued": 100}, balance)
        assert len(desk.alerts()) == 1
        health = admin.get(number).json()["health"]
        assert health["state"] == "paused"
        assert "Twilio rejected the credentials of" in health["alerts"][0]["message"]

        desk.sandbox.clear_faults()
        desk.sandbox.add_account(desk.account, "a" * 32)
        chatroom = str(desk.tenant["room"].pk)
        assert admin.patch(number, {"auth_token": "a" * 32, "chatroom_id": chatroom}).status_code == 200
        eventually(lambda: desk.states() == {"accepted": 100}, 20)

    assert sorted(desk.at_provider) == sorted(message.content for message in messages)
    assert desk.balance == balance


# ---------------------------------------------------------------- row 10
@pytest.mark.parametrize(("kind", "taken"), [("no_sid", 1), ("truncated_json", 1), ("foreign_account", 1), ("html", 0)])
def test_a_success_that_makes_no_sense_is_unknown(either_desk: Desk, kind: str, taken: int):
    either_desk.fault(kind)
    message = either_desk.send(f"Odd {kind}")

    either_desk.fly()

    assert (either_desk.state(message).status, message.provider_id) == ("unknown", None)
    assert message.error_message
    assert message.to_address not in message.error_message
    assert either_desk.fly() == 0
    either_desk.reconcile_until_settled()
    assert len(either_desk.at_provider) == taken
    assert (either_desk.state(message).status == "not_sent") == (taken == 0)
    assert bool(message.provider_id) == bool(taken)
