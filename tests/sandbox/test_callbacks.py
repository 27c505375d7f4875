"""Webhooks that the sandbox makes: signed, repeated as asked, and not forgotten over a restart."""

import time

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.sandbox.conftest import OURS, PHONE, TOKEN
from tests.sandbox_server import free_port, sandbox_server


def test_status_callbacks_are_signed_and_complete(client, webhooks, account):
    message = client.messages.create(
        to=PHONE, from_=OURS, body="x", status_callback=f"{webhooks.url}/status?attempt=a%20b&x=%C3%A9#rc=2"
    )

    sent, delivered = webhooks.wait_for(2)

    assert sent.path == "/status?attempt=a%20b&x=%C3%A9"
    assert webhooks.is_signed(sent)
    assert webhooks.is_signed(delivered)
    usual = {"MessageSid": message.sid, "SmsSid": message.sid, "To": PHONE, "From": OURS, "AccountSid": account}
    assert sent.form == usual | {"MessageStatus": "sent", "SmsStatus": "sent", "ApiVersion": "2010-04-01"}
    assert delivered.form["MessageStatus"] == "delivered"
    assert len(delivered.form["RawDlrDoneDate"]) == 10


def test_refused_callback_is_not_repeated_by_default(client, sandbox, webhooks):
    webhooks.statuses = [500, 403]

    client.messages.create(to=PHONE, from_=OURS, body="x", status_callback=f"{webhooks.url}/status")
    sandbox.wait_until_quiet()

    assert len(webhooks.received) == 2
    [message] = [entry for entry in sandbox.get("/messages")["messages"] if entry["to"] == PHONE][:1]
    assert [callback["answer"] for callback in message["callbacks"]] == ["500", "403"]


def test_refused_callback_is_repeated_when_the_fragment_asks(client, sandbox, webhooks):
    sandbox.post("/settings", sent_after_ms=10, delivered_after_ms=3000)
    webhooks.statuses = [500, 404]

    client.messages.create(to=PHONE, from_=OURS, body="x", status_callback=f"{webhooks.url}/status#rc=3&rp=all")

    received = webhooks.wait_for(3)
    assert [one.form["MessageStatus"] for one in received] == ["sent"] * 3
    assert len({one.headers["I-Twilio-Idempotency-Token"] for one in received}) == 1


def test_unreachable_callback_is_given_up_in_words(client, sandbox):
    client.messages.create(to=PHONE, from_=OURS, body="x", status_callback=f"http://127.0.0.1:{free_port()}/#rc=0")

    sandbox.wait_until_quiet()

    callbacks = sandbox.get("/messages")["messages"][0]["callbacks"]
    assert {callback["answer"] for callback in callbacks} == {"The webhook's server could not be reached."}


def test_open_callbacks_survive_kill_minus_nine(tmp_path, webhooks):
    account = "AC" + "6" * 32
    with sandbox_server(tmp_path) as sandbox:
        sandbox.add_account(account, TOKEN)
        sandbox.add_number(account, OURS)
        sandbox.post("/settings", sent_after_ms=10, delivered_after_ms=1500)
        client = Client(account, TOKEN, http_client=TwilioHttpClient(timeout=3))
        client.api.base_url = sandbox.base_url
        message = client.messages.create(to=PHONE, from_=OURS, body="x", status_callback=f"{webhooks.url}/status")
        webhooks.wait_for(1)
        while sandbox.get("/requests")["open_steps"] > 1:  # killed earlier, it would rightly report `sent` again
            time.sleep(0.02)
        sandbox.kill()

    with sandbox_server(tmp_path) as sandbox:
        sent, delivered = webhooks.wait_for(2)
        sandbox.wait_until_quiet()
        [kept] = sandbox.accepted(account)

    assert (sent.form["MessageStatus"], delivered.form["MessageStatus"]) == ("sent", "delivered")
    assert (kept["sid"], kept["status"]) == (message.sid, "delivered")
    assert webhooks.is_signed(delivered)
