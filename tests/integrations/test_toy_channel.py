"""A third provider is one class: nothing of messaging is touched (docs/adding-a-channel.md)."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime

import pytest
from asgiref.testing import ApplicationCommunicator

from integrations import providers
from integrations.events import Accepted, InboundMessage, Limits, OutgoingText, Reply, StatusUpdate, WebhookRequest
from integrations.models import Channel, ProviderAccount
from integrations.webhooks import Intake
from messaging.receiving import ingest
from messaging.sending import delivery

pytestmark = pytest.mark.django_db(transaction=True)


class ToyWebhook:
    reply = Reply(204)

    def __init__(self, request: WebhookRequest) -> None:
        self.request, self.values = request, json.loads(request.body)
        self.account, self.source = self.values["account"], f"toy.{self.values['kind']}"

    def verify(self, secrets) -> bool:
        header = self.request.headers.get(b"x-toy", b"").decode()
        return header in [hashlib.sha256(secret.encode() + self.request.body).hexdigest() for secret in secrets]

    def read_key(self) -> str:
        return f"{self.values['id']}:{self.values.get('status', '')}"

    def read_recipient(self) -> str:
        return self.values.get("to", "")


class ToyConnections:
    async def send(self, text: OutgoingText) -> Accepted:
        Toy.sent.append((text.from_address, text.to_address, text.body))
        return Accepted(f"toy-{len(Toy.sent)}")

    async def close(self) -> None: ...


class Toy:
    name, label = "toy", "Toy"
    webhook_paths, most_webhook_bytes, signs_by_app = frozenset({"/api/webhooks/toy"}), 1000, False
    platforms, batch_sources, lists_everything = frozenset({"TOY"}), frozenset(), False
    sent: list = []

    def open_webhook(self, request):
        return ToyWebhook(request)

    def read_event(self, source, account, body, query, received_at):
        values, at = json.loads(body), datetime.now(UTC)
        if source == "toy.message":
            return InboundMessage(
                account, values["id"], values["from"], values["to"], values["text"], at, platform="TOY"
            )
        if source == "toy.status":
            return StatusUpdate(account, values["id"], values["status"], values["status"], at, platform="TOY")
        return None

    def callback_url(self, message_id):
        return ""

    def open_connections(self, count):
        return ToyConnections()

    def read_limits(self, platform):
        return Limits(longest_text=50)

    def error_meanings(self):
        return {}


def test_toy_channel_receives_sends_and_reports(acme, sales, rich, api, inside, monkeypatch):
    monkeypatch.setitem(providers._PROVIDERS, "toy", Toy())
    with inside(acme):
        account = ProviderAccount.objects.create(
            organization=acme.organization, provider="toy", external_id="toy-1", secret="s"
        )
        line = Channel.objects.create(
            organization=acme.organization, chatroom=sales.room, account=account, platform="TOY", address="line 1"
        )
    assert post(kind="message", account="toy-1", id="1", **{"from": "ann"}, to="line 1", text="Hi") == 204
    ingest.drain_webhooks()
    (talk,) = (
        api(rich).get("/api/conversations", {"chatroom_id": str(sales.room.pk), "unread": "true"}).json()["results"]
    )
    assert (talk["platform"], talk["messages"][0]["content"]) == ("TOY", "Hi")

    answer = api(rich).post("/api/messages/send", {"conversation_id": talk["id"], "content": "Hello Ann"})
    assert answer.status_code == 201, answer.content
    claims = delivery.claim_messages(5)
    delivery.settle_outcomes([(claim, asyncio.run(providers.Connections(1).send(claim.text))) for claim in claims])
    assert Toy.sent == [(line.address, "ann", "Hello Ann")]
    assert post(kind="status", account="toy-1", id="toy-1", status="delivered") == 204
    ingest.drain_webhooks()

    assert api(rich).get(f"/api/messages/{answer.json()['message']['id']}").json()["status"] == "delivered"
    assert api(rich).post("/api/messages/send", {"conversation_id": talk["id"], "content": "x" * 51}).status_code == 400


def post(**values) -> int:
    body = json.dumps(values).encode()
    scope = {
        "type": "http", "method": "POST", "path": "/api/webhooks/toy", "query_string": b"",
        "headers": [(b"x-toy", hashlib.sha256(b"s" + body).hexdigest().encode())],
    }  # fmt: skip

    async def ask() -> int:
        intake = Intake()
        await intake.startup()
        connection = ApplicationCommunicator(intake, scope)
        await connection.send_input({"type": "http.request", "body": body})
        status = (await connection.receive_output(5))["status"]
        await intake.shutdown()
        return status

    return asyncio.run(ask())
