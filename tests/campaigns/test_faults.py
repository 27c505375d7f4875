"""A campaign of a thousand with six hundred tokens, rights that end midway, a cancel midway, a worker that is killed.

Real workers send to the sandbox, whose own list says what has gone.
"""

import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from accounts.models import User
from chatrooms import groups, membership
from chatrooms.models import Contact
from messagehub import tenancy
from messaging.campaigns import lifecycle
from messaging.models import Campaign, Message
from messaging.sending import reconciliation
from tests.desk import Desk, worker_process
from tokens import ledger
from tokens.models import TokenAccount

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture
def inside(desk: Desk):
    return lambda: tenancy.organization(desk.tenant["organization"].pk)


@pytest.fixture
def start(desk: Desk, inside) -> Callable[..., Campaign]:
    """A campaign to so many new contacts, started with so many tokens."""

    def begin(recipients: int, tokens: int, by: User | None = None) -> Campaign:
        payer, room = by or desk.agent, desk.tenant["room"]
        with inside():
            if not payer.is_admin:
                ledger.set_balance(payer, tokens, actor=payer, reason="So many")
            group = groups.create_group(room, "Everybody")
            people = Contact.objects.bulk_create(
                Contact(organization=room.organization, chatroom=room, phone=f"+1555{n:07}", first_name=f"N{n}")
                for n in range(recipients)
            )
            groups.add_members(group, people)
            draft = lifecycle.create_campaign(
                room, name="All", content="Hello {{first_name}}", channel=desk.tenant["number"], groups=[group],
                by=payer,
            )  # fmt: skip
            return lifecycle.start_campaign(draft, by=payer)

    return begin


@pytest.fixture
def look(inside) -> Callable[[Campaign], tuple[Campaign, dict[str, int]]]:
    """The campaign as it is now, and its counts, which sum to its audience at every look."""

    def read(campaign: Campaign) -> tuple[Campaign, dict[str, int]]:
        with inside():
            now = Campaign.objects.get(pk=campaign.pk)
            counts = lifecycle.count_outcomes(now)[0]
        assert sum(counts.values()) == now.audience
        return now, counts

    return read


