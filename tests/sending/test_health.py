"""Accounts that are shut out or told to wait: their messages wait, everybody else's go, and admins are told once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Organization
from chatrooms.models import Contact, UserChatroom
from integrations import health
from integrations.events import Accepted, Busy, Refused, ShutOut
from integrations.models import Channel, ChannelAlert, TwilioAccount
from messagehub import tenancy
from messaging.models import ConsentEntry, Message
from messaging.sending import delivery, enqueue, states
from tests.cast import create_tenant
from tokens import ledger, proof

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db) -> dict:
    tenant = create_tenant("acme", "+15550100100")
    with tenancy.organization(tenant["organization"].pk):
        for number in range(4):
            enqueue.send_message(tenant["conversation"], f"Text {number}", sent_by=tenant["agent"])
    return tenant


@pytest.fixture
def globex(db) -> dict:
    return create_tenant("globex", "+15550200200")


def statuses(tenant: dict) -> list[str]:
    with tenancy.organization(tenant["organization"].pk):
        return list(Message.objects.order_by("pk").values_list("status", flat=True))


def mails() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'accounts.tasks.mail_admins'")
        return cursor.fetchone()[0]


def test_a_shut_out_account_keeps_its_messages_and_its_tokens_and_tells_its_admins_once(acme, globex):
    account = acme["number"].account_id
    claimed = delivery.claim_messages(10, {account: 2, globex["number"].account_id: 0})
    assert [each.account_id for each in claimed] == [account, account]
    delivery.settle_outcomes([(each, ShutOut("20003", "Authenticate")) for each in claimed])
    assert set(statuses(acme)) == {"queued"}
    assert [each.account_id for each in delivery.claim_messages(10)] == [globex["number"].account_id]
    delivery.settle_outcomes([(claimed[0], ShutOut("20003", "Authenticate"))])  # the second answer changes nothing more
    with tenancy.organization(acme["organization"].pk):
        assert ledger.balance(acme["agent"]) == 0
        alert = ChannelAlert.objects.get()
        assert (alert.subject_id, alert.code, alert.closed_at) == (account, "20003", None)
        assert health.read_health(Channel.objects.select_related("account"))[acme["number"].pk].state == "paused"
    assert mails() == 1
    assert list(proof.find_broken()) == []

    with tenancy.organization(acme["organization"].pk):
        health.resume_account(TwilioAccount.objects.get())
        assert not ChannelAlert.objects.filter(closed_at=None).exists()
    assert len(delivery.claim_messages(10)) == 5


def test_being_told_to_wait_holds_the_whole_account_and_costs_no_attempt(acme, globex):
    (claimed,) = delivery.claim_messages(10, {acme["number"].account_id: 1, globex["number"].account_id: 0})
    delivery.settle_outcomes([(claimed, Busy("Too many requests", 30, whole_account=True))])
    with tenancy.organization(acme["organization"].pk):
        message = Message.objects.get(pk=claimed.text.message_id)
        assert (message.status, message.failures) == ("queued", 0)
        assert TwilioAccount.objects.get().held_until > timezone.now() + timedelta(seconds=25)
        TwilioAccount.objects.update(held_until=timezone.now() - timedelta(hours=1))
        Message.objects.update(not_before=None)
    assert len([each for each in delivery.claim_messages(10) if "acme" in each.text.account]) == 5


def test_a_full_backlog_holds_the_number_alone(acme):
    with tenancy.organization(acme["organization"].pk):
        second = Channel.objects.create(
            organization=acme["organization"],
            chatroom=acme["room"],
            account_id=acme["number"].account_id,
            address="+15550100199",
        )
        Message.objects.filter(content="Text 3").update(channel=second, from_address=second.address)
    claimed = {each.channel_id: each for each in delivery.claim_messages(2)}
    delivery.settle_outcomes([(claimed[acme["number"].pk], Busy("Queue full", 60, whole_account=False))])
    with tenancy.organization(acme["organization"].pk):
        held = {number.pk: number.held_until for number in Channel.objects.all()}
    assert held[second.pk] is None
    assert held[acme["number"].pk] is not None


def test_a_number_with_a_rate_sends_no_faster_however_many_ask(acme):
    with tenancy.organization(acme["organization"].pk):
        Channel.objects.update(segments_per_second=2)
    assert len(delivery.claim_messages(10)) == 2
    assert delivery.claim_messages(10) == []
    with tenancy.organization(acme["organization"].pk):
        Channel.objects.update(next_segment_at=timezone.now() - timedelta(hours=1))
    assert len(delivery.claim_messages(10)) == 2  # what was not used before is not saved up


def test_a_long_message_uses_up_the_rate_of_its_segments(acme):
    with tenancy.organization(acme["organization"].pk):
        Channel.objects.update(segments_per_second=2)
        Message.objects.update(segments=6)
    delivery.claim_messages(10)
    with tenancy.organization(acme["organization"].pk):
        assert Channel.objects.get().next_segment_at > timezone.now() + timedelta(seconds=4)


def test_what_people_write_goes_before_what_goes_to_many(acme):
    with tenancy.organization(acme["organization"].pk):
        Message.objects.exclude(content="Text 3").update(priority=Message.Priority.BULK)
    (first,) = delivery.claim_messages(1)
    assert first.text.body == "Text 3"


@pytest.mark.parametrize(
    ("code", "marked", "alerts"), [("21211", "21211", 0), ("21614", "21614", 0), ("21612", "", 0), ("21408", "", 1)]
)
def test_a_refusal_marks_the_number_or_tells_the_admins_by_what_it_means(acme, code, marked, alerts):
    (claimed,) = delivery.claim_messages(1)
    delivery.settle_outcomes([(claimed, Refused(code, "Twilio's words"))])
    with tenancy.organization(acme["organization"].pk):
        acme["contact"].refresh_from_db()
        assert acme["contact"].phone_refused == marked
        assert ChannelAlert.objects.count() == alerts
        assert ledger.balance(acme["agent"]) == 1
        assert Message.objects.get(pk=claimed.text.message_id).error_message != "Twilio's words"
    assert mails() == alerts


def test_an_answer_that_comes_after_it_was_given_up_is_believed_and_the_tokens_stay_returned(acme):
    (claimed,) = delivery.claim_messages(1)
    with tenancy.system():
        Message.objects.filter(pk=claimed.text.message_id).update(status="not_sent")
        row = {"id": claimed.text.message_id, "tokens": 1, "sent_by_id": acme["agent"].pk}
        states.refund_message(row, state="not_sent", reason="It was missing twice")
    delivery.settle_outcomes([(claimed, Accepted("SM1"))])
    with tenancy.organization(acme["organization"].pk):
        message = Message.objects.get(pk=claimed.text.message_id)
        assert (message.status, message.provider_id, message.tokens) == ("accepted", "SM1", 0)
        assert ledger.balance(acme["agent"]) == 1
    assert list(proof.find_broken()) == []


def test_a_process_that_was_held_up_does_not_send_any_more(acme, settings):
    (claimed,) = delivery.claim_messages(1)
    assert claimed.is_ours
    settings.SEND_LEASE_SECONDS = 0
    assert not claimed.is_ours


def test_an_alert_about_a_number_lasts_a_day_and_one_about_a_paused_account_until_it_is_let_in(acme):
    organization, number = acme["organization"].pk, acme["number"]
    with tenancy.system():
        health.pause_account(number.account_id, "20003", "Authenticate")
        assert health.raise_alert(organization, number.pk, "21606", "Not ours")
        assert not health.raise_alert(organization, number.pk, "21606", "Not ours")
        assert health.forget_old_alerts() == 0
        ChannelAlert.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert health.forget_old_alerts() == 1
        assert list(ChannelAlert.objects.filter(closed_at=None).values_list("code", flat=True)) == ["20003"]
        assert health.raise_alert(organization, number.pk, "21606", "Still not ours")


# ---------------------------------------------------------------- what waited is asked again
def queued_and_then(acme: dict, code: str) -> Message:
    """One message is claimed after the contact's door was closed; everything else is out of the way."""
    with tenancy.organization(acme["organization"].pk):
        Message.objects.exclude(content="Text 3").update(status="delivered")
        if code == "blocked":
            Contact.objects.update(blocked_at=timezone.now())
        elif code == "opted_out":
            ConsentEntry.objects.create(
                organization=acme["organization"],
                channel=acme["number"],
                address=acme["contact"].phone,
                kind="opt_out",
                source="keyword",
            )
        elif code == "no_access":
            UserChatroom.objects.all().delete()
            Message.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert delivery.claim_messages(10) == []
    with tenancy.organization(acme["organization"].pk):
        return Message.objects.get(content="Text 3")


@pytest.mark.parametrize("code", ["blocked", "opted_out", "no_access"])
def test_what_waited_in_the_queue_does_not_pass_a_door_that_closed_meanwhile(acme, code):
    message = queued_and_then(acme, code)
    assert (message.status, message.error_code, message.refunded_as) == ("failed", code, "failed")
    with tenancy.organization(acme["organization"].pk):
        assert ledger.balance(acme["agent"]) == 1
    assert [each.invariant for each in proof.find_broken()] == []


def test_what_waited_into_quiet_hours_goes_on_waiting(acme):
    with tenancy.organization(acme["organization"].pk):
        now = timezone.now()
        Organization.objects.update(
            quiet_from=(now - timedelta(hours=1)).time(),
            quiet_until=(now + timedelta(hours=1)).time(),
            quiet_hours_for_people=True,
        )
        Message.objects.update(created_at=now - timedelta(minutes=5))
    assert delivery.claim_messages(10) == []
    with tenancy.organization(acme["organization"].pk):
        for message in Message.objects.all():
            assert (message.status, message.tokens) == ("queued", 1)
            assert message.not_before > timezone.now()
