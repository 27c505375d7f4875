from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from urllib.parse import parse_qsl

import pytest
import requests
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from integrations.sandbox.store import new_sid
from tests.sandbox.meta import meta as meta
from tests.sandbox.meta import webhook as webhook
from tests.sandbox_server import SandboxServer, sandbox_server

TOKEN = "0123456789abcdef0123456789abcdef"
OURS = "+15550100100"
PHONE = "+15550111222"


@dataclass(frozen=True)
class Received:
    path: str
    form: dict[str, str]
    headers: dict[str, str]


class Webhooks:
    """A small customer of Twilio: it keeps what it is told, and answers with `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        self._news = Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, count: int, timeout: float = 10) -> list[Received]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.received) >= count, timeout), self.received
            return list(self.received)

    def is_signed(self, received: Received) -> bool:
        signature = received.headers["X-Twilio-Signature"]
        return RequestValidator(TOKEN).validate(self.url + received.path, received.form, signature)

    def _take(self, received: Received) -> int:
        with self._news:
            self.received.append(received)
            self._news.notify_all()
            return self.statuses.pop(0) if self.statuses else 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(parse_qsl(body, keep_blank_values=True))
                status = webhooks._take(Received(self.path, form, dict(self.headers)))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@pytest.fixture
def webhooks() -> Iterator[Webhooks]:
    webhooks = Webhooks()
    yield webhooks
    webhooks.close()


@pytest.fixture(scope="session")
def _server(tmp_path_factory) -> Iterator[SandboxServer]:
    with sandbox_server(tmp_path_factory.mktemp("sandbox")) as server:
        yield server


@pytest.fixture
def sandbox(_server) -> SandboxServer:
    """One process for all tests; each starts without faults and open events, and at a quick pace."""
    requests.delete(f"{_server.base_url}/faults", timeout=5)
    _server.drop_events()
    _server.post("/settings", latency_ms=0, sent_after_ms=20, delivered_after_ms=60, seen_after_ms=100)
    return _server


@pytest.fixture
def account(sandbox, webhooks) -> str:
    """A fresh account that owns OURS, with its webhooks at `webhooks`."""
    sid = new_sid("AC")
    sandbox.add_account(sid, TOKEN)
    sandbox.add_number(sid, OURS, f"{webhooks.url}/inbound", "Support")
    return sid


@pytest.fixture
def client(sandbox, account) -> Client:
    client = Client(account, TOKEN, http_client=TwilioHttpClient(timeout=3))
    client.api.base_url = sandbox.base_url
    return client
