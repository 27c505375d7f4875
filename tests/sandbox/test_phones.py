"""Customers' phones: what they write reaches our webhook, what is sent to them can be read, STOP is heeded."""

import secrets

import pytest
import requests
from twilio.base.exceptions import TwilioRestException

from tests.sandbox.conftest import OURS
from tests.sandbox_server import free_port


@pytest.fixture
def phone() -> str:
    """A phone that nobody has used."""
    return f"+1555{secrets.randbelow(10**7):07d}"


def test_phone_writes_to_our_webhook(sandbox, webhooks, account, phone):
    answer = requests.post(
        f"{sandbox.base_url}/phones/{phone}/messages", json={"to": OURS, "body": "Is it ready? 👍"}, timeout=5
    )

    assert answer.status_code == 201
    assert answer.json()["webhook_status"] == 200
    [received] = webhooks.received
    assert webhooks.is_signed(received)
    sid = answer.json()["sid"]
    expected = {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": account,
        "From": phone,
        "To": OURS,
    }
    expected |= {
        "Body": "Is it ready? 👍",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "FromCity": "",
    }
    assert received.form.items() >= expected.items()


def test_inbound_message_is_listed_for_gap_repair(client, sandbox, phone):
    sid = sandbox.post(f"/phones/{phone}/messages", to=OURS, body="lost", webhook=False)["sid"]

    [message] = client.messages.list(to=OURS)

    assert (message.sid, message.direction, message.status, message.from_) == (sid, "inbound", "received", phone)
    assert message.date_sent


def test_unanswered_webhook_keeps_the_message(sandbox, account, phone):
    sandbox.add_number(account, OURS, f"http://127.0.0.1:{free_port()}/#rc=0")

    answer = requests.post(f"{sandbox.base_url}/phones/{phone}/messages", json={"to": OURS, "body": "x"}, timeout=10)

    assert answer.status_code == 202
    assert answer.json()["webhook_status"] is None
    assert answer.json()["error"] == "The webhook's server could not be reached."
    assert len(sandbox.get(f"/phones/{phone}/messages")["messages"]) == 1


def test_media_reach_the_webhook_under_our_own_address(sandbox, webhooks, account, phone):
    sandbox.post(f"/phones/{phone}/messages", to=OURS, media=["https://files.example/cat.png"])

    form = webhooks.received[0].form
    assert (form["NumMedia"], form["MediaContentType0"]) == ("1", "image/png")
    assert form["MediaUrl0"].startswith(f"{sandbox.base_url}/2010-04-01/Accounts/{account}/Messages/MM")
    answer = requests.get(form["MediaUrl0"], timeout=5, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, "https://files.example/cat.png")


def test_phone_reads_both_directions_newest_last(client, sandbox, phone):
    sandbox.post(f"/phones/{phone}/messages", to=OURS, body="first")
    client.messages.create(to=phone, from_=OURS, body="second")
    sandbox.wait_until_quiet()

    messages = sandbox.get(f"/phones/{phone}/messages")["messages"]

    shown = [(message["direction"], message["body"], message["status"]) for message in messages]
    assert shown == [("sent", "first", "received"), ("received", "second", "delivered")]
    latest = sandbox.get("/phones")["phones"][0]
    assert (latest["number"], latest["messages"], latest["last_body"]) == (phone, 2, "second")


@pytest.mark.parametrize(("stop", "start"), [("STOP", "START"), (" stop ", "unstop"), ("Unsubscribe", "Yes")])
def test_stop_blocks_until_start(client, sandbox, phone, stop, start):
    sandbox.post(f"/phones/{phone}/messages", to=OURS, body=stop)
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to=phone, from_=OURS, body="x")
    assert (caught.value.status, caught.value.code) == (400, 21610)
    assert sandbox.get("/phones")["phones"][0]["opted_out_of"] == [OURS]

    sandbox.post(f"/phones/{phone}/messages", to=OURS, body=start)

    assert client.messages.create(to=phone, from_=OURS, body="x").sid


def test_please_stop_is_no_keyword(client, sandbox, phone):
    sandbox.post(f"/phones/{phone}/messages", to=OURS, body="please stop")

    assert client.messages.create(to=phone, from_=OURS, body="x").sid


@pytest.mark.parametrize(
    ("number", "payload", "status"),
    [
        ("+15550111222", {"to": "+15550999999", "body": "x"}, 404),
        ("+15550111222", {"to": OURS}, 400),
        ("+15550111222", {"to": OURS, "body": 5}, 400),
        ("+15550111222", {"to": OURS, "body": "x" * 1601}, 400),
        ("+15550111222", {"body": "x"}, 400),
        ("+15550111222", {"to": OURS, "media": ["javascript:alert(1)"]}, 400),
        ("nobody", {"to": OURS, "body": "x"}, 400),
    ],
)
def test_nonsense_from_a_phone_is_refused_in_one_sentence(sandbox, account, number, payload, status):
    answer = requests.post(f"{sandbox.base_url}/phones/{number}/messages", json=payload, timeout=5)

    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
