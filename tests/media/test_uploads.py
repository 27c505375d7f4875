"""Files to send: taken by their bytes, kept in the chatroom, given to providers by a link that expires."""

import time
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from integrations.sandbox import samples
from messagehub import media_types, sql
from messaging.media import links, uploads
from messaging.models import Upload
from messaging.sending import enqueue

MB = 1024 * 1024
VCARD = b"BEGIN:VCARD\nVERSION:3.0\nFN:Liam Chen\nEND:VCARD\n"


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def give(client, content: bytes, name: str = "oak.png", **more):
    return client.post("/api/media", {"file": SimpleUploadedFile(name, content, "image/png"), **more}, "multipart")


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (samples.picture(), "image/png"),
        (b"%PDF-1.7\n", "application/pdf"),
        (VCARD, "text/vcard"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0", "audio/mp4"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x14ftyp3gp4\0\0\0\0", "video/3gpp"),
        (b"OggS\0\x02" + bytes(22) + b"\x01\x1eOpusHead", "audio/ogg"),
        (b"OggS\0\x02" + bytes(22) + b"\x2a\x80theora", "video/ogg"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"#!AMR\n<", "audio/amr"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"ID3\x04\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
    ],
)
def test_type_is_read_from_the_bytes(head: bytes, content_type: str):
    assert media_types.sniff_type(head)[0] == content_type
    assert media_types.TYPE_OF[media_types.ENDINGS[content_type]] == content_type


@pytest.mark.parametrize(
    "content",
    [b"<html><script>alert(1)</script>", b"MZ\x90\0", b"PK\x03\x04", b"<svg xmlns='x'/>", b"hello", b"\0" * 64],
)
def test_what_nobody_takes_is_refused_whatever_the_client_calls_it(content: bytes, api, bo, sales):
    answer = give(api(bo), content)

    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "unsupported_file"
    assert not Upload.objects.exists()


def test_upload_is_kept_as_what_it_is(api, bo, sales):
    answer = give(api(bo), samples.picture(), "My  Oak\ntable.exe")

    assert answer.status_code == 201, answer.content
    upload = answer.json()
    assert upload["content_type"] == "image/png"
    assert upload["size"] == len(samples.picture())
    assert upload["width"] > 0
    assert upload["platforms"] == ["SMS", "MESSENGER", "INSTAGRAM"]
    assert upload["chatroom_id"] == str(sales.room.pk)
    assert answer["Location"].endswith(f"/api/media/{upload['id']}")
    assert api(bo).get(f"/api/media/{upload['id']}").json() == upload
    assert api(bo).get("/api/media").json()["results"] == [upload]


@pytest.mark.parametrize(
    ("head", "size", "platforms"),
    [
        (samples.picture(), 5 * MB, ["SMS", "MESSENGER", "INSTAGRAM"]),
        (samples.picture(), 5 * MB + 1, ["MESSENGER", "INSTAGRAM"]),
        (samples.picture(), 8 * MB + 1, None),
        (b"%PDF-1.7\n", 500 * 1024 + 1, ["MESSENGER", "INSTAGRAM"]),
        (b"\0\0\0\x18ftypisom", 25 * MB, ["MESSENGER", "INSTAGRAM"]),
        (b"\0\0\0\x18ftypisom", 25 * MB + 1, None),
        (VCARD, 20, ["SMS", "MESSENGER"]),
    ],
)
def test_platforms_take_sizes_and_what_none_takes_is_too_large(
    head: bytes, size: int, platforms: list[str] | None, api, bo, sales
):
    answer = give(api(bo), head.ljust(size, b" "))

    assert answer.status_code == (201 if platforms else 413)
    assert platforms is None or answer.json()["platforms"] == platforms
    assert platforms is not None or answer.json()["error"]["code"] == "too_large"


def test_repeated_upload_is_kept_once_and_another_file_under_its_key_is_refused(api, bo, sales):
    client = api(bo)
    client.credentials(HTTP_IDEMPOTENCY_KEY="one")
    first, again = give(client, samples.picture()), give(client, samples.picture())

    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert give(client, VCARD).json()["error"]["code"] == "idempotency_mismatch"


