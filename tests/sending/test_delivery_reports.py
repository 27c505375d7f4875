"""States only rise, in whatever order the provider reports them."""

from datetime import UTC, datetime

import pytest
from uuid_utils.compat import uuid7

from integrations.events import Accepted, StatusUpdate, Unclear
from messagehub import tenancy
from messaging.models import Message, MessageReceipt
from messaging.sending import delivery, delivery_reports, states, sweeping
from tests.cast import create_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(db) -> Message:
    return create_tenant("acme", "+15550100100")["message"]


def report(message: Message, status: str, code: str = "", sid: str = "SM1", named: bool = False) -> tuple:
    return uuid7(), StatusUpdate(
        account="ACacme",
        provider_id=sid,
        status=status if status in states.RANK else "",
        provider_status=status,
        occurred_at=datetime.now(UTC),
        error_code=code,
        message_id=message.pk if named else None,
    )


def state(message: Message) -> tuple[str, str]:
    with tenancy.system():
        return Message.objects.values_list("status", "error_code").get(pk=message.pk)


def apply(*reports) -> set:
    with tenancy.system():
        return delivery_reports.apply_reports(reports)[1]


def accept(message: Message) -> None:
    claimed = {each.text.message_id: each for each in delivery.claim_messages(10)}
    delivery.settle_outcomes([(claimed[message.pk], Accepted("SM1", 1))])


def test_all_of_them_in_one_batch_end_in_the_same_state(message: Message):
    accept(message)
    apply(*(report(message, status) for status in ("delivered", "sent", "accepted", "delivered")))
    assert state(message) == ("delivered", "")
    with tenancy.system():
        assert MessageReceipt.objects.count() == 3


def test_a_failure_is_kept_with_its_reason(message: Message):
    accept(message)
    apply(report(message, "undelivered", "30003"))
    assert state(message) == ("undelivered", "30003")
    with tenancy.system():
        assert "out of reach" in Message.objects.get().error_message


def test_a_report_before_our_commit_binds_the_id_and_is_not_undone_by_it(message: Message):
    (claimed,) = delivery.claim_messages(1)
    apply(report(message, "delivered", named=True))
    assert state(message)[0] == "delivered"

    delivery.settle_outcomes([(claimed, Unclear("too late"))])

    assert state(message) == ("delivered", "")
    with tenancy.system():
        assert Message.objects.get().provider_id == "SM1"


def test_a_report_on_a_message_that_is_not_ours_waits(message: Message):
    accept(message)
    stranger = report(message, "delivered", sid="SM-other")
    assert apply(stranger) == {stranger[0]}
    named_wrongly = report(message, "delivered", sid="SM-other", named=True)
    assert apply(named_wrongly) == {named_wrongly[0]}
    assert state(message)[0] == "accepted"


def test_another_accounts_report_does_not_touch_our_message(message: Message):
    create_tenant("globex", "+15550200200")
    accept(message)
    pk, update = report(message, "delivered", named=True)
    foreign = StatusUpdate(**{**{f: getattr(update, f) for f in update.__slots__}, "account": "ACglobex"})
    assert apply((pk, foreign)) == {pk}
    ours = report(message, "sent")
    assert apply((pk, foreign), ours) == {pk}  # nor in one batch with a report of our own account
    assert state(message)[0] == "sent"


def test_a_lease_that_ran_out_is_unknown_and_never_queued(message: Message, settings):
    settings.SEND_LEASE_SECONDS = -1
    delivery.claim_messages(1)
    assert sweeping.sweep_overdue() == 1
    assert state(message)[0] == "unknown"
    assert delivery.claim_messages(10) == []
