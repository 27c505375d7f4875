"""A number that its provider gave to another account: whoever proves it gets it, and the other keeps the history."""

import json
from collections.abc import Iterator
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts import tasks
from integrations import numbers
from integrations.models import Channel, ChannelAlert, TwilioAccount, WebhookEvent
from messagehub import tenancy
from messaging.models import Message
from messaging.receiving import ingest
from messaging.sending import delivery
from tests.sandbox_server import SandboxServer, sandbox_server

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("sender numbers")]
OLD, NEW, TOKEN = "AC" + "1" * 32, "AC" + "2" * 32, "b" * 32
PHONE = "+15557770009"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SandboxServer]:
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as sandbox:
        for sid in (OLD, NEW):
            sandbox.add_account(sid, TOKEN)
        sandbox.add_number(NEW, PHONE)  # as it is after porting: one account has a number at a time
        yield sandbox


@pytest.fixture
def twilio(server, settings) -> SandboxServer:
    settings.TWILIO_API_BASE_URL = server.base_url
    return server


@pytest.fixture
def old_owner(acme, sales, inside, twilio) -> Channel:
    """Acme's number in Sales, as it was connected before the port."""
    with inside(acme):
        Channel.objects.filter(pk=sales.number.pk).update(address=PHONE)
        account = TwilioAccount.objects.get()
        account.external_id, account.secret = OLD, TOKEN
        account.save()
    return sales.number


def connect(client, room, sid: str = NEW):
    body = {"chatroom_id": str(room.pk), "phone": PHONE, "account_sid": sid, "auth_token": TOKEN}
    return client.post("/api/sender-numbers", body)


def list_phones(client) -> list[str]:
    return [row["phone"] for row in client.get("/api/sender-numbers").json()["results"]]


def read_mails() -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'accounts.tasks.mail_admins'")
        jobs = [json.loads(args) for (args,) in cursor.fetchall()]
    return [(args["organization_id"], args) for args in jobs]


def receive(sid: str, phone: str) -> None:
    form = {"MessageSid": f"SM{uuid4().hex}", "From": phone, "To": PHONE, "Body": "For the new owner"}
    with tenancy.system():
        WebhookEvent.objects.create(
            source="twilio.message", account=sid, dedupe_key=form["MessageSid"], body=urlencode(form).encode()
        )
    ingest.drain_webhooks()


def test_proof_of_the_provider_moves_the_number(acme, globex, old_owner, sales, elsewhere, ann, zed, api, inside):
    answer = connect(api(zed), elsewhere.room)

    assert answer.status_code == 201, answer.content
    assert PHONE in list_phones(api(zed))
    assert PHONE not in list_phones(api(ann))
    assert PHONE not in str(api(ann).get("/api/chatrooms").json())
    assert api(ann).get(f"/api/sender-numbers/{old_owner.pk}").status_code == 404

    receive(NEW, "+15554001234")
    found = api(zed).get("/api/messages/inbound").json()["results"]
    assert found[0]["content"] == "For the new owner"
    with inside(acme):
        assert not Message.objects.filter(content="For the new owner").exists()


def test_conversations_of_the_old_owner_are_read_and_not_answered(
    acme, globex, old_owner, sales, elsewhere, ann, zed, api
):
    connect(api(zed), elsewhere.room)
    place = f"/api/conversations/{sales.conversation.pk}"
    assert api(ann).get(f"{place}/messages").json()["results"][0]["content"] == "Hello"
    body = {"conversation_id": str(sales.conversation.pk), "content": "Hi"}
    refused = api(ann).post("/api/messages/send", body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "no_sender")
    named = {"to": "+15554001111", "content": "Hi", "sender_number_id": str(old_owner.pk)}
    assert api(ann).post("/api/messages/send", named).status_code == 400
    assert api(ann).delete(f"/api/chatrooms/{sales.room.pk}").status_code == 204


def test_what_the_old_owner_has_queued_is_refunded_and_not_sent(
    acme, globex, old_owner, sales, elsewhere, bo, rich, zed, api, inside
):
    body = {"conversation_id": str(sales.conversation.pk), "content": "Hi"}
    sent = api(bo).post("/api/messages/send", body).json()
    connect(api(zed), elsewhere.room)

    assert delivery.claim_messages(10) == []

    with inside(acme):
        message = Message.objects.get(pk=sent["message"]["id"])
        assert (message.status, message.error_code, message.tokens) == ("failed", "no_sender", 0)
    assert api(bo).get("/api/auth/me").json()["token_balance"] == sent["remaining_tokens"] + 1


