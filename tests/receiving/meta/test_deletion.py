"""People who ask Meta to have their data deleted here."""

import asyncio
import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry
from chatrooms import contacts, groups
from chatrooms.models import Contact, ContactAddress
from integrations.events import Profile
from integrations.models import WebhookEvent
from integrations.webhooks import Intake, Refused
from messagehub import tenancy
from messaging.campaigns import feed, lifecycle, retrying
from messaging.consent import entries
from messaging.contacts import merging, profiles
from messaging.conversations import notes
from messaging.models import Attachment, Campaign, ConsentEntry, Message, Note
from messaging.receiving import ingest
from tests import factories
from tests.meanwhile import Aside
from tests.meta_events import PERSON, build_batch, build_echo, build_event, build_text
from tests.receiving.meta.conftest import drain, store_batch
from tokens import ledger

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "f0rget"
PATH = "/api/webhooks/facebook/deletion"


@pytest.fixture(autouse=True)
def app(settings, tmp_path) -> None:
    settings.META_APP_SECRET, settings.META_PREVIOUS_APP_SECRET = SECRET, "f0rmer"
    settings.PUBLIC_BASE_URL, settings.MEDIA_ROOT = "http://testserver", tmp_path


def encode(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def sign_request(user_id: str, secret: str = SECRET, **more) -> str:
    values = {"algorithm": "HMAC-SHA256", "issued_at": 1790000000, "user_id": user_id, **more}
    payload = encode(json.dumps(values).encode())
    return f"{encode(hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest())}.{payload}"


def post(body: bytes) -> tuple[int, bytes]:
    """What Meta is answered by an intake that runs in this process."""

    async def ask() -> tuple[int, bytes]:
        intake = Intake()
        await intake.startup()
        scope = {
            "type": "http", "method": "POST", "path": PATH, "query_string": b"",
            "headers": [(b"content-type", b"application/x-www-form-urlencoded")],
        }  # fmt: skip

        async def receive() -> dict:
            return {"type": "http.request", "body": body}

        try:
            reply = await intake.answer(scope, receive)
        except Refused as refused:
            return refused.status, refused.text.encode()
        else:
            return reply.status, reply.body
        finally:
            await intake.shutdown()

    return asyncio.run(ask())


def post_request(signed_request: str) -> tuple[int, bytes]:
    return post(urlencode({"signed_request": signed_request}).encode())


def count_stored() -> int:
    with tenancy.system():
        return WebhookEvent.objects.filter(source="meta.deletion").count()


def test_request_is_answered_carried_out_and_looked_at(page, come_in, thread, acme, inside, client):
    come_in(page, build_text(page.address, "My address is 5 Elm Road"), build_echo(page.address, "Thank you!"))
    (message, answer) = thread(page)
    with inside(acme):
        path = default_storage.save(f"{acme.organization.pk}/faces/x", ContentFile(b"x"))
        contacts.change_contact(message.contact, first_name="Ada", last_name="Byron", email="ada@example.com")
        contacts.change_contact(message.contact, first_name="Augusta")  # the timeline keeps the former name
        Contact.objects.filter(pk=message.contact_id).update(profile_picture_url=path)
        file = default_storage.save("came-along", ContentFile(b"x"))
        Attachment.objects.create(
            organization=acme.organization, message=message, position=0, content_type="image/png", source_url="",
            state="stored", file=file,
        )  # fmt: skip

    status, body = post_request(sign_request(PERSON))

    assert status == 200
    told = json.loads(body)
    assert told.keys() == {"url", "confirmation_code"}
    assert "Your request has arrived" in client.get(urlsplit(told["url"]).path).content.decode()
    drain()
    shown = client.get(urlsplit(told["url"]).path).content.decode()
    assert "Your data was deleted" in shown
    assert told["confirmation_code"] in shown
    with inside(acme):
        contact = Contact.objects.get(pk=message.contact_id)
        assert (contact.first_name, contact.last_name, contact.email, contact.profile_picture_url) == ("",) * 4
        assert set(contact.activities.values_list("about", flat=True)) == {""}
        assert not ContactAddress.objects.filter(address=PERSON).exists()
        assert not Attachment.objects.exists()
        assert AuditEntry.objects.get(action="contact.erase").target_id == str(contact.pk)
    assert not default_storage.exists(path)
    assert not default_storage.exists(file)
    (written, answered) = sorted(thread(page), key=lambda each: each.direction)
    assert (written.content, written.from_address, written.deleted_at is not None) == ("", "", True)
    assert (answered.content, answered.to_address, answered.deleted_at is not None) == ("", "", True)
    assert (answered.pk, answered.status, answered.provider_id) == (answer.pk, "sent", answer.provider_id)


def test_campaigns_forget_them_and_write_to_them_no_more(page, come_in, thread, acme, sales, ann, inside):
    others = [f"880{number}" for number in range(2)]
    come_in(page, *(build_text(page.address, "Hello", person=person) for person in (PERSON, *others)))
    with inside(acme):
        group = groups.create_group(sales.room, "Everybody")
        groups.add_members(group, [message.contact for message in thread(page)])
        drafts = [
            lifecycle.create_campaign(
                sales.room, name="Spring", content="Hi", channel=page, groups=[group], by=ann, per_minute=speed
            )
            for speed in (None, 60)
        ]
        sent, slow = (lifecycle.start_campaign(campaign, by=ann) for campaign in drafts)
        slow.recipients.filter(address=PERSON).update(not_before=timezone.now() + timedelta(hours=1))
    feed.feed_campaigns()

    post_request(sign_request(PERSON))
    drain()

    with inside(acme):
        slow.recipients.update(not_before=None)
        Campaign.objects.update(next_message_at=None)
    for _ in range(3):
        feed.feed_campaigns()
        with inside(acme):
            Campaign.objects.update(next_message_at=None)
    with inside(acme):
        assert set(sent.recipients.values_list("address", "message__status")) == {
            (None, "canceled"), *((person, "queued") for person in others),
        }  # fmt: skip
        assert set(slow.recipients.values_list("address", "outcome", "reason_code")) == {
            (None, "skipped", "contact_gone"), *((person, "messaged", "") for person in others),
        }  # fmt: skip


def test_a_campaign_retries_nobody_who_was_erased(page, come_in, thread, acme, sales, ann, inside):
    come_in(page, build_text(page.address, "Hello"))
    with inside(acme):
        group = groups.create_group(sales.room, "Everybody")
        groups.add_members(group, [message.contact for message in thread(page)])
        draft = lifecycle.create_campaign(sales.room, name="Spring", content="Hi", channel=page, groups=[group], by=ann)
        campaign = lifecycle.start_campaign(draft, by=ann)
    feed.feed_campaigns()
    with inside(acme):
        Message.objects.filter(campaign=campaign).update(status="failed")
        Campaign.objects.update(state="done")

    post_request(sign_request(PERSON))
    drain()

    with inside(acme), pytest.raises(lifecycle.WrongCampaignState) as refused:
        retrying.retry_failed(campaign, by=ann)
    assert refused.value.code == "nothing_failed"


def test_campaigns_forget_an_address_whose_contact_was_merged(page, come_in, thread, acme, sales, ann, inside):
    other = "7700000009"
    come_in(page, *(build_text(page.address, "Hello", person=person) for person in (PERSON, other)))
    with inside(acme):
        by_address = {message.from_address: message.contact for message in thread(page)}
        group = groups.create_group(sales.room, "Everybody")
        groups.add_members(group, by_address.values())
        draft = lifecycle.create_campaign(sales.room, name="Spring", content="Hi", channel=page, groups=[group], by=ann)
        campaign = lifecycle.start_campaign(draft, by=ann)
        merging.merge_contacts(by_address[PERSON], by_address[other], by=ann)
        assert campaign.recipients.filter(contact=None).count() == 1

    for person in (PERSON, other):
        post_request(sign_request(person))
        drain()

    with inside(acme):
        assert set(campaign.recipients.values_list("address", flat=True)) == {None}


def test_notes_go_and_an_opt_out_stays(page, come_in, thread, acme, inside, ann):
    come_in(page, build_text(page.address, "Hello"))
    (message,) = thread(page)
    with inside(acme):
        notes.add_note(message.conversation, "Ada of 5 Elm Road", author=ann)
        entry = ConsentEntry.objects.create(
            organization=acme.organization, channel=page, address=PERSON, kind="opt_out", source="keyword",
            text="STOP", message=message,
        )  # fmt: skip

    post_request(sign_request(PERSON))
    drain()

    with inside(acme):
        assert not Note.objects.filter(conversation=message.conversation_id).exists()
        opt_out = entries.find_opt_out(page.pk, PERSON)
        assert opt_out
        assert opt_out.entry_id == entry.pk


@pytest.mark.parametrize(("status", "after", "tokens"), [
    ("queued", "canceled", 0), ("scheduled", "canceled", 0), ("unknown", "unknown", 1), ("read", "read", 1),
])  # fmt: skip
def test_what_has_not_gone_is_canceled_and_paid_back(page, come_in, thread, acme, inside, status, after, tokens):
    come_in(page, build_text(page.address, "Hello"))
    (message,) = thread(page)
    agent = acme.people["bo"]
    with inside(acme):
        ledger.adjust(agent, 5, actor=agent, reason="Enough")
        before = ledger.balance(agent) or 0
        answer = factories.MessageFactory(
            conversation=message.conversation, direction="outbound", status=status, tokens=1, sent_by=agent,
            to_address=PERSON, from_address=page.address, content="Dear Ada", channel=page, platform="MESSENGER",
        )  # fmt: skip

    post_request(sign_request(PERSON))
    drain()

    with inside(acme):
        answer.refresh_from_db()
        assert (answer.content, answer.status, answer.tokens) == ("", after, tokens)
        assert ledger.balance(agent) == before + 1 - tokens


def test_profile_that_is_told_after_the_erasing_is_not_written(page, come_in, thread, acme, inside):
    come_in(page, build_text(page.address, "Hello"))
    (message,) = thread(page)
    address = profiles._find_address(message.contact_id)
    assert address is not None

    post_request(sign_request(PERSON))
    drain()

    assert not profiles._update_contact(address, Profile("Ada Byron", "Ada", "Byron"), "")
    with inside(acme):
        assert Contact.objects.get(pk=message.contact_id).first_name == ""


def test_contact_with_a_phone_keeps_what_staff_wrote(page, come_in, thread, acme, inside):
    come_in(page, build_text(page.address, "Hello"))
    (message,) = thread(page)
    with inside(acme):
        contacts.change_contact(message.contact, first_name="Ada", phone="+14155550177")

    post_request(sign_request(PERSON))
    drain()

    with inside(acme):
        contact = Contact.objects.get(pk=message.contact_id)
        assert (contact.first_name, contact.phone) == ("Ada", "+14155550177")
    assert [each.content for each in thread(page)] == [""]


def test_others_are_left_alone(page, come_in, thread, acme, inside, sales):
    come_in(page, build_text(page.address, "Mine", person="7700000009"), build_text(page.address, "Theirs"))

    post_request(sign_request(PERSON))
    drain()

    assert sorted(each.content for each in thread(page)) == ["", "Mine"]
    with inside(acme):
        assert Contact.objects.get(pk=sales.contact.pk).first_name == "Nina"


def test_every_organization_forgets(page, come_in, thread, globex, inside):
    with inside(globex):
        other_page = factories.PageChannelFactory(chatroom=globex.rooms["Spare parts"].room)
    come_in(page, build_text(page.address, "Here"))
    come_in(other_page, build_text(other_page.address, "There"))

    post_request(sign_request(PERSON))
    drain()

    with tenancy.system():
        assert not ContactAddress.objects.filter(address=PERSON).exists()
        messages = Message.objects.filter(channel__in=[page, other_page])
        assert list(messages.values_list("content", flat=True)) == ["", ""]


def test_request_that_is_repeated_is_one_request(page):
    signed_request = sign_request(PERSON)

    first, second = (post_request(signed_request) for _ in range(2))

    assert first == second
    assert count_stored() == 1


def test_request_about_nobody_that_we_know_is_carried_out(page, client):
    _, body = post_request(sign_request("999"))
    drain()

    assert "Your data was deleted" in client.get(urlsplit(json.loads(body)["url"]).path).content.decode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"signed_request=",
        b"signed_request=abc",
        urlencode({"signed_request": sign_request(PERSON, "another")}).encode(),
        urlencode({"signed_request": sign_request(PERSON, algorithm="none")}).encode(),
        urlencode({"signed_request": sign_request("")}).encode(),
        urlencode([("signed_request", sign_request(PERSON)), ("signed_request", sign_request("999"))]).encode(),
        b"\xff\xfe",
    ],
)
def test_request_that_meta_did_not_sign_is_refused_without_trace(page, body: bytes):
    assert post(body)[0] == 403
    assert count_stored() == 0


