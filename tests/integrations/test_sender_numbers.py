"""/api/sender-numbers, with the sandbox as Twilio over a real socket."""

from collections.abc import Iterator

import pytest
from django.db import connection

from integrations.models import Channel, ChannelAlert, TwilioAccount
from tests.sandbox_server import SandboxServer, sandbox_server

pytestmark = pytest.mark.xdist_group("sender numbers")
SID, TOKEN = "AC" + "a" * 32, "b" * 32
PHONE, OTHER = "+15557770001", "+15557770002"
HERE = "http://testserver/api/webhooks/twilio/messages"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SandboxServer]:
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as sandbox:
        sandbox.add_account(SID, TOKEN)
        sandbox.add_number(SID, PHONE, friendly_name="Front desk")
        sandbox.add_number(SID, OTHER, "https://elsewhere.example/sms")
        yield sandbox


@pytest.fixture
def twilio(server, settings) -> SandboxServer:
    settings.TWILIO_API_BASE_URL = server.base_url
    return server


def body(room, **more) -> dict:
    return {"chatroom_id": str(room.pk), "phone": PHONE, "account_sid": SID, "auth_token": TOKEN, **more}


def webhooks(twilio: SandboxServer) -> dict:
    listed = twilio.get(f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json")["incoming_phone_numbers"]
    return {number["phone_number"]: number["sms_url"] for number in listed}


def test_a_number_is_connected_changed_and_disconnected(api, ann, acme, inside, sales, support, twilio):
    client = api(ann)
    made = client.post("/api/sender-numbers", body(sales.room))
    assert made.status_code == 201, made.content
    assert TOKEN not in made.content.decode()
    assert {name: made.json()[name] for name in ("phone", "name", "chatroom_id", "account_sid")} == {
        "phone": PHONE,
        "name": "Front desk",
        "chatroom_id": str(sales.room.pk),
        "account_sid": SID,
    }
    assert webhooks(twilio)[PHONE] == HERE
    place = f"/api/sender-numbers/{made.json()['id']}"
    moved = client.patch(place, {"chatroom_id": str(support.room.pk), "name": "Support"}).json()
    assert (moved["chatroom_id"], moved["name"]) == (str(support.room.pk), "Support")
    assert client.get(place).json() == moved
    assert client.delete(place).status_code == 204
    with inside(acme):
        assert not TwilioAccount.objects.filter(external_id=SID).exists()


def test_taken_is_said_only_to_who_has_the_credentials(api, ann, zed, sales, elsewhere, twilio):
    assert api(ann).post("/api/sender-numbers", body(sales.room)).status_code == 201

    right = api(zed).post("/api/sender-numbers", body(elsewhere.room))
    again = api(ann).post("/api/sender-numbers", body(sales.room))
    wrong = api(zed).post("/api/sender-numbers", body(elsewhere.room, auth_token="c" * 32))
    none = api(zed).post("/api/sender-numbers", {**body(elsewhere.room), "auth_token": ""})

    for answer in (right, again):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "claimed")
    for answer in (wrong, none):
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"].keys() == {"auth_token"}
    synced = api(zed).post("/api/sender-numbers/sync", {"account_sid": SID, "auth_token": TOKEN})
    assert (synced.status_code, synced.json()["error"]["code"]) == (409, "claimed")


def test_only_numbers_of_the_account(api, ann, sales, twilio):
    answer = api(ann).post("/api/sender-numbers", body(sales.room, phone="+15557779999"))
    assert answer.json()["error"]["fields"].keys() == {"phone"}


def test_a_new_token_is_tried_first(api, ann, acme, inside, sales, twilio):
    place = f"/api/sender-numbers/{api(ann).post('/api/sender-numbers', body(sales.room)).json()['id']}"
    assert api(ann).patch(place, {"auth_token": "c" * 32}).status_code == 400
    assert api(ann).patch(place, {"auth_token": TOKEN}).status_code == 200
    with inside(acme):
        assert TwilioAccount.objects.get(external_id=SID).secret == TOKEN


def test_sync_lists_everything_and_points_ours_here(api, ann, acme, inside, sales, support, twilio):
    with inside(acme):  # the cast's own account is unknown to this Twilio
        account = TwilioAccount.objects.get()
        Channel.objects.update(account=account)
        account.external_id, account.secret = SID, TOKEN
        account.save()
        Channel.objects.filter(pk=sales.number.pk).update(address=OTHER)

    first, second = (api(ann).post("/api/sender-numbers/sync") for _ in range(2))

    assert first.status_code == 200, first.content
    assert {row["phone"]: row["webhook"] for row in first.json()["results"]} == {
        PHONE: "not_connected",
        OTHER: "set",
        support.number.address: "not_in_account",
    }
    assert {row["phone"]: row["webhook"] for row in second.json()["results"]}[OTHER] == "unchanged"
    assert str(sales.number.pk) in {row["sender_number_id"] for row in first.json()["results"]}
    assert webhooks(twilio)[OTHER] == HERE


@pytest.mark.parametrize("damage", ["rejected", "unreadable"])
def test_sync_goes_on_without_an_account_that_cannot_be_asked(api, ann, acme, sales, support, inside, twilio, damage):
    number = api(ann).post("/api/sender-numbers", body(sales.room)).json()
    broken = sales.number.account.external_id
    if damage == "unreadable":
        with inside(acme), connection.cursor() as cursor:
            cursor.execute("UPDATE provider_accounts SET secret = 'plain' WHERE external_id = %s", [broken])

    answer = api(ann).post("/api/sender-numbers/sync")

    assert answer.status_code == 200
    told = answer.json()
    assert {row["phone"]: row["sender_number_id"] for row in told["results"]} == {PHONE: number["id"], OTHER: None}
    assert [problem["account_sid"] for problem in told["problems"]] == [broken]
    with inside(acme):  # of whose numbers nothing is known, so nobody is told that they are gone
        assert not ChannelAlert.objects.exists()


def test_sync_of_none_that_can_be_asked_is_refused(api, ann, sales, twilio):
    assert api(ann).post("/api/sender-numbers/sync").status_code == 400


def test_a_number_with_conversations_stays(api, ann, acme, inside, sales):
    answer = api(ann).delete(f"/api/sender-numbers/{sales.number.pk}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "in_use")
    with inside(acme):
        assert sales.conversation.messages.exists()


def test_without_twilio_nothing_is_claimed(api, ann, sales, settings):
    settings.TWILIO_API_BASE_URL = "http://127.0.0.1:9/sandbox"
    answer = api(ann).post("/api/sender-numbers", body(sales.room))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "provider_unavailable")


def test_numbers_are_the_admins_business(api, ann, bo, zed, sales):
    place = f"/api/sender-numbers/{sales.number.pk}"
    assert len(api(ann).get("/api/sender-numbers").json()["results"]) == 2
    assert api(bo).get("/api/sender-numbers").status_code == 403
    assert api(bo).patch(place, {"name": "Mine"}).status_code == 403
    assert api(zed).get(place).status_code == api(zed).delete(place).status_code == 404
