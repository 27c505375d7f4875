"""Every fault as the official SDK sees it, and what the oracle then holds."""

import json
import time

import aiohttp
import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from tests.sandbox.conftest import OURS, PHONE, TOKEN


def send(client: Client, body: str = "x", **form):
    return client.messages.create(to=PHONE, from_=OURS, body=body, **form)


@pytest.mark.parametrize(
    ("kind", "options", "error", "accepted"),
    [
        ("accept_then_hang", {"seconds": 30}, requests.ReadTimeout, 1),
        ("accept_then_reset", {}, requests.exceptions.ChunkedEncodingError, 1),
        ("truncated_json", {}, json.JSONDecodeError, 1),
        ("html", {}, json.JSONDecodeError, 0),
    ],
)
def test_answer_that_never_comes_whole(client, sandbox, account, kind, options, error, accepted):
    sandbox.fault(kind, **options)

    with pytest.raises(error):
        send(client)

    assert len(sandbox.accepted(account)) == accepted
    assert send(client).sid  # the fault is used up


async def test_reset_is_a_transport_error_for_the_asynchronous_client(sandbox, account):
    sandbox.fault("accept_then_reset")
    async with AsyncTwilioHttpClient(timeout=5) as http_client:
        client = Client(account, TOKEN, http_client=http_client)
        client.api.base_url = sandbox.base_url
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.messages.create_async(to=PHONE, from_=OURS, body="x")

    assert len(sandbox.accepted(account)) == 1


@pytest.mark.parametrize(
    ("kind", "options", "status", "code", "accepted"),
    [
        ("accept_then_500", {}, 500, 20500, 1),
        ("500", {}, 500, 20500, 0),
        ("502", {}, 502, 502, 0),
        ("503", {}, 503, 20503, 0),
        ("504", {}, 504, 504, 0),
        ("429", {}, 429, 20429, 0),
        ("400", {}, 400, 21211, 0),
        ("400", {"code": 21408}, 400, 21408, 0),
        ("401", {}, 401, 20003, 0),
        ("21610", {}, 400, 21610, 0),
        ("21614", {}, 400, 21614, 0),
    ],
)
def test_refusal(client, sandbox, account, kind, options, status, code, accepted):
    sandbox.fault(kind, **options)

    with pytest.raises(TwilioRestException) as caught:
        send(client)

    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(sandbox.accepted(account)) == accepted
    assert send(client).sid


def test_retry_after_is_told(sandbox, account):
    sandbox.fault("429", retry_after=7)

    answer = requests.post(
        f"{sandbox.base_url}/2010-04-01/Accounts/{account}/Messages.json",
        data={"To": PHONE, "From": OURS, "Body": "x"},
        auth=(account, TOKEN),
        timeout=5,
    )

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_answer_without_sid_and_answer_about_another_account(client, sandbox, account):
    sandbox.fault("no_sid")
    sandbox.fault("foreign_account")

    assert send(client).sid is None
    assert send(client).account_sid != account
    assert len(sandbox.accepted(account)) == 2


def test_slow_answer_arrives(client, sandbox):
    sandbox.fault("slow", seconds=0.3)
    started = time.monotonic()

    assert send(client).sid
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("code", [30003, 30005, 30006, 30007, 30008, 30034])
def test_delivery_fails_later(client, sandbox, webhooks, code):
    sandbox.fault(str(code))

    message = send(client, status_callback=f"{webhooks.url}/status")

    assert message.error_code is None
    # In any order: each is posted by itself, and Twilio promises none.
    reported = {received.form["MessageStatus"]: received.form for received in webhooks.wait_for(2)}
    assert set(reported) == {"sent", "undelivered"}
    assert "ErrorCode" not in reported["sent"]
    assert reported["undelivered"]["ErrorCode"] == str(code)
    fetched = client.messages(message.sid).fetch()
    assert (fetched.status, fetched.error_code) == ("undelivered", code)
    assert fetched.error_message


def test_queue_overflow_fails_without_being_sent(client, sandbox, webhooks):
    sandbox.fault("30001")

    message = send(client, status_callback=f"{webhooks.url}/status")

    sandbox.wait_until_quiet()
    assert [received.form["MessageStatus"] for received in webhooks.received] == ["failed"]
    assert client.messages(message.sid).fetch().date_sent is None


