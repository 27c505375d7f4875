"""Tokens from outside: what is paid, what is refused, what comes back."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
import requests

from tests.running_demo import Client, Demo, eventually, phones


@pytest.fixture
def conversation(demo: Demo):
    """A fresh one in Sales."""
    phone = next(phones)
    demo.text(phone, demo.number, "Hello")
    return eventually(lambda: demo.client("maya").conversation_with(phone))


def give(demo: Demo, client: Client, balance: int) -> None:
    answer = demo.client("dana").patch(
        "/api/tokens/update", json={"user_id": client.user["id"], "balance": balance, "reason": "A test"}
    )
    assert answer.status_code == 200, answer.text


def write_to(client: Client, conversation: dict, phone: str) -> requests.Response:
    """To somebody of their own each: within one conversation its row's lock would already let one pass at a time."""
    body = {"to": phone, "chatroom_id": conversation["chatroom_id"], "content": f"To {phone}"}
    return client.post("/api/messages/send", json=body)


def test_fifty_sends_at_once_with_ten_tokens(demo: Demo, conversation: dict):
    maya, numbers = demo.client("maya"), [next(phones) for _ in range(50)]
    give(demo, maya, 10)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda phone: write_to(maya, conversation, phone), numbers))

    assert Counter(answer.status_code for answer in answers) == {201: 10, 402: 40}
    refused = next(answer for answer in answers if answer.status_code == 402)
    assert refused.json()["error"]["code"] == "insufficient_tokens"
    assert maya.balance == 0
    eventually(lambda: sum(len(demo.phone(phone)) for phone in numbers) == 10)
    assert demo.broken_invariants() == ""
    give(demo, maya, 1000)


def test_two_sends_at_once_with_one_token(demo: Demo, conversation: dict):
    maya, together = demo.client("maya"), Barrier(2)

    def send(phone: str) -> int:
        together.wait()
        return write_to(maya, conversation, phone).status_code

    for _ in range(10):
        give(demo, maya, 1)
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(send, [next(phones), next(phones)])) == [201, 402]
        assert maya.balance == 0
    assert demo.broken_invariants() == ""
    give(demo, maya, 1000)


def test_admins_send_without_tokens(demo: Demo, conversation: dict):
    answer = demo.client("dana").reply(conversation, "From the admin")

    assert answer.status_code == 201
    assert answer.json()["remaining_tokens"] is None


def test_the_same_idempotency_key_five_times_at_once_is_one_message(demo: Demo, conversation: dict):
    maya, before, key = demo.client("maya"), demo.client("maya").balance, str(uuid4())
    body = {"conversation_id": conversation["id"], "content": "Once"}

    with ThreadPoolExecutor(5) as pool:
        answers = list(
            pool.map(lambda _: maya.post("/api/messages/send", json=body, headers={"Idempotency-Key": key}), range(5))
        )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["message"]["id"] for answer in answers}) == 1
    assert maya.balance == before - 1
    other = maya.post("/api/messages/send", json={**body, "content": "Twice"}, headers={"Idempotency-Key": key})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")
    dana = demo.client("dana").post("/api/messages/send", json=body, headers={"Idempotency-Key": key})
    assert dana.json()["message"]["id"] != answers[0].json()["message"]["id"]


def test_the_same_client_id_is_one_message(demo: Demo, conversation: dict):
    maya, before, client_id = demo.client("maya"), demo.client("maya").balance, str(uuid4())

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: maya.reply(conversation, "Once", client_id=client_id), range(5)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 4}
    assert len({answer.json()["message"]["id"] for answer in answers}) == 1
    assert maya.balance == before - 1
    assert maya.reply(conversation, "Different", client_id=client_id).status_code == 409


@pytest.mark.parametrize("kind", ["21610", "21211", "400"])
def test_a_definite_refusal_fails_the_message_and_refunds_once(demo: Demo, conversation: dict, kind: str):
    maya = demo.client("maya")
    before = maya.balance
    demo.sandbox("POST", "/faults", provider="twilio", kind=kind, count=1)

    message = maya.reply(conversation, f"Refused {kind}").json()["message"]

    failed = eventually(lambda: (m := maya.message(message["id"]))["status"] == "failed" and m)
    assert failed["error"]["code"] == ("21211" if kind == "400" else kind)
    assert failed["error"]["message"]
    eventually(lambda: maya.balance == before)


@pytest.mark.parametrize("kind", ["500", "accept_then_500", "accept_then_reset", "truncated_json", "no_sid"])
def test_an_unclear_answer_is_never_sent_again(demo: Demo, conversation: dict, kind: str):
    maya = demo.client("maya")
    before = maya.balance
    demo.sandbox("POST", "/faults", provider="twilio", kind=kind, count=1)
    text = f"Unclear {kind} {uuid4().hex[:6]}"

    message = maya.reply(conversation, text).json()["message"]

    known = {"unknown"} if kind == "500" else {"delivered"}  # the callback names the message that was taken after all
    eventually(lambda: maya.message(message["id"])["status"] in known)
    taken = [each for each in demo.phone(conversation["contact"]["phone"]) if each["body"] == text]
    assert len(taken) == (0 if kind == "500" else 1)
    assert maya.balance == before - 1


def test_a_busy_provider_is_asked_again(demo: Demo, conversation: dict):
    maya = demo.client("maya")
    demo.sandbox("POST", "/faults", provider="twilio", kind="429", count=1)

    message = maya.reply(conversation, "When you have time").json()["message"]

    eventually(lambda: maya.message(message["id"])["status"] == "delivered", 30)


def test_who_may_see_and_change_balances(demo: Demo):
    maya, tom, dana, ines = (demo.client(name) for name in ("maya", "tom", "dana", "ines"))
    assert maya.read("/api/tokens/get", user_id=maya.user["id"])["balance"] == maya.balance
    assert dana.read("/api/tokens/get", user_id=maya.user["id"])["balance"] == maya.balance
    for client in (tom, ines):
        assert client.get("/api/tokens/get", params={"user_id": maya.user["id"]}).status_code == 400
    body = {"user_id": maya.user["id"], "delta": 5}
    assert maya.patch("/api/tokens/update", json=body).status_code == 403
    assert ines.patch("/api/tokens/update", json=body).status_code == 400
    before = maya.balance
    granted = dana.patch("/api/tokens/update", json={**body, "reason": "Well done"})
    assert granted.json() == {"user_id": maya.user["id"], "balance": before + 5, "entry_id": granted.json()["entry_id"]}
    taken = dana.patch("/api/tokens/update", json={**body, "delta": -(before + 6)})
    assert taken.status_code == 400
    assert maya.balance == before + 5
