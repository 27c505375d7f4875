"""Our own copies of attachments: what is fetched, what is refused, and how it is given out again."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client

from integrations import downloads
from integrations.sandbox import samples
from messagehub import images
from messaging.models import Attachment, Event
from messaging.receiving import attachments
from tests import factories
from tests.cast import acme, ann, bo, cy, globex, inside, sales, zed

__all__ = ["acme", "ann", "bo", "cy", "globex", "inside", "sales", "zed"]


class Server(BaseHTTPRequestHandler):
    """A provider that keeps pictures, and sends people where they should not go."""

    asked: list[tuple[str, str | None]] = []
    before_answer: list[Callable[[], None]] = []
    places = {
        "/sandbox/inside": "/admin/",
        "/sandbox/metadata": "http://169.254.169.254/latest/meta-data/",
        "/sandbox/elsewhere": "https://example.com/picture.png",
        "/sandbox/loop": "/sandbox/loop",
        "/sandbox/on": "/sandbox/picture.png",
        "/sandbox/file": "file:///etc/passwd",
    }

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Authorization")))
        while self.before_answer:
            self.before_answer.pop()()
        if self.path in self.places:
            self.send_response(307)
            self.send_header("Location", self.places[self.path])
            self.end_headers()
            return
        body = {"/sandbox/picture.png": samples.picture(), "/sandbox/note.pdf": b"%PDF-1.4 ..."}.get(self.path, b"")
        if self.path == "/sandbox/large":
            body = b"x" * (downloads.MOST_BYTES + 1)
        if self.path == "/sandbox/page.html":
            body = b"<script>alert(1)</script>"
        self.send_response(200 if body else 503 if self.path == "/sandbox/busy" else 410)
        self.send_header("Content-Type", "text/html" if "page" in self.path else "application/pdf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def provider(settings, tmp_path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Server.asked.clear()
    settings.SANDBOX = True
    settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{server.server_port}"
    settings.MEDIA_ROOT = str(tmp_path)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    yield settings.PUBLIC_BASE_URL
    server.shutdown()


@pytest.fixture
def attached(sales, acme, inside, provider):
    """`attached("/sandbox/picture.png")`: an attachment of Sales' message that is there."""

    def make(path: str, **values) -> Attachment:
        with inside(acme):
            return Attachment.objects.create(
                organization=acme.organization, message=sales.message, source_url=provider + path, **values
            )

    return make


def now(attachment: Attachment, acme, inside) -> Attachment:
    with inside(acme):
        return Attachment.objects.get(pk=attachment.pk)


# ---------------------------------------------------------------- fetching
def test_what_the_provider_calls_it_stays_its_name(attached, acme, inside):
    attachment = attached("/sandbox/picture.png", name="Mentioned you in a story")

    attachments.copy_attachment(attachment.pk)

    assert now(attachment, acme, inside).name == "Mentioned you in a story"


def test_a_picture_is_copied_measured_and_shown(attached, acme, inside):
    attachment = attached("/sandbox/on")

    attachments.copy_attachment(attachment.pk)

    found = now(attachment, acme, inside)
    assert (found.state, found.content_type, found.width, found.height) == ("stored", "image/png", 640, 480)
    assert default_storage.open(found.file.name).read() == samples.picture()
    with inside(acme):
        assert Event.objects.latest("seq").type == "message.updated"
    asked = list(Server.asked)
    attachments.copy_attachment(attachment.pk)  # a job that runs twice
    assert asked == Server.asked


@pytest.mark.django_db(transaction=True)
def test_nothing_stays_of_what_is_unsent_while_it_is_copied(attached, acme, inside, tmp_path):
    attachment = attached("/sandbox/picture.png")

    def unsend() -> None:
        with inside(acme):
            Attachment.objects.filter(pk=attachment.pk).delete()
        connection.close()  # this thread's own

    Server.before_answer.append(unsend)
    attachments.copy_attachment(attachment.pk)

    assert not Server.before_answer
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_accounts_secret_goes_to_the_provider_only(attached, sales):
    attachments.copy_attachment(attached("/sandbox/picture.png").pk)

    assert Server.asked[0][1].startswith("Basic ")


def test_a_pages_token_goes_to_nobody_who_keeps_files(acme, sales, inside, provider):
    with inside(acme):
        page = factories.PageChannelFactory(chatroom=sales.room)
        conversation = factories.ConversationFactory(
            chatroom=sales.room, contact=sales.contact, channel=page, platform="MESSENGER"
        )
        attachment = Attachment.objects.create(
            organization=acme.organization,
            message=factories.MessageFactory(conversation=conversation, platform="MESSENGER"),
            source_url=provider + "/sandbox/picture.png",
        )
    attachments.copy_attachment(attachment.pk)
    assert Server.asked == [("/sandbox/picture.png", None)]


