"""What is kept for a time only: the event log, idempotency keys, old proofs and replaced tokens."""

from django.db import connection
from django.utils import timezone

from integrations import isolation
from integrations.models import TwilioAccount
from messagehub import tenancy

BATCH = 10_000
KEPT = {"events": "48 hours", "idempotency_keys": "48 hours", "proof_runs": "90 days"}
FORGET = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE created_at < now() - %s::interval LIMIT %s
))
"""


def delete_expired() -> int:
    """Drop what is older than it is kept, in batches that each commit; returns how many rows went."""
    gone = 0
    with isolation.contain("Retention of replaced tokens"):
        gone += _forget_previous_tokens()
    for table, age in KEPT.items():
        with isolation.contain(f"Retention of {table}"):
            gone += _forget(table, age)
    return gone


def _forget_previous_tokens() -> int:
    with tenancy.system():
        over = TwilioAccount.objects.filter(other_token_until__lte=timezone.now())
        return over.update(other_auth_token="", other_token_until=None)


def _forget(table: str, age: str) -> int:
    gone = 0
    while True:
        with tenancy.system(), connection.cursor() as cursor:
            cursor.execute(FORGET.format(table=table), [age, BATCH])
            gone += cursor.rowcount
            if cursor.rowcount < BATCH:
                return gone
