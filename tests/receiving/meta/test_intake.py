"""The webhook itself: handshake, signatures, sizes, repetition, and batches for many pages."""

import asyncio
import json
import random
import time
from collections.abc import Iterable

import pytest
from asgiref.testing import ApplicationCommunicator

from integrations.models import WebhookEvent
from integrations.webhooks import Intake
from messagehub import tenancy
from messaging.models import Message
from tests import factories
from tests.meta_events import build_batch, build_event, build_text, sign_body
from tests.receiving.meta.conftest import drain, list_set_aside

pytestmark = pytest.mark.django_db(transaction=True)
SECRET, FORMER, WORD = "app-secret", "former-app-secret", "our-word"
PATH = "/api/webhooks/facebook"


@pytest.fixture(autouse=True)
def _app(settings) -> None:
    settings.META_APP_SECRET, settings.META_PREVIOUS_APP_SECRET, settings.META_VERIFY_TOKEN = SECRET, FORMER, WORD


async def ask(intake: Intake, method: str, body: bytes, headers: dict[str, str], query: str = "") -> tuple[int, bytes]:
    scope = {
        "type": "http", "method": method, "path": PATH, "raw_path": PATH.encode(), "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
    }  # fmt: skip
    connection = ApplicationCommunicator(intake, scope)
    await connection.send_input({"type": "http.request", "body": body})
    start = await connection.receive_output(10)
    answer = await connection.receive_output(10)
    return start["status"], answer["body"]


def ask_all(requests: Iterable[tuple[str, bytes, dict[str, str], str]]) -> list[tuple[int, bytes]]:
    """All at once, at one running intake."""

    async def run() -> list[tuple[int, bytes]]:
        intake = Intake()
        await intake.startup()
        try:
            return await asyncio.gather(*(ask(intake, *request) for request in requests))
        finally:
            await intake.shutdown()

    return asyncio.run(run())


def post(body: bytes, secret: str = SECRET, **headers: str) -> tuple[int, bytes]:
    headers = headers or {"X-Hub-Signature-256": sign_body(body, secret)}
    return ask_all([("POST", body, headers, "")])[0]


def count_stored() -> int:
    with tenancy.system():
        return WebhookEvent.objects.count()


@pytest.mark.parametrize(("query", "status", "answer"), [
    (f"hub.mode=subscribe&hub.verify_token={WORD}&hub.challenge=1158201444", 200, b"1158201444"),
    ("hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1158201444", 403, b""),
    (f"hub.mode=unsubscribe&hub.verify_token={WORD}&hub.challenge=1", 403, b""),
    ("", 403, b""),
])  # fmt: skip
def test_handshake(query, status, answer):
    assert ask_all([("GET", b"", {}, query)]) == [(status, answer)]


def test_no_handshake_without_a_word_of_ours(settings):
    settings.META_VERIFY_TOKEN = ""
    assert ask_all([("GET", b"", {}, "hub.mode=subscribe&hub.verify_token=&hub.challenge=1")])[0][0] == 403


@pytest.mark.parametrize("secret", [SECRET, FORMER])
def test_signed_batch_is_stored_and_answered(page, thread, secret):
    body = build_batch((page.address, [build_text(page.address, "Ça va? 👋 a/b")]))
    assert b"\\u00c7a" in body  # as Meta escapes it, and signs it
    assert post(body, secret) == (200, b'{"success": true}')
    drain()
    assert [message.content for message in thread(page)] == ["Ça va? 👋 a/b"]


def test_what_meta_did_not_sign_leaves_no_trace(page):
    body = build_batch((page.address, [build_text(page.address, "Hi")]))
    right = sign_body(body, SECRET)
    wrong = [
        {}, {"X-Hub-Signature-256": ""}, {"X-Hub-Signature-256": right[:-1]}, {"X-Hub-Signature-256": right + "0"},
        {"X-Hub-Signature-256": right.removeprefix("sha256=")}, {"X-Hub-Signature-256": sign_body(body, "another")},
        {"X-Hub-Signature-256": sign_body(body + b" ", SECRET)}, {"X-Hub-Signature": f"sha1={right[7:47]}"},
        {"X-Hub-Signature-256": "sha256=ä"}, {"X-Hub-Signature-256": sign_body(body, "")},
    ]  # fmt: skip
    answers = ask_all([("POST", body, headers, "") for headers in wrong])
    assert [status for status, _ in answers] == [403] * len(wrong)
    assert all(SECRET.encode() not in text and right.encode() not in text for _, text in answers)
    assert count_stored() == 0


