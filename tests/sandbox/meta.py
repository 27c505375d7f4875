"""An app of Meta's, its pages and people, and the webhook that it is told by: a real server on loopback."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Condition, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.sandbox_server import SandboxServer

SECRET = "an-app-secret-only-for-tests"
VERIFY_TOKEN = "say this back"
SUBSCRIBED = (
    "messages",
    "messaging_postbacks",
    "messaging_referrals",
    "message_deliveries",
    "message_reads",
    "message_echoes",
    "message_reactions",
    "message_edits",
)
IDS = count(700_000_000_000)


@dataclass(frozen=True)
class Posted:
    body: bytes
    headers: dict[str, str]

    @property
    def payload(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def is_signed(self) -> bool:
        digest = hmac.new(SECRET.encode(), self.body, hashlib.sha256).hexdigest()
        return self.headers["X-Hub-Signature-256"] == f"sha256={digest}"


class AppWebhook:
    """Keeps what it is told, answers with `statuses` in turn and then 200, and says a challenge back."""

    def __init__(self) -> None:
        self.posts: list[Posted] = []
        self.statuses: list[int] = []
        self._news = Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhook"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def items(self) -> list[dict[str, Any]]:
        """Every item of every POST that came."""
        return [item for post in self.posts for entry in post.payload["entry"] for item in entry["messaging"]]

    @property
    def items_by_time(self) -> list[dict[str, Any]]:
        """In the order in which they happened: webhooks are posted side by side and may overtake one another."""
        return sorted(self.items, key=lambda item: item["timestamp"])

    def wait_for(self, number: int, timeout: float = 10) -> list[dict[str, Any]]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.items) >= number, timeout), self.items
            return self.items

    def _take(self, post: Posted) -> int:
        with self._news:
            self.posts.append(post)
            self._news.notify_all()
            return self.statuses.pop(0) if self.statuses else 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                good = query["hub.verify_token"] == [VERIFY_TOKEN] and query["hub.mode"] == ["subscribe"]
                self._answer(200 if good else 403, query["hub.challenge"][0].encode() if good else b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(webhook._take(Posted(body, dict(self.headers))), b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@dataclass
class Meta:
    """A page with an Instagram account, and one person on each."""

    sandbox: SandboxServer
    webhook: AppWebhook
    app_id: str
    page_id: str
    instagram_id: str
    token: str
    psid: str
    igsid: str

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request to the Graph with the page's token, unless another is given."""
        headers = {"Authorization": f"Bearer {options.pop('token', self.token)}"}
        url = f"{self.sandbox.base_url}/graph/v23.0{path}"
        return requests.request(method, url, headers=headers, timeout=options.pop("timeout", 5), **options)

    def send(self, to: str = "", text: str = "Hello", timeout: float = 5, **more: Any) -> requests.Response:
        message = {"text": text, **more.pop("message", {})}
        payload = {"recipient": {"id": to or self.psid}, "message": message, "messaging_type": "RESPONSE", **more}
        return self.ask("POST", f"/{self.page_id}/messages", json=payload, timeout=timeout)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def write(self, text: str = "Is it ready?", **more: Any) -> str:
        """The person on Messenger writes; returns the mid."""
        return self.sandbox.write_as(self.page_id, self.psid, text=text, **more)["mid"]

    def write_on_instagram(self, text: str = "Is it ready?", **more: Any) -> str:
        return self.sandbox.write_as(self.instagram_id, self.igsid, text=text, **more)["mid"]


def add_meta(sandbox: SandboxServer, webhook: AppWebhook, **more: Any) -> Meta:
    """An app, a page and people of their own, so that tests leave each other alone."""
    app_id, page_id, instagram_id, psid, igsid = (str(next(IDS)) for _ in range(5))
    sandbox.add_app(app_id, SECRET, webhook.url, VERIFY_TOKEN)
    usual = {
        "instagram_account_id": instagram_id,
        "instagram_username": "northbeam",
        "subscribed_fields": SUBSCRIBED,
    }
    sandbox.add_page(page_id, "Northbeam", f"EAA{page_id}", app_id, **usual | more)
    sandbox.add_person(page_id, psid, first_name="Jo", last_name="Tan")
    sandbox.add_person(instagram_id, igsid, first_name="Jo", last_name="Tan", username="jo.tan")
    return Meta(sandbox, webhook, app_id, page_id, instagram_id, f"EAA{page_id}", psid, igsid)


@pytest.fixture
def webhook() -> Iterator[AppWebhook]:
    webhook = AppWebhook()
    yield webhook
    webhook.close()


@pytest.fixture
def meta(sandbox: SandboxServer, webhook: AppWebhook) -> Meta:
    return add_meta(sandbox, webhook)
