"""Files in a bucket: a real S3 server on loopback, reached as a real one is."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import environ
import pytest
from django.conf import settings as django_settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from moto.server import ThreadedMotoServer

from integrations.sandbox import samples
from messagehub import media_storage
from messaging.media import links
from messaging.models import Upload

BUCKET = "files-of-messages"
CREDENTIALS = {"MEDIA_S3_ACCESS_KEY_ID": "somebody", "MEDIA_S3_SECRET_ACCESS_KEY": "something"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server, settings, monkeypatch) -> Iterator[object]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MEDIA_S3_BUCKET", BUCKET)
    monkeypatch.setenv("MEDIA_S3_ENDPOINT_URL", server)
    monkeypatch.setenv("MEDIA_S3_REGION", "eu-central-1")
    key, secret = CREDENTIALS.values()
    service = boto3.resource(
        "s3", endpoint_url=server, region_name="eu-central-1", aws_access_key_id=key, aws_secret_access_key=secret
    )
    bucket = service.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    settings.STORAGES = django_settings.STORAGES | {"default": media_storage.configure_storage(environ.Env())}
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()


def test_without_a_bucket_files_are_in_a_folder(monkeypatch):
    monkeypatch.delenv("MEDIA_S3_BUCKET", raising=False)
    backend = media_storage.configure_storage(environ.Env())["BACKEND"]
    assert backend.rpartition(".")[2] == FileSystemStorage.__name__


def test_upload_is_kept_handed_out_and_deleted_in_the_bucket(
    bucket, acme, sales, rich, api, inside, django_capture_on_commit_callbacks
):
    answer = api(rich).post("/api/media", {"file": SimpleUploadedFile("oak.png", samples.picture())}, "multipart")
    with inside(acme):
        upload = Upload.objects.get(pk=answer.json()["id"])

    assert [stored.key for stored in bucket.objects.all()] == [f"{acme.organization.pk}/{upload.pk}"]
    address = urlsplit(links.sign_reference(links.build_reference(upload))).path
    given = Client().get(address)
    assert b"".join(given.streaming_content) == samples.picture()
    assert given["Content-Length"] == str(len(samples.picture()))
    with django_capture_on_commit_callbacks(execute=True):
        assert api(rich).delete(f"/api/media/{upload.pk}").status_code == 204
    assert list(bucket.objects.all()) == []


def test_thread_shows_it_from_the_bucket_and_a_lost_file_is_a_404(bucket, acme, sales, rich, api, inside):
    pk = (
        api(rich).post("/api/media", {"file": SimpleUploadedFile("a.png", samples.picture())}, "multipart").json()["id"]
    )
    values = {"conversation_id": str(sales.conversation.pk), "media": [{"id": pk}]}
    sent = api(rich).post("/api/messages/send", values).json()["message"]
    place = f"/attachments/{sent['attachments'][0]['id']}/"

    assert b"".join(api(rich).get(place).streaming_content) == samples.picture()
    bucket.objects.all().delete()
    assert api(rich).get(place).status_code == 404


def test_nobody_gets_an_object_without_a_signature(bucket):
    default_storage.save("one", SimpleUploadedFile("one", b"private"))

    assert "X-Amz-Signature" in default_storage.url("one")
    assert bucket.Object("one").Acl().grants[0]["Permission"] == "FULL_CONTROL"
    assert [grant["Grantee"]["Type"] for grant in bucket.Object("one").Acl().grants] == ["CanonicalUser"]
