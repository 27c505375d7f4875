"""A contact's consent alone answers: may we text this number from this channel, since when, by whose word, and what was
the last thing sent after it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from integrations.events import Accepted
from integrations.models import WebhookEvent
from messagehub import tenancy
from messaging import retention
from messaging.consent import entries
from messaging.models import ConsentEntry
from messaging.receiving import ingest
from messaging.sending import delivery, enqueue
from tests import factories


@pytest.fixture
def webhook(sales):
    """A stored, signed webhook with a text of the room's contact, processed; returns its id."""

    def arrive(text: str, sid: str) -> str:
        account = sales.number.account.external_id
        numbers = {"From": sales.contact.phone, "To": sales.number.address}
        form = {"MessageSid": sid, "AccountSid": account, "Body": text, **numbers}
        with tenancy.system():
            event = WebhookEvent.objects.create(
                source="twilio.message", account=account, dedupe_key=f"{account}:{sid}", body=urlencode(form).encode()
            )
        ingest.drain_webhooks()
        return str(event.pk)

    return arrive


def send(acme, sales, ann, inside, text: str) -> str:
    with inside(acme):
        pk = enqueue.send_message(sales.conversation, text, sent_by=ann).message.pk
    delivery.settle_outcomes([(claim, Accepted(f"SM-{text}")) for claim in delivery.claim_messages(10)])
    return str(pk)


def test_the_history_answers_every_question_about_a_stop(api, acme, ann, bo, sales, inside, webhook):
    webhook("START", "SM01")
    sent_id = send(acme, sales, ann, inside, "Welcome")
    stop_webhook = webhook("Stop!", "SM02")
    with inside(acme):
        factories.MessageFactory(conversation=sales.conversation, direction="outbound", status="failed")
    answer = api(bo).get(f"/api/contacts/{sales.contact.pk}/consent").json()

    (standing,) = answer["channels"]
    stop, start = answer["results"]
    assert (standing["may_send"], standing["consent"], standing["channel"], standing["address"]) == (
        False, "opted_out", sales.number.address, sales.contact.phone,
    )  # fmt: skip
    assert (standing["entry_id"], standing["since"], standing["last_sent"]) == (stop["id"], stop["said_at"], None)
    assert (stop["kind"], stop["source"], stop["text"], stop["recorded_by"]) == ("opt_out", "keyword", "Stop!", None)
    assert stop["webhook"]["id"] == stop_webhook
    assert stop["message_id"]
    assert start["said_at"] < stop["said_at"]

    webhook("START", "SM03")
    after_id = send(acme, sales, ann, inside, "Hello again")
    (standing,) = api(bo).get(f"/api/contacts/{sales.contact.pk}/consent").json()["channels"]
    assert (standing["may_send"], standing["consent"]) == (True, "opted_in")
    assert (standing["last_sent"]["message_id"], standing["last_sent"]["text"]) == (after_id, "Hello again")
    assert after_id != sent_id


def test_without_an_entry_consent_is_unknown_and_the_last_message_counts(api, acme, ann, bo, sales, inside):
    sent_id = send(acme, sales, ann, inside, "Welcome")
    answer = api(bo).get(f"/api/contacts/{sales.contact.pk}/consent").json()
    (standing,) = answer["channels"]
    assert (standing["may_send"], standing["consent"], standing["since"]) == (True, "unknown", None)
    assert (standing["last_sent"]["message_id"], answer["results"]) == (sent_id, [])


def record(client, contact, **body):
    return client.post(f"/api/contacts/{contact.pk}/consent", body)


def test_a_person_opts_out_and_in_again_with_a_reason_and_who_asked(api, bo, sales, receive):
    client = api(bo)
    out = record(client, sales.contact, kind="opt_out", reason="Wants no texts", asked_by="The customer, by phone")
    assert out.status_code == 201, out.content
    (entry,) = out.json()["results"]
    assert (entry["source"], entry["recorded_by"]["name"], entry["reason"], entry["asked_by"]) == (
        "staff", "Bo", "Wants no texts", "The customer, by phone",
    )  # fmt: skip
    assert not out.json()["channels"][0]["may_send"]

    receive(sales, "STOP")
    lifted = record(client, sales.contact, kind="opt_in", reason="Changed their mind at the counter").json()
    assert lifted["channels"][0]["may_send"]
    assert [entry["kind"] for entry in lifted["results"]] == ["opt_in", "opt_out", "opt_out"]


