"""Deleting expired rows: webhooks, the event log, idempotency keys, old proofs, notifications, replaced tokens, and
files that were not imported."""

from django.conf import settings
from django.db import connection
from django.utils import timezone

from integrations import isolation
from integrations.models import ProviderAccount
from messagehub import tenancy

BATCH = 10_000
# Cursors expire after 24 hours, and Idempotency-Key answers are promised for 24: twice that leaves a margin.
KEPT = {
    "events": "48 hours",
    "idempotency_keys": "48 hours",
    "proof_runs": "90 days",
    "notifications": "90 days",
    "group_changes": "48 hours",
    "import_rows": "90 days",
}
# DELETE has no LIMIT, hence the ctids. One statement for everything would hold its locks, and keep dead rows from being
# vacuumed, for as long as it takes.
FORGET = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE created_at < now() - %(age)s::interval LIMIT %(limit)s
))
"""

# Files of people's data that somebody uploaded and then did not import.
FORGET_UPLOADS = """
DELETE FROM contact_imports WHERE id = ANY(ARRAY(
    SELECT id FROM contact_imports WHERE state = 'uploaded' AND created_at < now() - interval '7 days' LIMIT %(limit)s
)) AND state = 'uploaded'  -- still, once a start that holds it has ended
"""

# What is still to be processed, or was set aside for operators, stays three times as long. The signed webhook of a STOP
# or START, or of a sentence offered as an opt-out, is the evidence for it, and stays as long as its message. Keys are
# made in the order of arrival, so the primary key finds the oldest.
FORGET_WEBHOOKS = """
DELETE FROM webhook_events WHERE id = ANY(ARRAY(
    SELECT w.id FROM webhook_events w
    WHERE w.id < uuidv7(make_interval(days => -%(days)s))
      AND (w.processed_at IS NOT NULL AND w.quarantined = '' OR w.id < uuidv7(make_interval(days => -3 * %(days)s)))
      AND w.source <> 'meta.deletion'  -- what was asked for, and when, is what a person has to go by
      AND NOT (w.source IN ('twilio.message', 'meta.event') AND w.dedupe_key = ANY(ARRAY(
          SELECT CASE m.platform
                 WHEN 'SMS' THEN a.external_id || ':' || m.provider_id
                 WHEN 'MESSENGER' THEN 'page:' || n.address || ':messaging:mid:' || m.provider_id || ':message'
                 ELSE 'instagram:' || n.address || ':messaging:mid:' || m.provider_id || ':message' END
          FROM (SELECT message_id FROM consent_entries UNION SELECT message_id FROM opt_out_offers) e
          JOIN messages m ON m.id = e.message_id
          JOIN channels n ON n.id = m.channel_id JOIN provider_accounts a ON a.id = n.account_id)))
    LIMIT %(limit)s
))
"""


def delete_expired() -> int:
    """Delete expired rows, in batches that each commit; returns how many."""
    deleted_count = 0
    with isolation.contain("Retention of replaced tokens"):
        deleted_count += _forget_previous_tokens()
    for table, age in KEPT.items():
        with isolation.contain(f"Retention of {table}"):
            deleted_count += _repeat(FORGET.format(table=table), {"age": age})
    with isolation.contain("Retention of files that were not imported"):
        deleted_count += _repeat(FORGET_UPLOADS, {})
    if settings.WEBHOOKS_KEPT_DAYS:
        with isolation.contain("Retention of webhooks"):
            deleted_count += _repeat(FORGET_WEBHOOKS, {"days": settings.WEBHOOKS_KEPT_DAYS})
    return deleted_count


def _forget_previous_tokens() -> int:
    with tenancy.system():
        accounts = ProviderAccount.objects.filter(other_secret_until__lte=timezone.now())
        return accounts.update(other_secret="", other_secret_until=None)


def _repeat(statement: str, parameters: dict) -> int:
    """Delete batch after batch, until one is not full."""
    deleted_count = 0
    while True:
        with tenancy.system(), connection.cursor() as cursor:
            cursor.execute(statement, parameters | {"limit": BATCH})
            deleted_count += cursor.rowcount
            if cursor.rowcount < BATCH:
                return deleted_count
