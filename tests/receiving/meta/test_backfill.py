"""What Meta lists in whole seconds, while webhooks with the same messages wait or are being processed."""

import time

import pytest
from django.utils import timezone

from integrations.events import InboundMessage
from messagehub import tenancy
from messaging.models import Message
from messaging.receiving import arrivals, backfill, ingest
from tests.desk import open_desks
from tests.meanwhile import Aside
from tests.meta_desk import PERSON, MetaDesk, create_meta_desk
from tests.meta_events import build_batch, build_text
from tests.receiving.meta.conftest import store_batch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]


@pytest.fixture
def desk(sandbox, settings):
    with open_desks(sandbox, settings):
        yield create_meta_desk(sandbox, "acme")


def write(desk: MetaDesk, text: str) -> str:
    """The person writes, and no webhook comes. Returns Meta's id of the message."""
    return desk.sandbox.write_as(desk.account, PERSON, text=text, webhook=False)["mid"]


def list_texts(desk: MetaDesk) -> list[str]:
    with tenancy.system():
        messages = Message.objects.filter(organization=desk.tenant["organization"], direction="inbound")
        return list(messages.order_by("occurred_at", "pk").values_list("content", flat=True))[-2:]


@pytest.mark.parametrize("drains", [0, 1], ids=["in their batch", "split"])
def test_messages_whose_webhooks_wait_are_left_to_them(desk: MetaDesk, drains: int):
    backfill.backfill_inbound()  # what the desk began with
    now = int(time.time() * 1000)
    events = [
        build_text(desk.account, text, mid=write(desk, text), person=PERSON, at=now + place)
        for place, text in enumerate(["First", "Second"])
    ]
    store_batch(build_batch((desk.account, events)))
    for _ in range(drains):
        ingest.drain_webhooks()

    assert backfill.backfill_inbound() == 0

    while ingest.drain_webhooks():
        pass
    assert list_texts(desk) == ["First", "Second"]


def test_message_goes_after_one_that_its_webhook_brings_meanwhile(desk: MetaDesk):
    """The backfill knows neither when it looks, and waits for the worker before it stores both."""
    backfill.backfill_inbound()  # what the desk began with
    first = InboundMessage(
        account="",
        provider_id=write(desk, "First"),
        from_address=PERSON,
        to_address=desk.account,
        body="First",
        occurred_at=timezone.now(),
        platform="MESSENGER",
    )
    write(desk, "Second")
    with tenancy.system():
        arrivals.receive_messages([first])
        aside = Aside(backfill.backfill_inbound)

    assert aside.result() == 1
    assert list_texts(desk) == ["First", "Second"]