def test_without_secrets_nothing_is_accepted(settings, page):
    settings.META_APP_SECRET = settings.META_PREVIOUS_APP_SECRET = ""
    body = build_batch((page.address, [build_text(page.address, "Hi")]))
    assert post(body, "")[0] == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b'{"object": "page"', b'{"entry": NaN}', b"[" * 100_000])
def test_what_is_no_batch_is_400(body):
    assert post(body)[0] == 400
    assert count_stored() == 0


def test_body_over_four_mebibytes_is_413():
    assert post(b"x" * (4 * 1024 * 1024 + 1))[0] == 413


def test_five_times_at_once_and_in_any_order_is_once(page, thread):
    bodies = [
        build_batch((page.address, [build_text(page.address, f"Text {n}", at=1_700_000_000_000 + n)])) for n in range(6)
    ]
    deliveries = bodies * 5
    random.Random(7).shuffle(deliveries)
    requests = [("POST", body, {"X-Hub-Signature-256": sign_body(body, SECRET)}, "") for body in deliveries]
    assert {status for status, _ in ask_all(requests)} == {200}
    drain()
    assert [message.content for message in thread(page)] == [f"Text {n}" for n in range(6)]


def test_same_message_in_two_batches_is_once(page, thread):
    text = build_text(page.address, "Once", mid="m_same")
    for other in ("First", "Second"):
        assert post(build_batch((page.address, [text, build_text(page.address, other), text])))[0] == 200
    drain()
    assert sorted(message.content for message in thread(page)) == ["First", "Once", "Second"]


@pytest.fixture
def other_page(globex, elsewhere, inside):
    with inside(globex):
        return factories.PageChannelFactory(chatroom=elsewhere.room)


def test_thousand_updates_for_three_pages_of_two_organizations(acme, globex, support, page, other_page, inside, thread):
    with inside(acme):
        second = factories.PageChannelFactory(chatroom=support.room)
    pages = [page, second, other_page]
    started = int(time.time() * 1000) - 2000
    events = {each.address: [] for each in pages}
    for n in range(1000):
        channel = pages[n % 3].address
        person = f"77{n % 3}000{n % 20:02d}"
        event: dict = build_text(channel, f"Text {n}", person=person, at=started + n)
        events[channel].append("not an object" if n == 500 else event)
    body = build_batch(*events.items())

    assert post(body) == (200, b'{"success": true}')
    with tenancy.system():  # answered as one row, before anything in it is looked at
        assert [(each.source, each.processed_at) for each in WebhookEvent.objects.all()] == [("meta.batch", None)]
        assert not Message.objects.filter(channel__in=pages).exists()
    drain()

    assert list_set_aside() == ["An event that is no object."]
    total = 0
    for place, channel in enumerate(pages):
        wanted = [f"Text {n}" for n in range(place, 1000, 3) if n != 500]
        with inside(globex if channel is other_page else acme):
            stored = Message.objects.filter(channel=channel).order_by("occurred_at", "pk")
            assert list(stored.values_list("content", flat=True)) == wanted
        total += len(wanted)
    assert total == 999


def test_message_between_two_organizations_is_stored_at_both(acme, globex, page, other_page, inside):
    parts = [(each.address, [build_text(each.address, "Both", mid="m_both")]) for each in (page, other_page)]
    post(build_batch(*parts))
    drain()
    for tenant, channel in ((acme, page), (globex, other_page)):
        with inside(tenant):
            assert list(Message.objects.filter(provider_id="m_both").values_list("channel", flat=True)) == [channel.pk]


def test_page_that_nobody_has_is_kept_for_operators(page, thread):
    body = build_batch(("4040", [build_text("4040", "Hello?")]), (page.address, [build_text(page.address, "Hi")]))
    assert post(body)[0] == 200
    drain()
    assert [message.content for message in thread(page)] == ["Hi"]
    assert list_set_aside() == ["No organization has the Messenger account 4040."]


def test_reaction_to_a_message_that_never_came_is_set_aside(page, monkeypatch):
    body = build_batch(
        (page.address, [build_event(page.address, reaction={"mid": "m_x", "action": "react", "emoji": "👍"})])
    )
    post(body)
    drain()
    with tenancy.system():
        event = WebhookEvent.objects.get(source="meta.event")
        assert (event.attempts, event.processed_at) == (1, None)
        WebhookEvent.objects.filter(pk=event.pk).update(attempts=7, try_again_at=None)
    drain()
    assert list_set_aside() == ["It is about a message that is not here."]


def test_body_stays_as_meta_sent_it(page):
    body = build_batch((page.address, [build_text(page.address, "Grüße")]))
    post(body)
    with tenancy.system():
        stored = WebhookEvent.objects.get(source="meta.batch")
    assert bytes(stored.body) == body
    assert json.loads(bytes(stored.body))["object"] == "page"
