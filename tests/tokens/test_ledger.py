"""The ledger's six kinds, prices, the policy of refunds, the notice of a low balance, and the proof of it all."""

import json

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from accounts import audit, tasks
from accounts.models import Organization
from integrations.events import StatusUpdate
from messagehub import tenancy
from messaging.models import Message
from messaging.sending import delivery, delivery_reports, enqueue, states
from tests.cast import create_tenant
from tokens import ledger, proof
from tokens.models import ProofRun, TokenAccount, TokenEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(db) -> dict:
    """Four tokens left of five: one message is queued."""
    return create_tenant("acme", "+15550100100")


@pytest.fixture
def inside(acme):
    with tenancy.organization(acme["organization"].pk):
        yield


def account(acme: dict) -> tuple[int, int]:
    return TokenAccount.objects.values_list("balance", "reserved").get(user=acme["agent"])


# ---------------------------------------------------------------- reserve, spend and release
SPRING = {"purpose": "campaign:1"}


def entries() -> list[tuple]:
    return list(TokenEntry.objects.order_by("pk").values_list("kind", "amount", "balance_after"))


def test_what_is_reserved_can_not_be_spent_otherwise_and_comes_back(acme, inside):
    agent = acme["agent"]
    assert ledger.reserve(agent, 3, step=1, **SPRING) == 3
    assert account(acme) == (1, 3)
    with pytest.raises(ledger.InsufficientTokens):
        ledger.debit(agent, 2, reference="message:x")
    ledger.release(agent.pk, 3, **SPRING)
    assert account(acme) == (4, 0)
    assert entries() == [("grant", 5, 5), ("debit", -1, 4), ("reserve", -3, 1), ("release", 3, 4)]
    assert list(proof.find_broken()) == []


def test_what_is_reserved_pays_for_each_thing_by_itself(acme, inside):
    agent = acme["agent"]
    ledger.reserve(agent, 4, step=2, **SPRING)
    ledger.spend(agent.pk, 2, ["thing:1"], **SPRING)
    assert account(acme) == (0, 2)
    with pytest.raises(ledger.InsufficientTokens):
        ledger.spend(agent.pk, 2, ["thing:2", "thing:3"], **SPRING)
    assert account(acme) == (0, 2)
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.spend(agent.pk, 2, ["thing:1"], **SPRING)
    ledger.refund_each(agent.pk, [("thing:1", 2)], reason="Scheduled message canceled")
    assert account(acme) == (2, 2)
    assert entries()[2:] == [("reserve", -4, 0), ("release", 2, 2), ("debit", -2, 0), ("refund", 2, 2)]


def test_as_many_whole_steps_are_reserved_as_there_are(acme, inside):
    assert ledger.reserve(acme["agent"], 30, step=3, **SPRING) == 3
    with pytest.raises(ledger.InsufficientTokens):
        ledger.reserve(acme["agent"], 30, step=3, **SPRING)
    assert account(acme) == (1, 3)


def test_nothing_is_released_beyond_what_is_set_aside(acme, inside):
    agent = acme["agent"]
    ledger.reserve(agent, 2, step=1, **SPRING)
    with pytest.raises(ledger.InsufficientTokens):
        ledger.release(agent.pk, 3, **SPRING)
    ledger.release(agent.pk, 2, **SPRING)
    with pytest.raises(ledger.InsufficientTokens):
        ledger.release(agent.pk, 2, **SPRING)
    assert account(acme) == (4, 0)


def test_the_proof_finds_a_release_without_its_reserve(acme, inside):
    ledger.reserve(acme["agent"], 2, step=1, **SPRING)
    ledger.release(acme["agent"].pk, 2, purpose="campaign:2")
    assert [each.invariant for each in proof.find_broken()] == [
        "Nothing is released that was not reserved, nor more of it",
        "A campaign holds what was reserved for it and not released",
    ]


def test_the_proof_finds_a_reserve_that_no_entry_explains(acme, inside):
    TokenAccount.objects.update(reserved=1)
    assert [each.invariant for each in proof.find_broken()] == [
        "What is reserved is what entries have set aside and not released"
    ]