@pytest.mark.parametrize("path", ["inside", "metadata", "elsewhere", "loop", "file", "large", "gone", "caf\u00e9"])
def test_what_leads_elsewhere_or_has_no_end_is_refused(attached, acme, inside, path):
    attachment = attached(f"/sandbox/{path}")

    attachments.copy_attachment(attachment.pk)

    found = now(attachment, acme, inside)
    assert (found.state, bool(found.error), found.file.name) == ("failed", True, "")
    assert all(asked.startswith("/sandbox/") for asked, _ in Server.asked)


def test_a_provider_that_is_busy_is_asked_again_and_not_for_ever(attached, acme, inside):
    attachment = attached("/sandbox/busy")

    for _ in range(attachments.MOST_ATTEMPTS - 1):
        with pytest.raises(downloads.DownloadPostponed):
            attachments.copy_attachment(attachment.pk)
    attachments.copy_attachment(attachment.pk)

    assert now(attachment, acme, inside).state == "failed"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.twilio.com/x",
        "https://api.twilio.com.evil.example/x",
        "https://evil.example/api.twilio.com",
        "https://api.twilio.com@evil.example/",
        "https://api.twilio.com:8443/",
        "https://eviltwiliocdn.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "ftp://api.twilio.com/",
        "file:///etc/passwd",
        "https://[/",
        "",
    ],
)
def test_only_the_providers_hosts_are_asked(url, settings):
    settings.SANDBOX = False

    with pytest.raises(downloads.DownloadRefused):
        downloads.download_file(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "fec0::1", "nonsense",
    ],
)  # fmt: skip
def test_private_addresses_are_not_public(address):
    assert not downloads.is_public(address)


@pytest.mark.parametrize("address", ["54.172.60.0", "2600:1f18::1"])
def test_public_addresses_are(address):
    assert downloads.is_public(address)


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f000001"])
def test_it_is_the_address_behind_a_name_that_counts(name):
    with pytest.raises((downloads.DownloadRefused, downloads.DownloadPostponed)):
        downloads.public_address(name, 443)


def test_pictures_are_known_by_their_own_bytes():
    gif = b"GIF89a" + (3).to_bytes(2, "little") + (2).to_bytes(2, "little")
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08\x00\x02\x00\x03\x01\x01\x11\x00"

    assert images.picture_size(samples.picture()) == ("image/png", 640, 480)
    assert images.picture_size(gif) == ("image/gif", 3, 2)
    assert images.picture_size(jpeg) == ("image/jpeg", 3, 2)
    for other in (b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF"):
        assert images.picture_size(other) is None


# ---------------------------------------------------------------- giving out
@pytest.fixture
def ask(attached):
    def get(user, attachment):
        client = Client()
        client.force_login(user)
        return client.get(f"/attachments/{attachment.pk}/")

    return get


def test_a_picture_is_shown_and_can_do_nothing(ask, attached, bo):
    attachment = attached("/sandbox/picture.png")
    assert ask(bo, attachment).status_code == 404  # no copy yet
    attachments.copy_attachment(attachment.pk)

    answer = ask(bo, attachment)

    assert b"".join(answer.streaming_content) == samples.picture()
    assert answer["Content-Type"] == "image/png"
    assert not answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert set(answer["Content-Security-Policy"].split("; ")) == {"sandbox", "default-src 'none'"}


@pytest.mark.parametrize("path", ["page.html", "note.pdf"])
def test_anything_else_is_saved_whatever_it_says_it_is(ask, attached, bo, path):
    attachment = attached(f"/sandbox/{path}")
    attachments.copy_attachment(attachment.pk)

    answer = ask(bo, attachment)

    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == f'attachment; filename="{path}"'


def test_name_with_a_line_break_keeps_nothing_from_being_shown(ask, attached, bo):
    attachment = attached("/sandbox/picture.png", name="Great shoes\n")
    attachments.copy_attachment(attachment.pk)
    assert ask(bo, attachment)["Content-Disposition"] == 'inline; filename="Great shoes"'


@pytest.mark.parametrize("outsider", ["cy", "zed"])
def test_it_does_not_exist_for_others(ask, attached, outsider, request):
    attachment = attached("/sandbox/picture.png")
    attachments.copy_attachment(attachment.pk)

    assert ask(request.getfixturevalue(outsider), attachment).status_code == 404


def test_a_copy_that_is_lost_is_not_found(ask, attached, bo, acme, inside):
    attachment = attached("/x", state="stored", content_type="image/png", width=1, height=1)
    with inside(acme):
        attachment.file.save("gone", ContentFile(b"x"))
    default_storage.delete(attachment.file.name)

    assert ask(bo, attachment).status_code == 404


def test_the_api_names_our_copy(attached, bo, sales, provider):
    attachment = attached("/sandbox/picture.png")
    attachments.copy_attachment(attachment.pk)
    client = Client()
    client.force_login(bo)

    shown = client.get(f"/api/messages/{sales.message.pk}").json()["attachments"]

    assert shown == [
        {
            "id": str(attachment.pk),
            "kind": "image",
            "content_type": "image/png",
            "size": len(samples.picture()),
            "url": f"{provider}/attachments/{attachment.pk}/",
            "state": "stored",
            "name": "picture.png",
            "width": 640,
            "height": 480,
        }
    ]