def until(true: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "It did not come to that."
        time.sleep(0.05)


def gone(desk: Desk) -> list[str]:
    """Whom the provider's messages of this test went to."""
    return [each["to"] for each in desk.sandbox.accepted(desk.account)]


def flying(counts: dict[str, int]) -> int:
    return counts.get("queued", 0) + counts.get("sending", 0)


def reserved(desk: Desk, inside) -> int:
    with inside():
        return TokenAccount.objects.get(user=desk.agent).reserved


def test_a_thousand_with_six_hundred_tokens_stop_there_and_go_on_with_more(
    desk: Desk, start, look, inside, sandbox, tmp_path
):
    campaign = start(1000, 600)
    assert (desk.balance, reserved(desk, inside)) == (0, 600)
    with worker_process(sandbox, tmp_path):
        until(lambda: look(campaign)[0].state == "paused")
        paused, counts = look(campaign)
        assert paused.paused_code == "insufficient_tokens"
        assert paused.paused_message.endswith("Ask an admin for 400 more before you resume.")
        assert counts["waiting"] == 400
        assert len(gone(desk)) == len(set(gone(desk))) == 600
        assert (desk.balance, reserved(desk, inside)) == (0, 0)
        with inside():
            ledger.set_balance(desk.agent, 150, actor=desk.agent, reason="More")
            lifecycle.resume_campaign(paused, by=desk.agent)
        until(lambda: look(campaign)[0].state == "paused")
        assert look(campaign)[1]["waiting"] == 250
        assert len(gone(desk)) == len(set(gone(desk))) == 750
        with inside():
            ledger.set_balance(desk.agent, 1000, actor=desk.agent, reason="Enough")
            lifecycle.resume_campaign(paused, by=desk.agent)
        until(lambda: look(campaign)[0].state == "done")
    assert len(gone(desk)) == len(set(gone(desk))) == 1000
    assert (desk.balance, reserved(desk, inside)) == (750, 0)


@pytest.mark.parametrize("loss", ["unassigned", "demoted", "deactivated"])
def test_who_loses_the_right_midway_sends_no_more(desk: Desk, start, look, inside, sandbox, tmp_path, loss):
    sandbox.post("/settings", latency_ms=300)
    payer = desk.admin() if loss == "demoted" else desk.agent
    campaign = start(1500, 2000, by=payer)
    with worker_process(sandbox, tmp_path):
        until(lambda: len(gone(desk)) > 100)
        with inside():
            if loss == "unassigned":
                membership.unassign_user(desk.agent, desk.tenant["room"], by=desk.agent)
            else:
                User.objects.filter(pk=payer.pk).update(
                    **{"role": "agent"} if loss == "demoted" else {"is_active": False}
                )
        until(lambda: look(campaign)[0].state == "paused")
        assert look(campaign)[0].paused_code == "no_access"
        until(lambda: not look(campaign)[1].get("sending"))
        before = len(gone(desk))
        time.sleep(1.5)
    _, counts = look(campaign)
    assert before == len(gone(desk)) == len(set(gone(desk))) < 1500
    assert counts["waiting"] > 0
    assert flying(counts) > 0  # held, not lost
    with inside():
        lifecycle.cancel_campaign(campaign, by=desk.agent)
    _, counts = look(campaign)
    assert counts["canceled"] == 1500 - before
    assert (desk.balance, reserved(desk, inside)) == ((995 + 4 if loss == "demoted" else 2000 - before), 0)


def test_called_off_midway_leaves_exact_counts_and_no_debit(desk: Desk, start, look, inside, sandbox, tmp_path):
    sandbox.post("/settings", latency_ms=300)
    campaign = start(1000, 1000)
    with worker_process(sandbox, tmp_path):
        until(lambda: len(gone(desk)) > 100)
        with inside():
            lifecycle.cancel_campaign(campaign, by=desk.agent)
        until(lambda: not look(campaign)[1].get("sending"))
        sent = len(gone(desk))
        time.sleep(1.5)
    ended, counts = look(campaign)
    assert ended.state == "canceled"
    assert sent == len(gone(desk)) == len(set(gone(desk)))
    assert counts["canceled"] == 1000 - sent
    assert flying(counts) == counts.get("waiting", 0) == 0
    with tenancy.system():
        canceled = Message.objects.filter(campaign=campaign, status="canceled")
        assert not canceled.exclude(tokens=0, refunded_as="canceled", attempt=0).exists()
    assert (desk.balance, reserved(desk, inside)) == (1000 - sent, 0)


def test_two_workers_and_a_kill_write_to_nobody_twice(desk: Desk, start, look, inside, sandbox, tmp_path, settings):
    sandbox.post("/settings", latency_ms=40)
    settings.SEND_LEASE_SECONDS = 3
    campaign = start(600, 600)
    with ExitStack() as stack:
        first, _second = (
            stack.enter_context(worker_process(sandbox, tmp_path, SEND_LEASE_SECONDS="3")) for _ in range(2)
        )
        until(lambda: len(gone(desk)) > 60)
        first.signal(signal.SIGKILL)
        until(lambda: look(campaign)[0].state == "done", 180)
    until(lambda: reconciliation.reconcile_unknown() == 0)  # a provider that is slow to answer is asked again
    _, counts = look(campaign)
    went = len(gone(desk))
    assert went == len(set(gone(desk)))
    # who was in the killed worker's hands and never reached the provider is told of, and paid back
    assert went + counts.get("not_sent", 0) == 600
    assert desk.balance == counts.get("not_sent", 0)
    assert Counter(counts).keys() <= {"accepted", "sent", "delivered", "not_sent"}
