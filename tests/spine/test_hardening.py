"""What somebody who set out to break it has broken once, and must not again."""

import asyncio
import base64
import json

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from integrations.events import Accepted, Busy, NotReached
from integrations.models import SenderNumber
from messagehub import tenancy
from messaging.conversations import reading
from messaging.models import Conversation, Message
from messaging.sending import delivery, enqueue
from tests.running_demo import Demo, phones
from tests.spine.test_walls import a_tenant
from tokens import ledger, proof


@pytest.fixture
def acme(db) -> dict:
    return a_tenant("acme", "+15550100100")


@pytest.fixture
def globex(db) -> dict:
    return a_tenant("globex", "+15550200200")


@pytest.fixture
def agent(acme) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_login(User.objects.get(email="agent@acme.example"))
    return client


def state(message: Message) -> str:
    with tenancy.system():
        return Message.objects.values_list("status", flat=True).get(pk=message.pk)


async def test_rights_lost_all_at_once_end_a_narrowed_socket_too(demo: Demo):
    tom, phone = demo.client("tom"), next(phones)
    numbers = demo.details["twilio"]["numbers"]
    room, other = numbers[1]["chatroom_id"], numbers[2]["chatroom_id"]
    dana = demo.client("dana")
    both = [{"user_id": tom.user["id"], "chatroom_id": each} for each in (room, other)]
    await asyncio.to_thread(dana.post, "/api/user-chatrooms", json=both[1])
    lose = (
        "from messagehub import bus, tenancy; from chatrooms.models import UserChatroom\n"
        "with tenancy.system():\n"
        f"    UserChatroom.objects.filter(user_id='{tom.user['id']}').delete()\n"
        f"    bus.access_changed(['{tom.user['id']}'])"
    )
    try:
        async with demo.socket(tom) as socket:
            await socket.until(lambda frame: frame["type"] == "ready")
            await socket.say(type="subscribe", chatroom_ids=[room])
            await socket.say(type="ping")
            await socket.until(lambda frame: frame["type"] == "pong")

            await asyncio.to_thread(demo.shell.run, lose)

            await socket.until(lambda frame: frame["type"] == "access.revoked", 3)
            await asyncio.to_thread(demo.text, phone, numbers[1]["phone"], "Not for Tom any more")
            await socket.quiet(1)
            assert not [frame for frame in socket.frames if frame["type"] == "message.created"]
    finally:
        for each in both:
            await asyncio.to_thread(dana.post, "/api/user-chatrooms", json=each)
        await asyncio.to_thread(dana.delete, "/api/user-chatrooms", params=both[1])


def test_a_token_that_nobody_can_decrypt_stops_only_its_own_account(acme, globex):
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute("UPDATE twilio_accounts SET auth_token = 'f1:nonsense' WHERE account_sid = 'ACglobex'")

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
            SenderNumber.objects.update(held_until=None)
        (claimed,) = delivery.claim_messages(1)
        delivery.settle_outcomes([(claimed, Busy("Busy.", retry_after=5, whole_account=False))])
    assert state(acme["message"]) == "queued"

    for _ in range(delivery.MOST_ATTEMPTS):
        with tenancy.system():
            Message.objects.update(not_before=None)
            SenderNumber.objects.update(held_until=None)
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


def test_reading_counts_in_one_snapshot(acme, django_assert_num_queries):
    with tenancy.organization(acme["organization"].pk), django_assert_num_queries(2):
        reading.mark_read(acme["agent"], acme["conversation"], acme["message"])


@pytest.mark.parametrize("depth", [100, 400, 900, 1100, 100_000])
def test_json_of_any_depth_is_answered_400(agent, depth: int):
    for body in (b'{"a":' * depth + b"1" + b"}" * depth, b'{"a":' + b"[" * depth + b"]" * depth + b"}"):
        for path in ("/api/messages/send", "/api/auth/login"):
            answer = agent.post(path, body, content_type="application/json")
            assert answer.status_code == 400


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01", "x"])
@pytest.mark.parametrize("path", ["/api/conversations", "/api/messages", "/api/contacts", "/api/chatrooms"])
def test_a_cursor_that_was_tampered_with_is_answered_400(agent, path: str, moment: str):
    cursor = base64.urlsafe_b64encode(f"a|{moment}|01900000-0000-7000-8000-000000000000".encode()).decode()
    assert agent.get(path, {"cursor": cursor}).status_code == 400


@pytest.mark.parametrize("key", ['"\\000aaaaaaaaaaa"', "é" * 12, "' OR 1=1 --", "x" * 5000])
def test_a_session_cookie_that_can_be_none_is_nobody(db, key: str):
    client = APIClient(raise_request_exception=False)
    client.cookies.load(f"sessionid={key}")
    client.cookies["sessionid"] = json.loads(key.replace("\\000", "\\u0000")) if key.startswith('"') else key
    assert client.get("/api/auth/me").status_code == 401


def test_signing_in_twice_in_one_browser_gives_two_sign_ins(acme):
    client = APIClient(raise_request_exception=False)
    body = {"email": "agent@acme.example", "password": "x"}
    tokens = [client.post("/api/auth/login", body, format="json").json()["token"] for _ in range(2)]
    for token in tokens:
        assert APIClient().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 200


def test_events_take_no_paging(agent):
    assert agent.get("/api/events", {"page_size": 0}).status_code == 400