@pytest.mark.parametrize("source", ["form", "import"])
def test_a_form_or_an_import_opts_in_but_lifts_no_stop(api, acme, bo, sales, inside, receive, source: str):
    client, said_at = api(bo), "2026-11-01T10:00:00Z"
    words = {"reason": "Sign-up page", "text": "Yes, text me offers", "said_at": said_at}
    opted_in = record(client, sales.contact, kind="opt_in", source=source, **words).json()
    (entry,) = opted_in["results"]
    assert (entry["source"], entry["text"], entry["said_at"]) == (source, words["text"], said_at)
    assert opted_in["channels"][0]["consent"] == "opted_in"

    receive(sales, "STOP")
    refused = record(client, sales.contact, kind="opt_in", source=source, **words)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "opted_out")
    with inside(acme):
        assert entries.find_opt_out(sales.number.pk, sales.contact.phone)
        assert ConsentEntry.objects.count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "opt_out"},
        {"kind": "opt_out", "reason": " "},
        {"kind": "maybe", "reason": "Hm"},
        {"kind": "opt_out", "reason": "Hm", "source": "keyword"},
        {"kind": "opt_out", "reason": "Hm", "said_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
    ],
)
def test_consent_without_a_reason_or_with_made_up_values_is_refused(api, acme, bo, sales, inside, wrong: dict):
    assert record(api(bo), sales.contact, **wrong).status_code == 400
    with inside(acme):
        assert not ConsentEntry.objects.exists()


def test_consent_is_recorded_for_one_channel_or_all_of_the_chatroom(api, acme, bo, sales, support, inside):
    with inside(acme):
        second = factories.ChannelFactory(chatroom=sales.room, account=sales.number.account)
    client = api(bo)
    one = record(client, sales.contact, kind="opt_out", reason="Only here", channel_id=str(second.pk)).json()
    assert {each["channel"]: each["may_send"] for each in one["channels"]} == {
        sales.number.address: True, second.address: False,
    }  # fmt: skip
    every = record(client, sales.contact, kind="opt_out", reason="Everywhere").json()
    assert [each["may_send"] for each in every["channels"]] == [False, False]
    elsewhere = {"kind": "opt_out", "reason": "There", "channel_id": str(support.number.pk)}
    assert record(client, sales.contact, **elsewhere).status_code == 400


def test_a_contact_without_an_address_has_nothing_to_consent_to(api, acme, bo, sales, inside):
    with inside(acme):
        contact = factories.ContactFactory(chatroom=sales.room, phone=None)
    refused = record(api(bo), contact, kind="opt_out", reason="Asked")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "no_address")


def test_words_of_a_chatroom_that_one_does_not_see_are_left_out(
    api, browser, acme, ann, bo, sales, support, inside, receive
):
    with tenancy.system():
        Organization.objects.filter(pk=acme.organization.pk).update(opt_out_scope="organization")
    receive(support, {sales.contact.phone: "STOP"})
    path = f"/api/contacts/{sales.contact.pk}/consent"
    answers = {user.name: api(user).get(path).json() for user in (ann, bo)}
    for answer in answers.values():
        assert (answer["opt_out_scope"], answer["channels"][0]["said_to"]) == ("organization", support.number.address)
        assert not answer["channels"][0]["may_send"]
    assert answers["Ann"]["results"][0]["message_id"]
    (entry,) = answers["Bo"]["results"]
    assert (entry["kind"], entry["text"], entry["message_id"]) == ("opt_out", "", None)

    for page_path in (f"/contacts/{sales.contact.pk}/", f"/inbox/{sales.conversation.pk}/"):
        page = browser(bo).get(page_path).content.decode()
        assert f"to {support.number.address}" in page
        assert "Holds for the whole organization." in page


def test_the_history_takes_as_many_queries_with_more_entries(api, bo, sales, receive):
    client, path = api(bo), f"/api/contacts/{sales.contact.pk}/consent"

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        return len(queries)

    receive(sales, "STOP")
    before = count()
    for text in ("START", "STOP", "START"):
        receive(sales, text)
    assert count() == before


@pytest.mark.parametrize("platform", ["MESSENGER", "INSTAGRAM"])
def test_signed_webhooks_of_offers_and_of_metas_channels_stay_as_evidence(acme, sales, inside, platform: str):
    with inside(acme):
        page = factories.PageChannelFactory(chatroom=sales.room, platform=platform)
        conversation = factories.ConversationFactory(chatroom=sales.room, contact=sales.contact, channel=page)
        values = {"conversation": conversation, "platform": platform, "from_address": "4411"}
        stop = factories.MessageFactory(**values, provider_id="m_1")
        wish = factories.MessageFactory(**values, provider_id="m_2")
        factories.MessageFactory(**values, provider_id="m_3")
        ConsentEntry.objects.create(
            organization=acme.organization, channel=page, address="4411", kind="opt_out", source="keyword", message=stop
        )
        factories.OptOutOfferFactory(message=wish)
    source = "page" if platform == "MESSENGER" else "instagram"
    keys = [f"{source}:{page.address}:messaging:mid:m_{number}:message" for number in (1, 2, 3)]
    with tenancy.system(), connection.cursor() as cursor:
        for key in keys:
            cursor.execute(
                "INSERT INTO webhook_events (id, created_at, source, account, dedupe_key, body, processed_at) VALUES "
                "(uuidv7(interval '-400 days'), now(), 'meta.event', '', %s, '', now())",
                [key],
            )
    retention.delete_expired()
    with tenancy.system():
        assert set(WebhookEvent.objects.values_list("dedupe_key", flat=True)) == set(keys[:2])