@pytest.mark.parametrize(
    ("kind", "options", "statuses"),
    [
        ("duplicate_callbacks", {}, ["sent", "sent", "delivered", "delivered"]),
        ("duplicate_callbacks", {"copies": 3}, ["sent"] * 3 + ["delivered"] * 3),
        ("reorder_callbacks", {}, ["delivered", "sent"]),
        ("delay_callbacks", {"seconds": 0.3}, ["sent", "delivered"]),
        ("no_callbacks", {}, []),
    ],
)
def test_callbacks_that_go_astray(client, sandbox, webhooks, kind, options, statuses):
    sandbox.fault(kind, **options)

    message = send(client, status_callback=f"{webhooks.url}/status")

    sandbox.wait_until_quiet()
    told = [received.form["MessageStatus"] for received in webhooks.received]
    # Those of one message are posted side by side: only where it is the fault, their order is the sandbox's own.
    assert told == statuses if kind == "reorder_callbacks" else sorted(told) == sorted(statuses)
    assert client.messages(message.sid).fetch().status == "delivered"


def test_callbacks_come_before_the_response(client, sandbox, webhooks):
    sandbox.fault("callback_before_response")

    message = send(client, status_callback=f"{webhooks.url}/status")

    assert {received.form["MessageSid"] for received in webhooks.received} == {message.sid}
    assert {received.form["MessageStatus"] for received in webhooks.received} == {"sent", "delivered"}


def test_faults_are_used_up_in_order_by_valid_creates_only(client, sandbox, account):
    sandbox.fault("500", count=2)
    sandbox.fault("ok")
    sandbox.fault("429")

    client.messages.list()
    with pytest.raises(TwilioRestException):
        client.messages.create(to="nobody", from_=OURS, body="x")
    assert [(fault["kind"], fault["count"]) for fault in sandbox.get("/faults")["faults"]] == [
        ("500", 2),
        ("ok", 1),
        ("429", 1),
    ]

    outcomes = []
    for _ in range(5):
        try:
            outcomes.append(send(client).status)
        except TwilioRestException as error:
            outcomes.append(error.code)

    assert outcomes == [20500, 20500, "queued", 20429, "queued"]
    assert sandbox.get("/faults") == {"faults": []}


def test_fault_meant_for_one_account_spares_the_others(client, sandbox):
    sandbox.fault("429", count=50, account_sid="AC" + "f" * 32)
    sandbox.fault("500", to="+15550999000")

    assert send(client).sid


@pytest.mark.parametrize(
    "payload",
    [
        {"kind": "explode"},
        {"kind": "500", "count": 0},
        {"kind": "500", "count": "many"},
        {"kind": "500", "provider": "pigeon"},
        {"kind": "slow", "seconds": "long"},
        {"kind": "500", "colour": 3},
        {"kind": "400", "code": 30003},
        {},
    ],
)
def test_nonsense_is_answered_with_one_sentence(sandbox, payload):
    answer = requests.post(f"{sandbox.base_url}/faults", json=payload, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 400), (b"x" * 2_000_000, 413)])
def test_unreadable_json_is_refused(sandbox, body, status):
    answer = requests.post(
        f"{sandbox.base_url}/faults", data=body, headers={"Content-Type": "application/json"}, timeout=5
    )

    assert answer.status_code == status


def test_form_of_another_site_cannot_throw_switches(sandbox):
    assert requests.post(f"{sandbox.base_url}/faults", data={"kind": "500"}, timeout=5).status_code == 415


def test_settings_are_checked(sandbox):
    assert sandbox.post("/settings", latency_ms=5)["latency_ms"] == 5
    for nonsense in ({"latency_ms": -1}, {"latency_ms": "1"}, {"speed": 1}):
        assert requests.post(f"{sandbox.base_url}/settings", json=nonsense, timeout=5).status_code == 400


def test_requests_are_counted_refused_ones_too(client, sandbox, account):
    before = sandbox.get("/requests")
    sandbox.fault("401")
    with pytest.raises(TwilioRestException):
        send(client)
    send(client)
    client.messages.list()

    after = sandbox.get("/requests")
    assert after["creates"] - before["creates"] == 2
    assert after["total"] - before["total"] == 3
    assert [entry["status"] for entry in after["last"][:3]] == [200, 201, 401]
