"""A chatroom with a page and its Instagram account, and webhooks of theirs as the intake stores them."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from integrations.models import Channel, WebhookEvent
from messagehub import tenancy
from messaging.models import Message
from messaging.receiving import ingest
from tests import factories
from tests.meta_events import build_batch

INSTAGRAM = "17840000000001"


@pytest.fixture
def page(acme, sales, inside) -> Channel:
    with inside(acme):
        return factories.PageChannelFactory(chatroom=sales.room)


@pytest.fixture
def instagram(acme, sales, page, inside) -> Channel:
    with inside(acme):
        return factories.PageChannelFactory(
            chatroom=sales.room, account=page.account, platform="INSTAGRAM", address=INSTAGRAM
        )


def store_batch(body: bytes) -> None:
    with tenancy.system():
        WebhookEvent.objects.create(
            source="meta.batch", account="", dedupe_key=hashlib.sha256(body).hexdigest(), body=body,
            created_at=datetime.now(UTC),
        )  # fmt: skip


def drain() -> None:
    while ingest.drain_webhooks():
        pass


@pytest.fixture
def come_in() -> Callable[..., None]:
    """Let events of a channel come in, in one batch, and be processed."""

    def bring(channel: Channel, *events: dict, kind: str = "messaging") -> None:
        name = "instagram" if channel.platform == "INSTAGRAM" else "page"
        store_batch(build_batch((channel.address, list(events)), name=name, kind=kind))
        drain()

    return bring


@pytest.fixture
def thread(acme, inside) -> Callable[[Channel], list[Message]]:
    """A channel's messages in their order."""

    def read(channel: Channel) -> list[Message]:
        with inside(acme):
            messages = Message.objects.filter(channel=channel).prefetch_related("attachments")
            return list(messages.select_related("conversation", "contact").order_by("occurred_at", "pk"))

    return read


def list_set_aside() -> list[str]:
    with tenancy.system():
        return list(WebhookEvent.objects.exclude(quarantined="").values_list("quarantined", flat=True))