def test_entries_of_every_kind_are_written_once(acme, inside):
    for statement in ("UPDATE token_entries SET amount = 9", "DELETE FROM token_entries"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize(("kind", "amount"), [("reserve", 1), ("release", -1), ("debit", 1), ("grant", -1)])
def test_the_database_refuses_a_wrong_sign(acme, inside, kind, amount):
    entry = TokenEntry.objects.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        TokenEntry.objects.create(
            organization=acme["organization"],
            account=entry.account,
            kind=kind,
            amount=amount,
            balance_after=1,
            reference="x",
        )


# ---------------------------------------------------------------- the client's own key
def test_the_same_key_grants_once(acme, inside):
    admin = acme["agent"]
    first = ledger.adjust(acme["agent"], 7, actor=admin, reason="March", idempotency_key="k1")
    assert ledger.adjust(acme["agent"], 7, actor=admin, reason="March", idempotency_key="k1") == first
    assert account(acme) == (11, 0)
    with pytest.raises(ledger.KeyUsed):
        ledger.adjust(acme["agent"], 8, actor=admin, reason="March", idempotency_key="k1")


# ---------------------------------------------------------------- prices
def test_a_message_costs_what_the_organization_says_and_gives_just_that_back(acme, inside):
    acme["agent"].organization.price_sms = 3
    acme["agent"].organization.save()
    sent = enqueue.send_message(acme["conversation"], "Dear", sent_by=acme["agent"])
    assert (sent.message.tokens, sent.remaining_tokens) == (3, 1)
    row = {"id": sent.message.pk, "tokens": 3, "sent_by_id": acme["agent"].pk}
    Message.objects.filter(pk=sent.message.pk).update(status="failed")
    states.refund_message(row, state="failed", reason="Refused")
    states.refund_message(row, state="failed", reason="Refused")
    assert account(acme) == (4, 0)
    assert list(proof.find_broken()) == []


def test_a_message_that_is_free_writes_no_entry(acme, inside):
    acme["agent"].organization.price_sms = 0
    acme["agent"].organization.save()
    before = TokenEntry.objects.count()
    sent = enqueue.send_message(acme["conversation"], "Free", sent_by=acme["agent"])
    assert (sent.message.tokens, sent.remaining_tokens, TokenEntry.objects.count()) == (0, 4, before)


# ---------------------------------------------------------------- the policy of refunds
def fails_later(acme: dict, status: str = "undelivered", code: str = "30005") -> Message:
    update = StatusUpdate("ACacme", "SM1", status, status, timezone.now(), code, acme["message"].pk)
    with tenancy.system():
        delivery_reports.apply_reports([(acme["message"].pk, update)])
    with tenancy.organization(acme["organization"].pk):
        acme["message"].refresh_from_db()
    return acme["message"]


@pytest.mark.parametrize(("policy", "left", "refunded_as"), [("not_sent", 4, ""), ("undelivered", 5, "undelivered")])
def test_what_the_carrier_did_not_deliver_is_paid_back_by_policy_once(acme, policy, left, refunded_as):
    with tenancy.organization(acme["organization"].pk):
        acme["agent"].organization.refund_policy = policy
        acme["agent"].organization.save()
    for _ in range(2):
        message = fails_later(acme)
    assert message.refunded_as == refunded_as
    assert "no longer in use" in message.error_message
    with tenancy.organization(acme["organization"].pk):
        assert account(acme) == (left, 0)
    assert list(proof.find_broken()) == []


def test_delivered_after_a_refund_stays_free_and_adds_up(acme):
    with tenancy.organization(acme["organization"].pk):
        acme["agent"].organization.refund_policy = "undelivered"
        acme["agent"].organization.save()
    fails_later(acme)
    assert fails_later(acme, "delivered", "").status == "delivered"
    with tenancy.organization(acme["organization"].pk):
        assert account(acme) == (5, 0)
    assert list(proof.find_broken()) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'messaging.tasks.look_up'")
        assert cursor.fetchone() == (1,)  # Twilio has said two things: it is asked


# ---------------------------------------------------------------- running out
def low_mails() -> list[dict]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs WHERE task_name = 'accounts.tasks.mail_admins' ORDER BY id")
        return [json.loads(row[0]) for row in cursor.fetchall()]


def test_admins_are_told_when_the_balance_falls_below_the_limit_and_not_again(acme, inside, mailoutbox):
    organization = acme["agent"].organization
    organization.low_balance_limit = 3
    organization.save()
    before = len(low_mails())
    for place in range(3):  # 3, 2, 1
        enqueue.send_message(acme["conversation"], f"Text {place}", sent_by=acme["agent"])
    (job,) = low_mails()[before:]
    assert job["context"] == {"person": "A", "balance": 2, "limit": 3}

    acme["agent"].role = "admin"
    acme["agent"].save()
    tasks.mail_admins.func(**job)
    (mail,) = mailoutbox
    assert mail.to == [acme["agent"].email]
    assert mail.subject == "A is running low on tokens"
    assert "A has 2 tokens left" in mail.body


def test_a_limit_of_nothing_tells_nobody(acme, inside):
    acme["agent"].organization.low_balance_limit = 0
    acme["agent"].organization.save()
    before = len(low_mails())
    for place in range(4):
        enqueue.send_message(acme["conversation"], f"Text {place}", sent_by=acme["agent"])
    assert len(low_mails()) == before


# ---------------------------------------------------------------- the proof, kept
def test_a_proof_is_kept_for_everybody_and_its_rows_for_operators(acme):
    run = proof.run_proof()
    assert (run.holds, run.broken) == (True, [])
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute("UPDATE user_tokens SET balance = balance + 1")
    broken = proof.run_proof()
    assert not broken.holds
    assert [each["invariant"] for each in broken.broken] == [
        "A balance is the sum of its entries",
        "Every balance_after is the running sum",
    ]
    with tenancy.organization(acme["organization"].pk):
        newest = proof.newest_run()
        assert (newest.pk, newest.holds) == (broken.pk, False)
        with pytest.raises(DatabaseError), transaction.atomic():
            ProofRun.objects.values_list("broken").first()


def test_the_proof_finds_a_refund_without_an_entry(acme):
    with tenancy.system():
        Message.objects.update(status="failed", tokens=0, refunded_as="failed")
    found = {each.invariant for each in proof.find_broken()}
    assert "A message that was paid back has its refund" in found


def test_the_proof_finds_an_undelivered_message_that_the_policy_pays_back(acme):
    policy = "A message that was not delivered is paid back where the policy says so"
    with tenancy.system():
        Message.objects.update(status="undelivered", provider_id="SM1")
        assert policy not in {each.invariant for each in proof.find_broken()}
        Organization.objects.update(refund_policy="undelivered")
    assert policy in {each.invariant for each in proof.find_broken()}
    with tenancy.organization(acme["organization"].pk):
        audit.record_action(
            "organization.change",
            actor=acme["agent"],
            target=acme["organization"],
            after={"refund_policy": "undelivered"},
        )
    assert policy not in {each.invariant for each in proof.find_broken()}  # what held before is not known


def test_the_proof_finds_an_id_on_a_message_that_never_left(acme):
    delivery.claim_messages(1)
    with tenancy.system():
        Message.objects.update(provider_id="SM1")
    assert [each.invariant for each in proof.find_broken()] == [
        "An accepted message has the provider's id, and one that was never sent has none"
    ]
