"""The official SDK, synchronous and asynchronous, against the sandbox's wire."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.sandbox.conftest import OURS, PHONE, TOKEN


def refused(call, **form) -> TwilioRestException:
    with pytest.raises(TwilioRestException) as caught:
        call(**form)
    return caught.value


def test_created_message_has_twilios_shape_and_is_listed(client, sandbox, account):
    message = client.messages.create(to=PHONE, from_=OURS, body="Hello 👍")

    assert (message.status, message.direction, message.num_segments, message.price) == (
        "queued",
        "outbound-api",
        "1",
        None,
    )
    assert message.sid.startswith("SM")
    assert message.date_sent is None
    assert [listed["sid"] for listed in sandbox.accepted(account)] == [message.sid]
    assert client.messages(message.sid).fetch().body == "Hello 👍"


def test_message_is_sent_and_delivered_without_a_callback(client, sandbox):
    message = client.messages.create(to=PHONE, from_=OURS, body="Hello")

    sandbox.wait_until_quiet()

    fetched = client.messages(message.sid).fetch()
    assert fetched.status == "delivered"
    assert abs(fetched.date_sent - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"from_": OURS, "body": "x"}, 21604),
        ({"to": PHONE, "body": "x"}, 21603),
        ({"to": PHONE, "from_": OURS}, 21602),
        ({"to": PHONE, "from_": OURS, "body": "x" * 1601}, 21617),
        ({"to": "asd", "from_": OURS, "body": "x"}, 21211),
        ({"to": PHONE, "from_": "+15550999999", "body": "x"}, 21606),
        ({"to": OURS, "from_": OURS, "body": "x"}, 21266),
        ({"to": PHONE, "messaging_service_sid": "MG1", "body": "x"}, 21701),
        ({"to": PHONE, "from_": OURS, "body": "x", "status_callback": "nowhere"}, 21609),
        ({"to": PHONE, "from_": OURS, "media_url": ["ftp://files.example/a.png"]}, 21620),
    ],
)
def test_invalid_create_is_refused_with_twilios_code(client, sandbox, account, form, code):
    error = refused(client.messages.create, to=form.pop("to", ""), **form)

    assert (error.status, error.code) == (400, code)
    assert sandbox.accepted(account) == []


def test_error_body_has_twilios_four_fields(sandbox, account):
    answer = requests.post(
        f"{sandbox.base_url}/2010-04-01/Accounts/{account}/Messages.json",
        data={"To": "5"},
        auth=(account, TOKEN),
        timeout=5,
    )

    assert answer.status_code == 400
    assert answer.json() == {
        "code": 21603,
        "message": "A 'From' phone number is required.",
        "more_info": "https://www.twilio.com/docs/errors/21603",
        "status": 400,
    }


def test_wrong_credentials_are_refused_for_reading_and_writing(sandbox, account):
    stranger = Client(account, "wrong")
    stranger.api.base_url = sandbox.base_url

    assert refused(stranger.messages.create, to=PHONE, from_=OURS, body="x").code == 20003
    assert refused(stranger.messages("SM" + "0" * 32).fetch).status == 401


def test_reading_needs_no_login_and_writing_does(sandbox, account):
    path = f"{sandbox.base_url}/2010-04-01/Accounts/{account}/Messages.json"

    assert requests.get(path, timeout=5).status_code == 200
    assert requests.post(path, data={"To": PHONE, "From": OURS, "Body": "x"}, timeout=5).status_code == 401
    assert requests.get(path.replace("/Messages.json", ".json"), timeout=5).json()["auth_token"] is None


def test_unknown_paths_answer_20404(client, sandbox):
    assert refused(client.messages("SM" + "0" * 32).fetch).code == 20404
    assert requests.get(f"{sandbox.base_url}/2010-04-01/Accounts/AC1/Calls.json", timeout=5).json()["code"] == 20404


def test_list_is_paged_newest_first_without_gap_or_repeat(client, sandbox):
    sids = [client.messages.create(to=PHONE, from_=OURS, body=str(number)).sid for number in range(7)]

    assert [message.sid for message in client.messages.stream(page_size=3)] == sids[::-1]
    first = client.messages.page(page_size=3)
    client.messages.create(to=PHONE, from_=OURS, body="written between two pages")
    seen = [message.sid for message in first] + [message.sid for message in first.next_page()]
    assert seen == sids[:0:-1]
    assert len(client.messages.list(limit=4, page_size=2)) == 4


def test_list_filters_by_both_ends_and_by_date_sent(client, sandbox):
    other = "+15550111333"
    mine = client.messages.create(to=PHONE, from_=OURS, body="a").sid
    theirs = client.messages.create(to=other, from_=OURS, body="b").sid
    sandbox.wait_until_quiet()
    now = datetime.now(UTC)

    def listed(**filters) -> set[str]:
        return {message.sid for message in client.messages.list(**filters)}

    assert listed(to=other) == {theirs}
    assert listed(from_=OURS) == {mine, theirs}
    assert listed(to=OURS) == set()
    sent_at = client.messages(mine).fetch().date_sent  # the filter takes exactly this second, so `now` may miss it
    assert mine in listed(date_sent=sent_at)
    assert listed(date_sent=sent_at - timedelta(hours=1)) == set()
    assert listed(date_sent_after=now - timedelta(minutes=1)) == {mine, theirs}
    assert listed(date_sent_after=now + timedelta(minutes=1)) == set()
    assert listed(date_sent_before=now - timedelta(minutes=1)) == set()


def test_unsent_message_has_no_date_sent_to_filter_by(client, sandbox):
    sandbox.post("/settings", sent_after_ms=1000, delivered_after_ms=1000)
    client.messages.create(to=PHONE, from_=OURS, body="still queued")

    assert client.messages.list(date_sent_after=datetime.now(UTC) - timedelta(days=1)) == []


def test_service_message_gets_its_sender_when_it_is_sent(client, sandbox):
    message = client.messages.create(to=PHONE, messaging_service_sid="MG" + "a" * 32, body="x")
    assert (message.status, message.from_) == ("accepted", None)

    sandbox.wait_until_quiet()

    assert client.messages(message.sid).fetch().from_ == OURS


def test_scheduled_message_can_be_canceled_and_another_not(client, sandbox, webhooks):
    later = datetime.now(UTC) + timedelta(hours=1)
    scheduled = client.messages.create(
        to=PHONE,
        messaging_service_sid="MG" + "a" * 32,
        body="x",
        send_at=later,
        schedule_type="fixed",
        status_callback=f"{webhooks.url}/status",
    )
    assert scheduled.status == "scheduled"

    assert client.messages(scheduled.sid).update(status="canceled").status == "canceled"

    assert [received.form["MessageStatus"] for received in webhooks.wait_for(1)] == ["canceled"]
    sent = client.messages.create(to=PHONE, from_=OURS, body="x")
    assert refused(client.messages(sent.sid).update, status="canceled").code == 30409


def test_body_is_redacted_and_message_deleted(client, sandbox, account):
    message = client.messages.create(to=PHONE, from_=OURS, body="secret")
    assert refused(client.messages(message.sid).delete).code == 20009
    sandbox.wait_until_quiet()

    assert client.messages(message.sid).update(body="").body == ""
    assert client.messages(message.sid).delete()
    assert sandbox.accepted(account) == []


def test_media_are_listed(client):
    message = client.messages.create(
        to=PHONE, from_=OURS, media_url=["https://files.example/cat.png", "https://files.example/x"]
    )

    assert message.sid.startswith("MM")
    assert message.num_media == "2"
    assert [media.content_type for media in client.messages(message.sid).media.list()] == ["image/png", "image/jpeg"]


def test_numbers_are_listed_and_their_webhook_changed(client, account):
    [number] = client.incoming_phone_numbers.list(phone_number=OURS)

    number.update(sms_url="https://hub.example/inbound")

    assert client.incoming_phone_numbers(number.sid).fetch().sms_url == "https://hub.example/inbound"
    assert client.api.accounts(account).fetch().status == "active"


def test_number_of_another_account_cannot_be_taken(client, sandbox):
    assert refused(client.incoming_phone_numbers.create, phone_number=OURS).code == 21422
    assert refused(client.incoming_phone_numbers.create, phone_number="123").code == 21421


def test_accounts_do_not_see_each_other(client, sandbox):
    message = client.messages.create(to=PHONE, from_=OURS, body="x")
    other_sid = "AC" + "e" * 32
    sandbox.add_account(other_sid, "other")
    other = Client(other_sid, "other")
    other.api.base_url = sandbox.base_url

    assert other.messages.list() == []
    assert refused(other.messages(message.sid).fetch).code == 20404
    assert refused(other.messages.create, to=PHONE, from_=OURS, body="x").code == 21606


async def test_asynchronous_client_sends_a_hundred_at_a_time(sandbox, account):
    """1,000 creates with 100 in flight: each is accepted once, none waits for another's turn in vain."""
    slots = asyncio.Semaphore(100)
    async with AsyncTwilioHttpClient(timeout=30) as http_client:
        client = Client(account, TOKEN, http_client=http_client)
        client.api.base_url = sandbox.base_url

        async def send(number: int) -> str:
            async with slots:
                return (await client.messages.create_async(to=PHONE, from_=OURS, body=str(number))).sid

        sids = await asyncio.gather(*(send(number) for number in range(1000)))
        listed = [message.sid async for message in await client.messages.stream_async(page_size=400)]

    assert len(set(sids)) == 1000
    assert set(listed) == set(sids)


def test_registration_is_idempotent_and_seen_at_once(sandbox, account):
    again = sandbox.add_number(account, OURS, "https://hub.example/new", "Renamed")
    sandbox.add_account(account, "rotated")
    client = Client(account, "rotated", http_client=TwilioHttpClient(timeout=3))
    client.api.base_url = sandbox.base_url

    [number] = client.incoming_phone_numbers.list(phone_number=OURS)
    assert (number.sid, number.friendly_name, number.sms_url) == (again, "Renamed", "https://hub.example/new")
