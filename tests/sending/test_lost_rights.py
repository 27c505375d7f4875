"""A scheduled message of an agent who has lost the right to send before it is due."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from messagehub import tenancy
from messaging.models import Message
from messaging.sending import sweeping
from tests.desk import Desk

pytestmark = [pytest.mark.django_db, pytest.mark.faults]


def ask_to_write(desk: Desk, client, count: int) -> list:
    """So many messages for tomorrow through the API: its answers."""
    body = {
        "conversation_id": str(desk.tenant["conversation"].pk),
        "send_at": (timezone.now() + timedelta(days=1)).isoformat(),
    }
    return [client.post("/api/messages/send", {**body, "content": f"Asked {n}"}) for n in range(count)]


def make_due() -> None:
    with tenancy.system():
        Message.objects.filter(status="scheduled").update(send_at=timezone.now() - timedelta(hours=1))


def fly_all(desk: Desk) -> None:
    while desk.fly():
        pass


@pytest.mark.parametrize("loss", ["deactivated", "demoted"])
def test_who_lost_the_right_meanwhile_sends_nothing_that_is_due_later(desk: Desk, loss: str):
    sender = desk.admin() if loss == "demoted" else desk.agent
    before = desk.balance
    answers = ask_to_write(desk, desk.client(sender), 20)
    assert {answer.status_code for answer in answers} == {201}

    lost = {"is_active": False} if loss == "deactivated" else {"role": "agent"}
    User.objects.filter(pk=sender.pk).update(**lost)
    make_due()
    assert sweeping.sweep_overdue() == 20
    fly_all(desk)

    ids = [answer.json()["message"]["id"] for answer in answers]
    with tenancy.system():
        assert Counter(Message.objects.filter(pk__in=ids).values_list("status", "error_code")) == {
            ("failed", "no_access"): 20
        }
    assert (desk.at_provider, desk.balance) == ([], before)
