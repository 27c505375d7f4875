"""Deleting expired rows: the event log, idempotency keys, old proofs, notifications and replaced tokens."""

from django.db import connection
from django.utils import timezone

from integrations import isolation
from integrations.models import ProviderAccount
from messagehub import tenancy

BATCH = 10_000
# Cursors expire after 24 hours, and Idempotency-Key answers are promised for 24: twice that leaves a margin.
KEPT = {"events": "48 hours", "idempotency_keys": "48 hours", "proof_runs": "90 days", "notifications": "90 days"}
# DELETE has no LIMIT, hence the ctids. One statement for everything would hold its locks, and keep dead rows from being
# vacuumed, for as long as it takes.
FORGET = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE created_at < now() - %s::interval LIMIT %s
))
"""


def delete_expired() -> int:
    """Delete expired rows, in batches that each commit; returns how many."""
    deleted_count = 0
    with isolation.contain("Retention of replaced tokens"):
        deleted_count += _forget_previous_tokens()
    for table, age in KEPT.items():
        with isolation.contain(f"Retention of {table}"):
            deleted_count += _forget(table, age)
    return deleted_count


def _forget_previous_tokens() -> int:
    with tenancy.system():
        accounts = ProviderAccount.objects.filter(other_secret_until__lte=timezone.now())
        return accounts.update(other_secret="", other_secret_until=None)


def _forget(table: str, age: str) -> int:
    deleted_count = 0
    while True:
        with tenancy.system(), connection.cursor() as cursor:
            cursor.execute(FORGET.format(table=table), [age, BATCH])
            deleted_count += cursor.rowcount
            if cursor.rowcount < BATCH:
                return deleted_count
