"""A campaign of a thousand with six hundred tokens, rights that end midway, a cancel midway, workers that are killed.

Real workers send to the sandbox, whose own list says what has gone.
"""

import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

import pytest

from accounts.models import User
from chatrooms import groups, membership
from chatrooms.models import Contact
from messagehub import tenancy
from messaging.campaigns import lifecycle
from messaging.models import Campaign, CampaignRecipient, Message
from tests.campaigns import both_platforms
from tests.desk import Desk, WorkerProcess, worker_process
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


@pytest.mark.timeout(300 + both_platforms.SIZE // 4)
def test_kills_opt_outs_and_a_lost_token_write_to_nobody_twice_on_either_platform(
    desk: Desk, look, inside, sandbox, tmp_path, settings
):
    sandbox.post("/settings", latency_ms=300)  # so that a kill meets messages under way
    settings.SEND_LEASE_SECONDS = 3
    with ExitStack() as stack:
        workers: list[WorkerProcess] = []

        def work(*, is_awaited: bool) -> None:
            worker = worker_process(sandbox, tmp_path, is_awaited=is_awaited, SEND_LEASE_SECONDS="3")
            workers.append(stack.enter_context(worker))

        def kill() -> None:
            workers.pop(0).signal(signal.SIGKILL)
            work(is_awaited=False)

        def go_on() -> bool:
            run.watch()
            if events and run.token != "away" and events[0][0] <= run.count_handed_over():
                events.pop(0)[1]()
            states = {look(campaign)[0].state for campaign in run.campaigns}
            return states == {"done"} and None not in run.stopped_at.values()

        work(is_awaited=True)
        work(is_awaited=True)
        run = both_platforms.begin(desk)
        events = run.plan(kill)
        until(go_on, 180 + both_platforms.SIZE // 5)
    sandbox.post("/settings", latency_ms=0)
    # one call to the provider for each, and two for whom it does not have
    until(lambda: run.count_unknown() == 0, 90 + both_platforms.SIZE // 10)
    assert (events, run.token, len(run.stopped_at)) == ([], "back", both_platforms.OPT_OUTS)
    taken = run.list_taken()
    went = {who for who, _at in taken}
    assert len(taken) == len(went)
    # who was in a killed worker's hands and never reached the provider is told of, and paid back
    counts: Counter[str] = Counter()
    for campaign in run.campaigns:
        counts.update(look(campaign)[1])
    assert counts.keys() <= {"accepted", "sent", "delivered", "not_sent", "skipped", "failed"}
    reached = counts["accepted"] + counts["sent"] + counts["delivered"]
    assert (reached, counts.total()) == (len(went), 2 * (both_platforms.SIZE // 2))
    assert (desk.balance, reserved(desk, inside)) == (counts.total() - len(went), 0)
    # who opted out is handed over to nobody from then on, and a call that was under way ends within the lease
    late = timedelta(seconds=settings.SEND_LEASE_SECONDS + 1)
    assert not [who for who, at in taken if who in run.stopped_at and at > run.stopped_at[who] + late]
    with tenancy.system():
        claimed = run.messages.filter(attempt__gt=0).exclude(status="failed", error_code="opted_out")
        handed_over = list(claimed.values_list("channel_id", "to_address", "attempted_at"))
        why = set(run.messages.filter(status="failed").values_list("error_code", flat=True))
        why |= set(CampaignRecipient.objects.filter(outcome="skipped").values_list("reason_code", flat=True))
    assert not [who for *who, at in handed_over if at > run.stopped_at.get(tuple(who), at)]
    assert why == {"opted_out"}
    assert counts["skipped"] + counts["failed"] == len(run.stopped_at.keys() - went) > 0
