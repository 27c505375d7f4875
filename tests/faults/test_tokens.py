"""Row 18: many messages at once against few tokens, and people who lose their rights on the way.

Campaigns come later; until then "many" are scheduled messages, which are paid when they are written, looked at again
when they are due, and sent by the same worker.
"""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from chatrooms import membership
from messagehub import tenancy
from messaging import delivery, sendability
from messaging.models import Message
from tests.faults.conftest import Desk
from tokens import ledger

pytestmark = [pytest.mark.django_db, pytest.mark.faults]


def write(desk: Desk, count: int) -> list[str]:
    """Ask for so many messages for tomorrow; the ids of those that were paid."""
    tomorrow, made, refusals = timezone.now() + timedelta(days=1), [], set()
    for n in range(count):
        try:
            made.append(str(desk.send(f"Number {n}, {count}", send_at=tomorrow).pk))
        except sendability.Refused as refused:
            refusals.add(refused.code)
    assert refusals <= {"insufficient_tokens"}
    return made


def ask_to_write(desk: Desk, client, count: int) -> list:
    """The same through the API: its answers."""
    body = {
        "conversation_id": str(desk.tenant["conversation"].pk),
        "send_at": (timezone.now() + timedelta(days=1)).isoformat(),
    }
    return [client.post("/api/messages/send", {**body, "content": f"Asked {n}"}) for n in range(count)]


def make_due() -> None:
    with tenancy.system():
        Message.objects.filter(status="scheduled").update(send_at=timezone.now() - timedelta(seconds=1))


def fly_all(desk: Desk) -> None:
    while desk.fly():
        pass


@pytest.mark.timeout(300)
@pytest.mark.django_db(transaction=True)  # thousands of savepoints in one transaction are slow
def test_row_18_a_thousand_against_six_hundred_tokens_some_called_off_and_the_rest_forbidden(desk: Desk):
    with tenancy.organization(desk.tenant["organization"].pk):
        ledger.set_balance(desk.agent, 600, actor=desk.agent, reason="Six hundred")
    client = desk.client()

    first, answers, last = write(desk, 590), ask_to_write(desk, client, 20), write(desk, 390)

    assert (len(first), len(last)) == (590, 0)
    assert [answer.status_code for answer in answers] == [201] * 10 + [402] * 10
    assert desk.balance == 0
    ids = first + [answer.json()["message"]["id"] for answer in answers[:10]]
    for pk in ids[:100]:
        assert client.post(f"/api/messages/{pk}/cancel").status_code == 200
    assert desk.balance == 100
    make_due()
    assert delivery.sweep() == delivery.DUE_BATCH
    with tenancy.organization(desk.tenant["organization"].pk):
        membership.unassign(desk.agent, desk.tenant["room"], by=desk.agent)
    while delivery.sweep():
        pass
    fly_all(desk)

    with tenancy.system():
        found = Message.objects.filter(pk__in=ids)
        states = Counter(found.values_list("status", "error_code"))
        left = {str(pk) for pk in found.filter(status="accepted").values_list("pk", flat=True)}
    gone = delivery.DUE_BATCH
    assert states == {("accepted", ""): gone, ("canceled", ""): 100, ("failed", "no_access"): 500 - gone}
    assert not left & set(ids[:100])
    assert len(desk.at_provider) == len(set(desk.at_provider)) == gone
    assert desk.balance == 600 - gone


@pytest.mark.parametrize("loss", ["deactivated", "demoted"])
def test_row_18_who_lost_the_right_meanwhile_sends_nothing_that_is_due_later(desk: Desk, loss: str):
    sender = desk.admin() if loss == "demoted" else desk.agent
    before = desk.balance
    answers = ask_to_write(desk, desk.client(sender), 20)
    assert {answer.status_code for answer in answers} == {201}

    lost = {"is_active": False} if loss == "deactivated" else {"role": "agent"}
    User.objects.filter(pk=sender.pk).update(**lost)
    make_due()
    assert delivery.sweep() == 20
    fly_all(desk)

    ids = [answer.json()["message"]["id"] for answer in answers]
    with tenancy.system():
        assert Counter(Message.objects.filter(pk__in=ids).values_list("status", "error_code")) == {
            ("failed", "no_access"): 20
        }
    assert (desk.at_provider, desk.balance) == ([], before)
