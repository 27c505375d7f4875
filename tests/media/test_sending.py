"""Files along with messages: who may send them, what they cost, what the provider gets and what the thread shows."""

from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from integrations.events import Refused
from integrations.sandbox import samples
from messaging.media import links, uploads
from messaging.models import UPLOAD_SCHEME, Attachment, Message, Upload
from messaging.receiving import message_changes
from messaging.sending import delivery, eligibility, enqueue, message_actions
from tests import factories
from tokens import ledger

MB = 1024 * 1024


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def picture(acme, sales, bo, inside) -> Upload:
    with inside(acme):
        return uploads.store_upload(sales.room, SimpleUploadedFile("x", samples.picture()), name="Oak.png", by=bo)


def send(client, conversation, **values):
    return client.post("/api/messages/send", {"conversation_id": str(conversation.pk), **values})


def test_message_carries_a_file_that_the_thread_shows(api, rich, sales, picture):
    answer = send(api(rich), sales.conversation, content="Your table", media=[{"id": str(picture.pk)}])

    assert answer.status_code == 201, answer.content
    (attachment,) = answer.json()["message"]["attachments"]
    assert (attachment["kind"], attachment["state"], attachment["name"]) == ("image", "stored", "Oak.png")
    shown = api(rich).get(f"/attachments/{attachment['id']}/")
    assert b"".join(shown.streaming_content) == samples.picture()
    page = api(rich).get(f"/inbox/{sales.conversation.pk}/").content.decode()
    assert f'src="/attachments/{attachment["id"]}/"' in page
    assert UPLOAD_SCHEME not in page


def test_provider_gets_a_link_to_it_and_to_files_elsewhere(api, rich, sales, picture):
    elsewhere = "https://shop.example/oak.jpg"
    send(api(rich), sales.conversation, content="", media=[{"id": str(picture.pk)}, elsewhere])

    (claim,) = delivery.claim_messages(10)

    first, second = claim.text.media_urls
    assert first == elsewhere
    assert urlsplit(second).path.endswith("/oak.png")
    assert b"".join(Client().get(urlsplit(second).path).streaming_content) == samples.picture()


@pytest.mark.parametrize(("extra", "left"), [(1, 8), (0, 9), (3, 6)])
def test_sms_with_files_costs_what_is_set(extra: int, left: int, api, rich, sales, picture, settings):
    settings.MMS_EXTRA_TOKENS = extra

    answer = send(api(rich), sales.conversation, content="Hi", media=[{"id": str(picture.pk)}])

    assert answer.json()["remaining_tokens"] == left


def test_tokens_for_the_text_alone_do_not_pay_for_the_file(api, acme, bo, ann, sales, picture, inside):
    with inside(acme):
        ledger.adjust(bo, 1, actor=ann, reason="Start")

    answer = send(api(bo), sales.conversation, content="Hi", media=[{"id": str(picture.pk)}])

    assert answer.status_code == 402
    assert send(api(bo), sales.conversation, content="Hi").status_code == 201


@pytest.mark.parametrize(
    ("platform", "files", "code"),
    [
        ("SMS", [("image/png", 5 * MB)], None),
        ("SMS", [("image/png", 5 * MB + 1)], "media_too_large"),
        ("SMS", [("image/png", 3 * MB), ("image/jpeg", 3 * MB)], "media_too_large"),
        ("SMS", [("application/pdf", 501 * 1024)], "media_too_large"),
        ("SMS", [("image/webp", 10)], "media_unsupported"),
        ("MESSENGER", [("video/mp4", 25 * MB)], None),
        ("MESSENGER", [("video/mp4", 25 * MB + 1)], "media_too_large"),
        ("MESSENGER", [("image/png", 8 * MB + 1)], "media_too_large"),
        ("INSTAGRAM", [("image/jpeg", 8 * MB)], None),
        ("INSTAGRAM", [("image/jpeg", 8 * MB + 1)], "media_too_large"),
        ("INSTAGRAM", [("text/vcard", 10)], "media_unsupported"),
        ("INSTAGRAM", [("audio/mpeg", 10)], "media_unsupported"),
    ],
)
def test_what_the_platform_does_not_take_is_told(platform: str, files: list[tuple[str, int]], code: str | None):
    rows = [Upload(name="File", content_type=content_type, size=size) for content_type, size in files]

    reasons = eligibility.check_uploads(platform, rows)

    assert [reason.code for reason in reasons] == ([code] if code else [])