def test_form_that_is_too_large_is_not_even_taken_apart(page):
    assert post(b"a=%31&" * 3000) == (400, b"A form that is too large.")
    assert count_stored() == 0


def test_webhooks_forget_what_they_brought(page, come_in):
    pressed = {"mid": "m_pressed", "title": "My size is 43", "payload": "SIZE"}
    come_in(page, build_text(page.address, "My address is 5 Elm Road"), build_event(page.address, postback=pressed))
    edit = {"mid": "m_pressed", "text": "My size is 44", "num_edit": 1}
    come_in(page, build_event(page.address, message_edit=edit), build_echo(page.address, "Size 43, to Elm Road"))
    come_in(page, build_text(page.address, "Somebody else's", person="7700000009"))

    post_request(sign_request(PERSON))
    drain()

    with tenancy.system():
        bodies = [bytes(event.body) for event in WebhookEvent.objects.filter(source__startswith="meta.").order_by("pk")]
    assert not any(b"Elm Road" in body or b"ize " in body for body in bodies)
    assert any(b"Somebody else" in body for body in bodies)


def test_events_of_all_chatrooms_are_recorded_at_once_and_last(page, come_in, globex, inside):
    with inside(globex):
        other_page = factories.PageChannelFactory(chatroom=globex.rooms["Spare parts"].room)
    come_in(page, build_text(page.address, "Here"))
    come_in(other_page, build_text(other_page.address, "There"))
    post_request(sign_request(PERSON))

    with CaptureQueriesContext(connection) as queries:
        drain()

    statements = [query["sql"] for query in queries]
    assert sum("INSERT INTO events" in statement for statement in statements) == 1


