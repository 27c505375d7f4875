"""The proof finds what it is there to find."""

import pytest
from django.db import connection

from messagehub import tenancy
from tests import factories
from tests.cast import create_tenant
from tokens import ledger, proof

pytestmark = pytest.mark.django_db
REFUNDS = "A refund belongs to a message that failed, and gives all of its debit back to whom it came from"


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


def test_everything_adds_up_after_a_send(acme):
    assert list(proof.find_broken()) == []


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("UPDATE user_tokens SET balance = balance + 1", {"A balance is the sum of its entries"}),
        ("UPDATE messages SET tokens = 2", {"A paid message has exactly one debit"}),
        ("UPDATE messages SET tokens = 0", {"A message without tokens was never paid, or has its refund"}),
        ("UPDATE chatrooms SET last_seq = 7", {"Event numbers of a chatroom have no gap"}),
        ("UPDATE conversations SET inbound_count = 3", {"A conversation counts what came in"}),
        (
            "UPDATE messages SET status = 'sending', lease_until = now() - interval '1 hour'",
            {"Nothing stays sending past its lease"},
        ),
        (
            "INSERT INTO token_entries (organization_id, account_id, kind, amount, balance_after, reference) "
            "SELECT organization_id, account_id, 'refund', 1, 5, reference FROM token_entries WHERE kind = 'debit'",
            {
                "A balance is the sum of its entries",
                "Every balance_after is the running sum",
                REFUNDS,
            },
        ),
        (
            "INSERT INTO token_entries (organization_id, account_id, kind, amount, balance_after, reference) "
            "SELECT organization_id, id, 'debit', -1, 3, 'message:' || uuidv7() FROM user_tokens",
            {
                "A balance is the sum of its entries",
                "Every balance_after is the running sum",
                "A debit belongs to a message",
            },
        ),
        *(
            (
                "UPDATE messages SET status = 'unknown', missing_since = now() - interval '1 day', looked_at = now(), "
                f"error_code = '{code}'",
                found,
            )
            for code, found in {
                "": {"Nothing stays unknown that was looked for again after its grace"},
                "ambiguous": set(),
                "unexplained": set(),
            }.items()
        ),
    ],
)
def test_what_does_not_add_up_is_named(acme, spoil: str, found: set):
    with tenancy.organization(acme["organization"].pk), connection.cursor() as cursor:
        cursor.execute(spoil)
        assert cursor.rowcount

    broken = {each.invariant for each in proof.find_broken()}

    assert found <= broken
    assert broken - found <= {"Every balance_after is the running sum"}


def test_a_refund_to_somebody_else_is_named(acme):
    message = acme["message"]
    with tenancy.organization(acme["organization"].pk):
        other = factories.UserFactory(organization=acme["organization"], role="agent")
        ledger.adjust(other, 1, actor=acme["agent"], reason="Start")
        ledger.refund_each(other.pk, [(f"message:{message.pk}", message.tokens)], reason="Mixed up")
        type(message).objects.filter(pk=message.pk).update(status="failed", tokens=0, refunded_as="failed")

    assert {each.invariant for each in proof.find_broken()} == {REFUNDS}