def test_refused_file_costs_nothing_and_leaves_no_message(api, acme, rich, sales, inside):
    with inside(acme):
        large = factories.UploadFactory(chatroom=sales.room, size=6 * MB)

    answer = send(api(rich), sales.conversation, content="Hi", media=[{"id": str(large.pk)}])

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "media_too_large"
    assert "SMS takes at most 5.0" in answer.json()["error"]["message"].replace("\xa0", " ")
    with inside(acme):
        assert ledger.balance(rich) == 10
        assert not Message.objects.filter(direction="outbound").exists()


@pytest.mark.parametrize(
    "item", [{"id": "no id"}, {"id": 7}, {"id": None}, {}, {"url": "https://a.example/1.png"}, 7, None, ["x"], "x"]
)
def test_bad_media_is_named(item, api, rich, sales):
    answer = send(api(rich), sales.conversation, content="Hi", media=[item])

    assert answer.status_code == 400, answer.content
    assert [name for name in answer.json()["error"]["fields"] if name.startswith("media")]


def test_repeated_client_id_with_another_file_is_refused(api, acme, rich, sales, picture, inside):
    with inside(acme):
        other = factories.UploadFactory(chatroom=sales.room)
    values = {"content": "Hi", "client_id": "0199a1b2-0000-7000-8000-000000000001"}
    first = send(api(rich), sales.conversation, **values, media=[{"id": str(picture.pk)}])
    again = send(api(rich), sales.conversation, **values, media=[{"id": str(picture.pk)}])
    different = send(api(rich), sales.conversation, **values, media=[{"id": str(other.pk)}])

    assert [answer.status_code for answer in (first, again, different)] == [201, 200, 409]
    assert again.json()["message"]["id"] == first.json()["message"]["id"]


def test_retry_sends_the_same_files(acme, rich, sales, picture, inside):
    elsewhere = "https://shop.example/oak.jpg"
    with inside(acme):
        sent = enqueue.send_message(
            sales.conversation, "Hi", sent_by=rich, media_urls=[elsewhere], uploads=[picture]
        ).message
    (claim,) = delivery.claim_messages(10)
    delivery.settle_outcomes([(claim, Refused("30003", "Unreachable."))])

    with inside(acme):
        again = message_actions.retry_message(sent, by=rich).message
        assert again.media_urls == [elsewhere, links.build_reference(picture)]
        assert again.tokens == 2
        assert again.attachments.get().upload == picture
        assert ledger.balance(rich) == 8


def test_sent_upload_can_not_be_deleted(api, rich, sales, picture):
    send(api(rich), sales.conversation, content="Hi", media=[{"id": str(picture.pk)}])

    answer = api(rich).delete(f"/api/media/{picture.pk}")

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "in_use"
    assert api(rich).get(f"/api/media/{picture.pk}").status_code == 200


def test_file_of_erased_messages_goes_with_the_last_of_them(
    acme, ann, sales, support, picture, inside, tmp_path, django_capture_on_commit_callbacks
):
    with inside(acme):
        first, second = (
            enqueue.send_message(room.conversation, "Hi", sent_by=ann, uploads=[picture]).message.pk
            for room in (sales, support)
        )

        def forget(pk) -> list:
            with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
                message_changes.forget_files([pk])
            return [path for path in tmp_path.rglob("*") if path.is_file()]

        assert len(forget(first)) == 1
        assert Upload.objects.filter(pk=picture.pk).exists()
        assert forget(second) == []
        assert not Upload.objects.filter(pk=picture.pk).exists()
        assert not Attachment.objects.filter(upload=picture.pk).exists()


def test_upload_that_is_gone_meanwhile_is_told(acme, rich, sales, picture, inside):
    with inside(acme):
        uploads.delete_upload(picture)
        with pytest.raises(uploads.UploadGone):
            enqueue.send_message(sales.conversation, "Hi", sent_by=rich, uploads=[picture])