def test_erasing_waits_for_contacts_before_it_holds_any_message(page, come_in, thread, inside, acme):
    come_in(page, build_text(page.address, "Hi"), build_echo(page.address, "Hello!", person="7700000009"))
    (message,) = (each for each in thread(page) if each.direction == "inbound")
    (answer,) = (each for each in thread(page) if each.direction == "outbound")
    read = build_event(page.address, person="7700000009", read={"watermark": int(time.time() * 1000)})
    store_batch(build_batch((page.address, [read])))
    ingest.drain_webhooks()  # into its part, which waits with the request
    post_request(sign_request(PERSON))

    with inside(acme):
        Contact.objects.select_for_update(no_key=True).get(pk=message.contact_id)
        aside = Aside(drain)
        Message.objects.select_for_update(no_key=True).get(pk=answer.pk)

    assert aside.result() is None
    assert [(each.content, each.status) for each in thread(page)] == [("", "received"), ("Hello!", "read")]


def test_former_secret_of_the_app_counts_too(page):
    assert post_request(sign_request(PERSON, "f0rmer"))[0] == 200


@pytest.mark.parametrize("code", ["0" * 32, "x", "meta"])
def test_unknown_code_has_no_page(db, client, code: str):
    assert client.get(f"/contacts/deletion/{code}/").status_code == 404
