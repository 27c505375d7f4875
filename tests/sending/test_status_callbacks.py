"""What the provider reports later, in whatever order, however often, and whatever it says."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from integrations import failures
from integrations.events import StatusUpdate
from integrations.twilio import parsing
from messagehub import tenancy
from messaging.models import Message, MessageReceipt
from messaging.sending import delivery_reports, states
from tests.desk import Desk
from tests.receiving.test_webhooks import post, webhooks
from tests.running_demo import Client, Demo, eventually, phones

pytestmark = pytest.mark.faults
STATUS = "/api/webhooks/twilio/status"


def answered(demo: Demo, text: str, fault: str = "", phone: str = "", **options) -> tuple[Client, str, dict]:
    """Maya answers somebody, and the provider does with it what the fault says."""
    maya, phone = demo.client("maya"), phone or next(phones)
    demo.text(phone, demo.number, "Hello")
    conversation = eventually(lambda: maya.conversation_with(phone))
    if fault:
        demo.sandbox("POST", "/faults", provider="twilio", kind=fault, count=1, to=phone, **options)
    return maya, phone, maya.reply(conversation, text).json()["message"]


def receipts(demo: Demo, message: dict) -> list[tuple[str, str]]:
    """Status and code of every report that is kept."""
    code = (
        "import json; from messagehub import tenancy; from messaging.models import MessageReceipt\n"
        "with tenancy.system():\n"
        f"    found = MessageReceipt.objects.filter(message_id={message['id']!r}).order_by('status')\n"
        "    print(json.dumps([(e.status, e.error_code) for e in found]))"
    )
    return [tuple(each) for each in json.loads(demo.shell.run(code))]


# ---------------------------------------------------------------- row 11
LATE = {
    "30003": "out of reach",
    "30005": "no longer in use",
    "30006": "landline",
    "30007": "spam",
    "30008": "gave no reason",
    "30034": "not registered",
}


def test_a_failure_that_is_reported_later_has_code_and_reason(demo: Demo):
    sent = [answered(demo, f"Late {code}", code) for code in LATE]

    for (maya, _, message), (code, words) in zip(sent, LATE.items(), strict=True):
        failed = eventually(
            lambda maya=maya, message=message: (m := maya.message(message["id"]))["status"] == "undelivered" and m
        )
        assert failed["error"]["code"] == code
        assert words in failed["error"]["message"]
    assert receipts(demo, sent[0][2]) == [("sent", ""), ("undelivered", "30003")]
    assert demo.broken_invariants() == ""


@pytest.mark.django_db
@pytest.mark.parametrize("policy", ["not_sent", "undelivered"])
@pytest.mark.parametrize("status", ["failed", "undelivered"])
def test_the_policy_says_whether_a_late_failure_is_paid_back_and_once(desk: Desk, policy: str, status: str):
    organization = desk.tenant["organization"]
    with tenancy.organization(organization.pk):
        type(organization).objects.filter(pk=organization.pk).update(refund_policy=policy)
    message = accepted(desk, 1)[0]

    for _ in range(2):
        with tenancy.system():
            delivery_reports.apply_reports([report(desk, 0, status), report(desk, 0, status)])

    assert desk.state(message).status == status
    refunds = [("refund", 1)] if policy == "undelivered" else []
    assert desk.entries(message) == [("debit", -1), *refunds]


@pytest.mark.django_db
def test_filtered_messages_raise_one_alarm_at_a_rate(desk: Desk):
    accepted(desk, 8)
    for n in range(4):
        with tenancy.system():
            delivery_reports.apply_reports([report(desk, n, "undelivered", "30007")])
    assert desk.alerts() == []

    for n in range(4, 8):
        with tenancy.system():
            delivery_reports.apply_reports([report(desk, n, "undelivered", "30007")])

    assert desk.alerts() == ["30007"]


def accepted(desk: Desk, count: int) -> list[Message]:
    """Messages that the provider knows as SM0, SM1 and so on."""
    messages = [desk.send(f"Number {n}") for n in range(count)]
    with tenancy.system():
        for n, message in enumerate(messages):
            taken = {"status": "accepted", "provider_id": f"SM{n}"}
            Message.objects.filter(pk=message.pk).update(**taken)
    return messages


# ---------------------------------------------------------------- row 12
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reports", "end"),
    [
        (("accepted", "sent", "delivered", "undelivered", "huh"), ("delivered", "", "")),
        (("sent", "delivered", "undelivered", "read", "huh"), ("read", "", "")),
        (
            ("queued", "sending", "sent", "undelivered", "huh"),
            ("undelivered", "30003", str(failures.explain_code("30003"))),
        ),
    ],
)
def test_every_order_of_five_reports_ends_in_the_same_state(desk: Desk, reports: tuple, end: tuple):
    """All 120 orders, each on a message of its own, each step in a transaction of its own."""
    orders = list(permutations(reports))
    messages = accepted(desk, len(orders))
    highest = {message.pk: 3 for message in messages}
    for step in range(len(reports)):
        with tenancy.system():
            delivery_reports.apply_reports([report(desk, n, order[step]) for n, order in enumerate(orders)])
        for pk, rank in ranks(messages).items():
            assert rank >= highest[pk]
            highest[pk] = rank

    with tenancy.system():
        found = set(Message.objects.filter(pk__in=highest).values_list("status", "error_code", "error_message"))
        assert found == {end}
        assert MessageReceipt.objects.filter(message_id__in=highest).count() == len(reports) * len(orders)


def report(desk: Desk, number: int, status: str, code: str = "30003") -> tuple:
    return uuid7(), StatusUpdate(
        account=desk.account,
        provider_id=f"SM{number}",
        status=parsing.STATUS.get(status, ""),
        provider_status=status,
        occurred_at=timezone.now(),
        error_code=code if status in ("failed", "undelivered") else "",
        message_id=None,
    )


def ranks(messages: list[Message]) -> dict:
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute("SELECT id, status FROM messages WHERE id = ANY(%s)", [[m.pk for m in messages]])
        return {pk: states.RANK[status] for pk, status in cursor.fetchall()}


def test_delivered_before_sent_stays_delivered(demo: Demo):
    maya, _, message = answered(demo, "Backwards", "reorder_callbacks")

    eventually(lambda: len(receipts(demo, message)) == 2)

    assert maya.message(message["id"])["status"] == "delivered"
    assert receipts(demo, message) == [("delivered", ""), ("sent", "")]


# ---------------------------------------------------------------- row 13
def test_five_equal_reports_at_once_are_one(demo: Demo):
    maya, phone, message = answered(demo, "Reported often", "no_callbacks")
    taken = eventually(lambda: (m := maya.message(message["id"]))["status"] == "accepted" and m)
    fields = {
        "MessageSid": taken["provider_id"],
        "AccountSid": demo.details["twilio"]["account_sid"],
        "MessageStatus": "delivered",
        "To": phone,
        "From": demo.number,
    }
    together = threading.Barrier(5)

    def tell(_) -> int:
        together.wait()
        return post(demo, fields, path=STATUS).status_code

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(tell, range(5))) == [204] * 5

    eventually(lambda: maya.message(message["id"])["status"] == "delivered")
    assert receipts(demo, message) == [("delivered", "")]
    assert len(webhooks(demo, taken["provider_id"])) == 1


def test_a_report_before_our_commit_binds_the_message(demo: Demo):
    """The provider reports, waits a while, and only then answers us."""
    latency = 4
    demo.sandbox("POST", "/settings", latency_ms=latency * 1000)
    try:
        asked = time.monotonic()
        maya, _, message = answered(demo, "Early", "callback_before_response")
        early = eventually(lambda: (m := maya.message(message["id"]))["status"] == "delivered" and m)
        assert time.monotonic() - asked < latency  # so the report came first
        balance = maya.balance
        time.sleep(asked + latency + 1.5 - time.monotonic())
    finally:
        demo.sandbox("POST", "/settings", latency_ms=0)

    late = maya.message(message["id"])
    assert early["provider_id"]
    assert (late["status"], late["provider_id"], maya.balance) == ("delivered", early["provider_id"], balance)
    assert receipts(demo, message) == [("delivered", ""), ("sent", "")]
    assert demo.broken_invariants() == ""


# ---------------------------------------------------------------- row 14
@pytest.mark.parametrize("said", [{"MessageStatus": "huh"}, {}, {"MessageStatus": "sending", "Brandnew": "yes"}])
def test_a_report_that_says_nothing_to_us_is_kept_and_changes_nothing(demo: Demo, said: dict):
    maya, phone, message = answered(demo, "Odd reports", "no_callbacks")
    done = eventually(lambda: (m := maya.message(message["id"]))["status"] == "accepted" and m)
    sid = done["provider_id"]
    fields = {"MessageSid": sid, "AccountSid": demo.details["twilio"]["account_sid"], "To": phone, **said}

    assert post(demo, fields, path=STATUS).status_code == 204

    key = f"{sid}:{said.get('MessageStatus', '')}:"
    assert eventually(lambda: webhooks(demo, key)[0]["state"] == "processed")
    assert maya.message(message["id"]) == done
    assert (said.get("MessageStatus", ""), "") in receipts(demo, message)
