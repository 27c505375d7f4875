"""Echoes and watermarks settle what we sent over Meta's channels, early, late, or in place of a lost answer."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from integrations import providers
from integrations.meta.metadata import build_metadata
from integrations.models import ProviderAccount, WebhookEvent
from messagehub import tenancy
from messaging.models import Message, MessageReceipt
from messaging.sending import delivery, sweeping
from tests.desk import let_leases_end, open_desks
from tests.meta_desk import PERSON, MetaDesk, create_meta_desk
from tests.meta_events import build_batch, build_echo, build_event
from tests.receiving.meta.conftest import drain, store_batch

pytestmark = [pytest.mark.django_db, pytest.mark.faults]


@pytest.fixture
def desk(sandbox, settings):
    with open_desks(sandbox, settings):
        yield create_meta_desk(sandbox, "acme")


def call_provider(claims: list) -> list:
    async def call() -> list:
        connections = providers.Connections(10)
        try:
            return [(claim, await connections.send(claim.text)) for claim in claims]
        finally:
            await connections.close()

    return asyncio.run(call())


def come_in(desk: MetaDesk, *events: dict) -> None:
    store_batch(build_batch((desk.account, list(events))))
    drain()


def echo(desk: MetaDesk, message: Message, *, metadata: bool = True) -> dict:
    mid = desk.sandbox.accepted_by_graph(desk.account)[0]["mid"]
    more = {"metadata": build_metadata(message.pk)} if metadata else {}
    return build_echo(desk.account, message.content, mid=mid, person=PERSON, **more)


@pytest.mark.parametrize("metadata", [True, False])
def test_echo_before_our_answer_is_written_down_is_the_same_message(desk: MetaDesk, metadata: bool):
    message = desk.send("Early")
    outcomes = call_provider(delivery.claim_messages(5))

    come_in(desk, echo(desk, message, metadata=metadata))
    assert desk.state(message).status == "sent"
    delivery.settle_outcomes(outcomes)

    assert (desk.state(message).status, message.provider_id) == ("sent", outcomes[0][1].provider_id)
    with tenancy.system():
        assert Message.objects.filter(content="Early").count() == 1
    assert desk.entries(message) == [("debit", -1)]


@pytest.mark.parametrize("metadata", [True, False])
def test_echo_settles_a_message_whose_answer_was_lost(desk: MetaDesk, metadata: bool):
    message = desk.send("Lost")
    call_provider(delivery.claim_messages(5))  # and killed before it was written down
    let_leases_end()
    sweeping.sweep_overdue()
    assert desk.state(message).status == "unknown"

    come_in(desk, echo(desk, message, metadata=metadata))

    assert desk.state(message).status == "sent"
    assert desk.at_provider == ["Lost"]
    with tenancy.system():
        assert Message.objects.filter(content="Lost").count() == 1


def test_echo_of_another_apps_message_with_our_ids_form_settles_nothing(desk: MetaDesk):
    message = desk.send("Ours")
    desk.fly()
    forged = build_echo(desk.account, "Theirs", person=PERSON, metadata=message.pk.hex)
    come_in(desk, forged)
    assert (desk.state(message).status, message.content) == ("accepted", "Ours")
    with tenancy.system():
        theirs = Message.objects.get(content="Theirs")
        assert (theirs.status, theirs.tokens, theirs.sent_by_id) == ("sent", 0, None)


def now_in_ms() -> int:
    return int(time.time() * 1000)


def test_watermarks_deliver_and_read_what_was_sent_until_then(desk: MetaDesk):
    first = desk.send("One")
    desk.fly()
    come_in(desk, echo(desk, first))
    between = now_in_ms()
    second = desk.send("Two")
    desk.fly()

    come_in(desk, build_event(desk.account, delivery={"watermark": between}, person=PERSON))
    assert [desk.state(each).status for each in (first, second)] == ["delivered", "accepted"]
    come_in(desk, build_event(desk.account, read={"watermark": now_in_ms() + 1000}, person=PERSON))

    assert [desk.state(each).status for each in (first, second)] == ["read", "read"]
    assert first.read_at <= datetime.now(UTC)
    with tenancy.system():
        receipts = MessageReceipt.objects.filter(message=first).order_by("pk")
        assert list(receipts.values_list("status", flat=True)) == ["echo", "delivered", "read"]


def test_watermark_from_before_the_attempt_covers_no_message_that_waited(desk: MetaDesk):
    message = desk.send("Waited a minute")
    with tenancy.system():
        Message.objects.filter(pk=message.pk).update(occurred_at=F("occurred_at") - timedelta(minutes=1))
    before = now_in_ms() - 30_000
    desk.fly()

    come_in(desk, build_event(desk.account, delivery={"watermark": before}, person=PERSON))

    assert desk.state(message).status == "accepted"


def test_watermark_in_seconds_marks_nothing_of_the_future(desk: MetaDesk):
    come_in(desk, build_event(desk.account, read={"watermark": now_in_ms()}, person=PERSON))
    message = desk.send("Later")
    desk.fly()
    come_in(desk, build_event(desk.account, delivery={"watermark": now_in_ms() - 60_000}, person=PERSON))
    assert desk.state(message).status == "accepted"


def test_late_delivery_takes_nothing_from_what_was_read(desk: MetaDesk):
    message = desk.send("Read")
    desk.fly()
    come_in(desk, build_event(desk.account, read={"watermark": now_in_ms() + 1000}, person=PERSON))
    come_in(desk, build_event(desk.account, delivery={"watermark": now_in_ms() + 1000}, person=PERSON))
    assert desk.state(message).status == "read"


def test_watermark_of_another_person_marks_nothing(desk: MetaDesk):
    message = desk.send("Not theirs")
    desk.fly()
    come_in(desk, build_event(desk.account, read={"watermark": now_in_ms() + 1000}, person="7711"))
    assert desk.state(message).status == "accepted"


def test_bad_token_pauses_the_page_and_costs_nothing(desk: MetaDesk):
    balance = desk.balance
    desk.fault("190", count=100)
    message = desk.send("Later")
    desk.fly()
    assert (desk.state(message).status, desk.balance) == ("queued", balance - 1)
    assert desk.alerts() == ["190"]
    with tenancy.system():
        assert ProviderAccount.objects.get(external_id=desk.account).paused_at
    assert desk.fly() == 0


@pytest.mark.parametrize(("code", "subcode"), [(10, 2018278), (100, 2018001), (551, 0), (10904, 0), (100, 0)])
def test_refusal_is_final_and_refunded_once_with_its_meaning(desk: MetaDesk, code: int, subcode: int):
    balance = desk.balance
    desk.fault(str(code), **({"subcode": subcode} if subcode else {}))
    message = desk.send("No")
    desk.fly()
    assert (desk.state(message).status, desk.balance) == ("failed", balance)
    assert message.error_code == (f"{code}/{subcode}" if subcode else str(code))
    assert message.error_message.endswith(".")
    assert desk.entries(message) == [("debit", -1), ("refund", 1)]


def test_echo_with_another_text_waits_while_a_message_is_under_way(desk: MetaDesk):
    message = desk.send("  With spaces around  ")
    outcomes = call_provider(delivery.claim_messages(5))
    mid = outcomes[0][1].provider_id
    come_in(desk, build_echo(desk.account, "With spaces around", mid=mid, person=PERSON))
    with tenancy.system():
        assert Message.objects.filter(content="With spaces around").count() == 0

    delivery.settle_outcomes(outcomes)
    pass_waits()
    drain()

    assert desk.state(message).status == "sent"
    with tenancy.system():
        assert Message.objects.filter(provider_id=mid).count() == 1


def pass_waits() -> None:
    with tenancy.system():
        WebhookEvent.objects.filter(processed_at=None).update(try_again_at=None)
