"""Media come from exactly the hosts that Twilio documents, and credentials go to the first of them only."""

import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from integrations import downloads
from integrations.models import TwilioAccount
from integrations.sandbox import samples

API = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/"
PUBLIC = "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/1234abcd"
SECURED = "https://mms.twiliocdn.com/AC1/1234abcd?Expires=1&Signature=x"


class World(BaseHTTPRequestHandler):
    """Everybody's server: who is asked is in the Host header."""

    asked: list[tuple[str, str, bool]] = []
    places = {"ME-public": PUBLIC, "ME-secured": SECURED, "ME-evil": "https://s3-external-1.amazonaws.com/evil/x"}

    def do_GET(self):
        host, name = self.headers["Host"], self.path.rpartition("/")[2]
        self.asked.append((host, self.path, "Authorization" in self.headers))
        if name in self.places:
            self.send_response(307)
            self.send_header("Location", self.places[name])
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(samples.picture())))
        self.end_headers()
        self.wfile.write(samples.picture())

    def log_message(self, *args):
        pass


class PlainContext:
    def wrap_socket(self, raw: socket.socket, server_hostname: str) -> socket.socket:
        return raw


@pytest.fixture
def world(monkeypatch, settings) -> Iterator[None]:
    """Every name has a public address, and behind it is the test's own server, without TLS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), World)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    World.asked.clear()
    settings.SANDBOX = False

    def connect(place: tuple, timeout: float) -> socket.socket:
        here = socket.socket()
        here.settimeout(timeout)
        here.connect(server.server_address)
        return here

    public = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("54.172.60.0", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: public)
    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(ssl, "create_default_context", PlainContext)
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "host"), [("ME-public", "s3-external-1.amazonaws.com"), ("ME-secured", "mms.twiliocdn.com")]
)
def test_media_are_fetched_where_twilio_redirects_without_credentials(world, name, host):
    account = TwilioAccount(external_id="AC1", secret="b" * 32)

    fetched = downloads.download_file(API + name, account)

    assert (fetched.content, fetched.content_type) == (samples.picture(), "image/png")
    assert [(asked, signed) for asked, _, signed in World.asked] == [("api.twilio.com", True), (host, False)]


def test_another_bucket_of_the_same_host_is_not_asked(world):
    with pytest.raises(downloads.DownloadRefused):
        downloads.download_file(API + "ME-evil")
    assert [host for host, _, _ in World.asked] == ["api.twilio.com"]


@pytest.mark.parametrize(
    "url",
    [
        "https://s3-external-1.amazonaws.com/",
        "https://s3-external-1.amazonaws.com/evil/media.twiliocdn.com/x",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com.evil/x",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/../evil/x",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/%2e%2e/evil/x",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/%252e%252e/evil/x",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/..%2fevil/x",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com\\..\\evil/x",
        "https://s3.amazonaws.com/media.twiliocdn.com/x",
        "https://media.twiliocdn.com.s3-external-1.amazonaws.com.evil.example/x",
        "https://other.twiliocdn.com/x",
        "https://twiliocdn.com/x",
        "http://s3-external-1.amazonaws.com/media.twiliocdn.com/x",
    ],
)
def test_what_twilio_does_not_document_is_refused(world, url):
    with pytest.raises(downloads.DownloadRefused):
        downloads.download_file(url)
    assert World.asked == []
