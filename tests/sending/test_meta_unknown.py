"""An *unknown* message of Meta's beside echoes without our metadata: the same text later, or another text."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from messagehub import tenancy
from messaging.models import Message
from messaging.sending import delivery, reconciliation, sweeping
from tests.desk import let_leases_end, open_desks
from tests.meta_desk import PERSON, MetaDesk, create_meta_desk
from tests.meta_events import build_echo
from tests.sending.test_meta_echoes import come_in, now_in_ms

pytestmark = [pytest.mark.django_db, pytest.mark.faults]


@pytest.fixture
def desk(sandbox, settings):
    with open_desks(sandbox, settings):
        yield create_meta_desk(sandbox, "acme")


def lose(desk: MetaDesk, text: str) -> Message:
    """A message that was claimed and then lost with its worker, before the provider had it."""
    message = desk.send(text)
    delivery.claim_messages(5)
    let_leases_end()
    sweeping.sweep_overdue()
    assert desk.state(message).status == "unknown"
    return message


def let_attempts_age(message: Message, time: timedelta) -> None:
    with tenancy.system():
        Message.objects.filter(pk=message.pk).update(attempted_at=F("attempted_at") - time)


def list_foreign(desk: MetaDesk) -> list[str]:
    with tenancy.system():
        foreign = Message.objects.filter(organization=desk.tenant["organization"], direction="outbound", attempt=0)
        return list(foreign.exclude(provider_id=None).values_list("content", flat=True))


@pytest.mark.parametrize(
    ("text", "echoed"),
    [
        ("See you at ten  \n", "See you at ten"),
        ("Look: https://shop.example/a?b=1", "Look: https://l.facebook.com/l.php?u=https%3A%2F%2Fshop.example%2Fa"),
        ("Cafe\u0301 \u201copen\u201d\u200b", "Caf\u00e9 \u201copen\u201d"),
    ],
)
def test_echo_whose_text_meta_changed_settles_the_one_unknown_message(desk: MetaDesk, text: str, echoed: str):
    message = lose(desk, text)

    come_in(desk, build_echo(desk.account, echoed, mid="m_changed", person=PERSON))

    assert (desk.state(message).status, message.provider_id) == ("sent", "m_changed")
    assert list_foreign(desk) == []
    assert desk.entries(message) == [("debit", -1)]


@pytest.mark.parametrize("texts", [("Ten  o'clock",), ("Ten\to'clock ", "Ten  o'clock")])
def test_nothing_is_refunded_beside_an_echo_that_may_be_it(desk: MetaDesk, texts: tuple[str, ...]):
    """Another text altogether, or one that two messages would do for: a person compares them."""
    messages = [lose(desk, text) for text in texts]
    echoed = "Ten o'clock" if len(texts) > 1 else "We close at six"

    come_in(desk, build_echo(desk.account, echoed, mid="m_other", person=PERSON))
    desk.reconcile_until_settled()

    assert list_foreign(desk) == [echoed]
    for message in messages:
        assert (desk.state(message).status, message.error_code) == ("unknown", "unexplained")
        assert desk.entries(message) == [("debit", -1)]


def test_what_meta_lists_with_another_text_is_not_refunded_either(desk: MetaDesk):
    """Its echo was lost, too."""
    message = lose(desk, "Ten o'clock")
    listed = reconciliation.Listed("m_listed", "10 o'clock", "sent", "", datetime.now(UTC), 1, desk.account)

    for _ in range(2):
        reconciliation.settle_unknown(read_lost(message), [listed])

    assert (desk.state(message).status, message.error_code) == ("unknown", "unexplained")


def test_what_is_found_later_was_sent_when_the_provider_took_it(desk: MetaDesk):
    """Or somebody who read it would seem to have read all that was sent until it was found."""
    message = lose(desk, "Ten o'clock")
    let_attempts_age(message, timedelta(minutes=5))
    taken_at = datetime.now(UTC) - timedelta(minutes=4, seconds=59)
    listed = reconciliation.Listed("m_listed", "Ten o'clock", "sent", "", taken_at, 1, desk.account)

    reconciliation.settle_unknown(read_lost(message), [listed])

    assert (desk.state(message).status, message.sent_at) == ("sent", taken_at)


def read_lost(message: Message) -> list[dict]:
    with tenancy.system():
        return reconciliation.sql.fetch_rows(reconciliation.LOST, [[message.pk]])


def test_same_text_that_is_written_much_later_is_another_message(desk: MetaDesk):
    message = lose(desk, "Thanks!")
    let_attempts_age(message, timedelta(minutes=6))

    come_in(desk, build_echo(desk.account, "Thanks!", mid="m_later", person=PERSON))
    listed = reconciliation.Listed("m_even_later", "Thanks!", "sent", "", datetime.now(UTC), 1, desk.account)
    reconciliation.settle_unknown(read_lost(message), [listed])
    assert (desk.state(message).status, list_foreign(desk)) == ("unknown", ["Thanks!"])
    desk.reconcile_until_settled()

    assert desk.state(message).status == "not_sent"
    assert desk.entries(message) == [("debit", -1), ("refund", 1)]


def test_echo_from_before_the_attempt_is_another_message(desk: MetaDesk):
    """The message was written long before it was claimed: the time of the attempt counts."""
    message = desk.send("Thanks!")
    with tenancy.system():
        Message.objects.filter(pk=message.pk).update(created_at=F("created_at") - timedelta(minutes=10))
    delivery.claim_messages(5)
    let_leases_end()
    sweeping.sweep_overdue()

    come_in(desk, build_echo(desk.account, "Thanks!", mid="m_before", person=PERSON, at=now_in_ms() - 300_000))

    assert (desk.state(message).status, list_foreign(desk)) == ("unknown", ["Thanks!"])