def test_what_is_queued_is_refunded_also_where_the_old_account_is_closed_for_good(
    acme, globex, old_owner, sales, elsewhere, bo, rich, zed, api, inside
):
    """Whoever ports a number away often closes the account: nothing would ever let it in again."""
    body = {"conversation_id": str(sales.conversation.pk), "content": "Hi"}
    sent = api(bo).post("/api/messages/send", body).json()
    with inside(acme):
        TwilioAccount.objects.update(paused_at=timezone.now(), paused_code="20003")
    assert delivery.claim_messages(10) == []
    with inside(acme):
        assert Message.objects.get(pk=sent["message"]["id"]).status == "queued"
    connect(api(zed), elsewhere.room)

    assert delivery.claim_messages(10) == []

    with inside(acme):
        message = Message.objects.get(pk=sent["message"]["id"])
        assert (message.status, message.error_code, message.tokens) == ("failed", "no_sender", 0)
    assert api(bo).get("/api/auth/me").json()["token_balance"] == sent["remaining_tokens"] + 1


def test_what_the_new_owner_has_queued_takes_nothing_of_what_the_old_one_may_send(
    acme, globex, old_owner, sales, support, elsewhere, ann, zed, api, inside
):
    connect(api(zed), elsewhere.room)
    body = {"to": "+15554001234", "content": "Hi", "chatroom_id": str(elsewhere.room.pk)}
    with inside(globex):
        number = Channel.objects.get(address=PHONE)
    assert api(zed).post("/api/messages/send", {**body, "sender_number_id": str(number.pk)}).status_code == 201
    for text in ("One", "Two"):
        body = {"conversation_id": str(support.conversation.pk), "content": text}
        assert api(ann).post("/api/messages/send", body).status_code == 201
    with inside(acme):
        account_id = TwilioAccount.objects.get().pk

    claimed = delivery.claim_messages(10, {account_id: 2})

    assert sorted(claim.text.body for claim in claimed) == ["Hi", "One", "Two"]


def test_admins_of_both_organizations_are_told_and_not_of_each_other(
    acme, globex, old_owner, elsewhere, zed, api, inside, mailoutbox
):
    connect(api(zed), elsewhere.room)

    with inside(acme):
        alert = ChannelAlert.objects.get(subject_id=old_owner.pk)
        assert (alert.code, PHONE in alert.message) == ("number_ported", True)
    mails = dict(read_mails())
    assert mails.keys() == {str(acme.organization.pk), str(globex.organization.pk)}
    for args in mails.values():
        tasks.mail_admins(**args)
    told = {mail.to[0]: mail.body for mail in mailoutbox}
    assert told.keys() == {"ann@acme.example", "zed@globex.example"}
    assert PHONE in told["ann@acme.example"]
    assert PHONE in told["zed@globex.example"]
    assert "Globex" not in told["ann@acme.example"]
    assert "Acme" not in told["zed@globex.example"]


def test_without_proof_nothing_moves(acme, globex, old_owner, elsewhere, ann, zed, api):
    assert connect(api(zed), elsewhere.room, sid=OLD).status_code == 400  # that account does not have it any more
    assert PHONE in list_phones(api(ann))
    assert PHONE not in list_phones(api(zed))


def test_number_that_comes_back_has_its_conversations_again(
    acme, globex, old_owner, sales, support, elsewhere, ann, zed, api, server, inside
):
    connect(api(zed), elsewhere.room)
    server.add_number(OLD, PHONE)
    try:
        back = connect(api(ann), sales.room, sid=OLD)
        assert back.status_code == 201, back.content
        assert back.json()["id"] == str(old_owner.pk)
        body = {"conversation_id": str(sales.conversation.pk), "content": "Here again"}
        assert api(ann).post("/api/messages/send", body).status_code == 201
        assert PHONE not in list_phones(api(zed))
    finally:
        server.add_number(NEW, PHONE)


def test_number_between_two_accounts_of_one_organization_keeps_its_row(acme, old_owner, sales, ann, api, inside):
    answer = connect(api(ann), sales.room)
    assert (answer.status_code, answer.json()["id"]) == (201, str(old_owner.pk))
    assert answer.json()["account_sid"] == NEW
    again = connect(api(ann), sales.room)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "claimed")


def test_sync_says_what_the_account_has_no_more_and_lets_it_go(acme, old_owner, sales, support, ann, api, inside):
    answer = api(ann).post("/api/sender-numbers/sync").json()["results"]
    assert {row["phone"]: row["webhook"] for row in answer}[PHONE] == "not_in_account"
    with inside(acme):
        assert ChannelAlert.objects.get(subject_id=old_owner.pk).code == "number_gone"

    assert api(ann).delete(f"/api/sender-numbers/{old_owner.pk}").status_code == 204

    assert PHONE not in list_phones(api(ann))
    assert api(ann).get(f"/api/conversations/{sales.conversation.pk}").status_code == 200


def test_only_the_number_that_was_asked_for_counts_as_proof(acme, globex, twilio, elsewhere, inside):
    """Twilio reads a phone number in a query as a pattern."""
    other = numbers.listing.OwnNumber("PN1", PHONE + "1", "", "")
    assert numbers.find_owned([other], PHONE) is None