def test_deleted_upload_is_gone_with_its_file(
    api, bo, acme, sales, inside, tmp_path, django_capture_on_commit_callbacks
):
    pk = give(api(bo), samples.picture()).json()["id"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()]

    with django_capture_on_commit_callbacks(execute=True):
        assert api(bo).delete(f"/api/media/{pk}").status_code == 204

    assert api(bo).get(f"/api/media/{pk}").status_code == 404
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# ---------------------------------------------------------------- the link for providers
@pytest.fixture
def upload(acme, sales, bo, inside) -> Upload:
    with inside(acme):
        return uploads.store_upload(
            sales.room, SimpleUploadedFile("x", samples.picture()), name="Häuschen & Co.jpeg", by=bo
        )


def fetch(address: str):
    return Client().get("/" + address.split("/", 3)[3])


def test_provider_fetches_the_file_without_signing_in(upload):
    address = links.sign_reference(links.build_reference(upload))
    answer = fetch(address)

    assert address.endswith("/hauschen-co.png")
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == samples.picture()
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == 'attachment; filename="hauschen-co.png"'
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_expired_forged_and_unknown_links_are_answered_alike(upload, monkeypatch, inside, acme):
    good = links.sign_reference(links.build_reference(upload))
    unknown = links.sign_reference(links.build_reference(Upload(name="oak.png", content_type="image/png")))
    forged = good.replace(str(upload.pk), str(unknown.split("/")[4].split("~")[0]))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + links.LINK_HOURS * 3600 + 1)
    expired = fetch(good)
    monkeypatch.undo()

    answers = [expired, fetch(unknown), fetch(forged), fetch(good.replace("~", "~a"))]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert len({answer.content for answer in answers}) == 1
    assert fetch(good).status_code == 200


def test_link_outlives_the_providers_own_queue(upload, monkeypatch):
    good = links.sign_reference(links.build_reference(upload))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10 * 3600)

    assert fetch(good).status_code == 200


# ---------------------------------------------------------------- what is not sent goes
def make_older(upload: Upload, *, days: int) -> None:
    """Its age is in its key."""
    statement = "UPDATE uploads SET id = uuidv7(make_interval(days => -%s)) WHERE id = %s RETURNING id"
    (row,) = sql.fetch_rows(statement, [days, upload.pk])
    upload.pk = row["id"]


def test_only_what_was_never_sent_is_forgotten_after_a_week(
    acme, sales, ann, upload, inside, tmp_path, django_capture_on_commit_callbacks, settings
):
    with inside(acme):
        unsent, recent = (
            uploads.store_upload(sales.room, SimpleUploadedFile("x", VCARD), name="x.vcf", by=ann) for _ in range(2)
        )
    settings.UPLOADS_KEPT_DAYS = 7
    assert uploads.forget_unsent() == 0

    with inside(acme):
        make_older(unsent, days=8)
        make_older(upload, days=8)
        enqueue.send_message(sales.conversation, "See", sent_by=ann, uploads=[upload])
    with django_capture_on_commit_callbacks(execute=True):
        assert uploads.forget_unsent() == 1

    with inside(acme):
        assert set(Upload.objects.values_list("name", flat=True)) == {"Häuschen & Co.jpeg", "x.vcf"}
        assert Upload.objects.filter(pk=recent.pk).exists()
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_a_file_that_cannot_be_deleted_keeps_no_other(
    acme, sales, bo, inside, settings, globex, elsewhere, zed, django_capture_on_commit_callbacks
):
    with inside(globex):
        stuck = uploads.store_upload(elsewhere.room, SimpleUploadedFile("x", samples.picture()), name="a.png", by=zed)
    with inside(acme):
        mine = uploads.store_upload(sales.room, SimpleUploadedFile("x", samples.picture()), name="b.png", by=bo)
    place = Path(settings.MEDIA_ROOT, stuck.file.name)
    place.unlink()
    place.mkdir()
    (place / "x").write_text("x")
    settings.UPLOADS_KEPT_DAYS = 0

    with django_capture_on_commit_callbacks(execute=True):
        uploads.forget_unsent()

    assert not Path(settings.MEDIA_ROOT, mine.file.name).exists()


def test_a_file_whose_name_nobody_sees_has_a_plain_one(bo, sales, acme, inside):
    file = SimpleUploadedFile("x", samples.picture())
    with inside(acme):
        assert uploads.store_upload(sales.room, file, name="\u200b \u2060", by=bo).name == "file"
