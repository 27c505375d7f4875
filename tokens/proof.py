"""That tokens add up and nothing is lost, as queries: each names the rows that break an invariant.

They hold between any two transactions, so also after any crash. Used by `manage.py prove` and by the fault tests.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from messagehub import tenancy
from tokens.models import ProofRun

log = logging.getLogger(__name__)
SHOWN = 5  # rows of each broken invariant that are worth naming


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold, and the first rows that break it."""

    invariant: str
    rows: list[tuple]

    def __str__(self) -> str:
        return f"{self.invariant}: {'; '.join(', '.join(map(str, row)) for row in self.rows)}"


INVARIANTS = {
    "A balance is the sum of its entries": """
        SELECT 'account', a.id, 'balance', a.balance, 'entries', coalesce(sum(e.amount), 0)
        FROM user_tokens a LEFT JOIN token_entries e ON e.account_id = a.id
        GROUP BY a.id HAVING a.balance <> coalesce(sum(e.amount), 0)""",
    # Whatever their order: each entry starts where another ended, from nothing to the balance.
    "Every balance_after is the running sum": """
        SELECT 'account', account_id, 'balance', value, 'unmatched', sum(side) FROM (
            SELECT account_id, balance_after - amount AS value, 1 AS side FROM token_entries
            UNION ALL SELECT account_id, balance_after, -1 FROM token_entries
            UNION ALL SELECT id, balance, 1 FROM user_tokens
            UNION ALL SELECT id, 0, -1 FROM user_tokens) AS ends
        GROUP BY account_id, value HAVING sum(side) <> 0""",
    "No balance and no reserve is below zero": """
        SELECT 'account', id, balance, reserved FROM user_tokens WHERE balance < 0 OR reserved < 0""",
    "What is reserved is what entries have set aside and not released": """
        SELECT 'account', a.id, 'reserved', a.reserved, 'entries', coalesce(-sum(e.amount), 0)
        FROM user_tokens a LEFT JOIN token_entries e ON e.account_id = a.id AND e.kind IN ('reserve', 'release')
        GROUP BY a.id HAVING a.reserved <> coalesce(-sum(e.amount), 0)""",
    # A purpose is what stands before the slash of a reference: one campaign.
    "Nothing is released that was not reserved, nor more of it": """
        SELECT 'purpose', split_part(reference, '/', 1), account_id, 'released too much', sum(amount)
        FROM token_entries WHERE kind IN ('reserve', 'release')
        GROUP BY 2, account_id HAVING sum(amount) > 0""",
    "A campaign holds what was reserved for it and not released": """
        SELECT 'campaign', c.id, 'holds', c.reserved, 'entries', coalesce(e.left, 0) FROM campaigns c
        FULL JOIN (
            SELECT split_part(reference, '/', 1) AS purpose, -sum(amount) AS left FROM token_entries
            WHERE kind IN ('reserve', 'release') GROUP BY 1
        ) e ON e.purpose = 'campaign:' || c.id
        WHERE coalesce(c.reserved, 0) <> coalesce(e.left, 0)
           OR (c.state IN ('draft', 'done', 'canceled') AND c.reserved <> 0)""",
    "A campaign's outcomes sum to its audience": """
        SELECT 'campaign', c.id, 'audience', c.audience, 'recipients', count(r.id), 'messages', count(m.id)
        FROM campaigns c LEFT JOIN campaign_recipients r ON r.campaign_id = c.id
        LEFT JOIN messages m ON m.id = r.message_id AND m.campaign_id = c.id
        GROUP BY c.id
        HAVING count(r.id) <> coalesce(c.audience, 0)
            OR count(m.id) <> count(r.id) FILTER (WHERE r.outcome = 'messaged')
            OR (c.state IN ('done', 'canceled') AND count(r.id) FILTER (WHERE r.outcome = 'waiting') > 0)""",
    # A failed one may have been followed by another attempt, or be about to.
    "A campaign's message has a recipient, who has no other of it but failed ones": """
        SELECT 'message', m.id, m.campaign_id FROM messages m
        WHERE m.campaign_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM campaign_recipients r WHERE r.message_id = m.id AND r.campaign_id = m.campaign_id)
          AND NOT (m.status IN ('failed', 'undelivered', 'not_sent') AND (
            EXISTS (SELECT FROM messages again WHERE again.retry_of_id = m.id AND again.campaign_id = m.campaign_id)
            OR EXISTS (
                SELECT FROM campaign_recipients r
                WHERE r.campaign_id = m.campaign_id AND r.failed_message_id = m.id)))""",
    "A paid message has exactly one debit": """
        SELECT 'message', m.id, 'tokens', m.tokens, 'debits', count(e.id)
        FROM messages m LEFT JOIN token_entries e ON e.reference = 'message:' || m.id AND e.kind = 'debit'
        WHERE m.tokens > 0 GROUP BY m.id HAVING count(e.id) <> 1 OR -sum(e.amount) <> m.tokens""",
    "A debit belongs to a message": """
        SELECT 'entry', e.id, e.reference FROM token_entries e
        WHERE e.kind = 'debit' AND e.reference LIKE 'message:%'
          AND NOT EXISTS (SELECT FROM messages m WHERE m.id::text = substr(e.reference, 9))""",
    "A refund belongs to a message that failed, and gives all of its debit back to whom it came from": """
        SELECT 'refund', r.id, r.reference, m.status, r.amount, d.amount
        FROM token_entries r
        LEFT JOIN messages m ON m.id::text = substr(r.reference, 9)
        LEFT JOIN token_entries d ON d.reference = r.reference AND d.kind = 'debit'
        WHERE r.kind = 'refund' AND r.reference LIKE 'message:%'
          AND (m.id IS NULL OR d.id IS NULL OR d.amount <> -r.amount OR d.account_id <> r.account_id OR m.tokens <> 0
               OR m.refunded_as = '' OR m.status NOT IN ('failed', 'undelivered', 'not_sent', 'canceled')
               -- paid back, and only then the provider said that it has gone out after all
               AND m.provider_id IS NULL)""",
    "A message without tokens was never paid, or has its refund": """
        SELECT 'message', m.id, m.status FROM messages m
        JOIN token_entries d ON d.reference = 'message:' || m.id AND d.kind = 'debit'
        LEFT JOIN token_entries r ON r.reference = d.reference AND r.kind = 'refund'
        WHERE m.tokens = 0 AND r.id IS NULL""",
    "No provider id stands on two messages": """
        SELECT organization_id, platform, provider_id, count(*) FROM messages WHERE provider_id IS NOT NULL
        GROUP BY organization_id, platform, provider_id HAVING count(*) > 1""",
    # Only where the policy is as old as the message: what an earlier one said is not kept with it.
    "A message that was not delivered is paid back where the policy says so": """
        SELECT 'message', m.id, m.status, m.tokens FROM messages m
        JOIN organizations o ON o.id = m.organization_id AND o.refund_policy = 'undelivered'
        WHERE m.direction = 'outbound' AND m.status IN ('failed', 'undelivered') AND m.tokens > 0
          AND m.sent_by_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM audit_entries a WHERE a.organization_id = m.organization_id
            AND a.action = 'organization.change' AND a.created_at >= m.created_at AND a.after ? 'refund_policy')""",
    "A message that was paid back has its refund": """
        SELECT 'message', m.id, m.refunded_as FROM messages m
        WHERE m.refunded_as <> '' AND NOT EXISTS (
            SELECT FROM token_entries r WHERE r.reference = 'message:' || m.id AND r.kind = 'refund')""",
    "An accepted message has the provider's id, and one that was never sent has none": """
        SELECT 'message', id, status, provider_id FROM messages WHERE direction = 'outbound' AND (
            status IN ('queued', 'scheduled', 'sending', 'not_sent') AND provider_id IS NOT NULL
            OR status = 'unknown' AND provider_id IS NOT NULL)""",
    "Nothing stays sending past its lease": f"""
        SELECT 'message', id, lease_until FROM messages
        WHERE status = 'sending' AND lease_until < now() - interval '{settings.SEND_LEASE_SECONDS} s'""",
    "Nothing stays unknown that was looked for again after its grace": f"""
        SELECT 'message', id, missing_since, looked_at FROM messages
        WHERE status = 'unknown' AND error_code NOT IN ('ambiguous', 'unexplained')  -- for a person to say
          AND looked_at > missing_since + interval '{settings.RECONCILE_GRACE_SECONDS + 60} s'""",
    "A day's counts, and what is yet to be added to them, are those of its messages and resolved conversations": """
        SELECT 'chatroom', chatroom_id, 'day', day, platform, sum(inbound), sum(outbound), sum(delivered), sum(failed),
               sum(tokens_spent), sum(resolved)
        FROM (
            SELECT chatroom_id, day, platform, inbound, outbound, delivered, failed, tokens_spent, resolved
            FROM daily_counts
            UNION ALL
            SELECT d.chatroom_id, (d.quarter AT TIME ZONE z.time_zone)::date, d.platform, d.inbound, d.outbound,
                   d.delivered, d.failed, d.tokens_spent, d.resolved
            FROM count_changes d JOIN counted_zones z ON z.organization_id = d.organization_id
            UNION ALL
            SELECT m.chatroom_id, (m.occurred_at AT TIME ZONE z.time_zone)::date, m.platform,
                   -(m.direction = 'inbound')::int, -(m.direction = 'outbound')::int,
                   -(m.direction = 'outbound' AND m.status IN ('delivered', 'read'))::int,
                   -(m.status IN ('failed', 'undelivered', 'not_sent'))::int, -m.tokens, 0
            FROM messages m JOIN counted_zones z ON z.organization_id = m.organization_id
            WHERE m.status NOT IN ('scheduled', 'canceled')
            UNION ALL
            SELECT v.chatroom_id, (v.resolved_at AT TIME ZONE z.time_zone)::date, v.platform, 0, 0, 0, 0, 0, -1
            FROM conversations v JOIN counted_zones z ON z.organization_id = v.organization_id
            WHERE v.resolved_at IS NOT NULL
        ) AS sides
        GROUP BY chatroom_id, day, platform
        HAVING (sum(inbound), sum(outbound), sum(delivered), sum(failed), sum(tokens_spent), sum(resolved))
               <> (0, 0, 0, 0, 0, 0)""",
    "Event numbers of a chatroom have no gap": """
        SELECT 'chatroom', c.id, 'last', c.last_seq, 'newest', max(e.seq), 'kept', count(*), 'oldest', min(e.seq)
        FROM chatrooms c JOIN events e ON e.chatroom_id = c.id
        GROUP BY c.id HAVING max(e.seq) <> c.last_seq OR count(*) <> max(e.seq) - min(e.seq) + 1""",
    "No row's organization differs from its parent's": """
        SELECT 'conversation', v.id FROM conversations v JOIN chatrooms c ON c.id = v.chatroom_id
        WHERE c.organization_id <> v.organization_id
        UNION ALL
        SELECT 'message', m.id FROM messages m JOIN conversations v ON v.id = m.conversation_id
        WHERE v.organization_id <> m.organization_id OR v.chatroom_id <> m.chatroom_id
        UNION ALL
        SELECT 'contact', t.id FROM contacts t JOIN chatrooms c ON c.id = t.chatroom_id
        WHERE c.organization_id <> t.organization_id
        UNION ALL
        SELECT 'account', a.id FROM user_tokens a JOIN users u ON u.id = a.user_id
        WHERE u.organization_id <> a.organization_id
        UNION ALL
        SELECT 'campaign', c.id FROM campaigns c JOIN chatrooms r ON r.id = c.chatroom_id
        WHERE r.organization_id <> c.organization_id
        UNION ALL
        SELECT 'recipient', r.id FROM campaign_recipients r JOIN campaigns c ON c.id = r.campaign_id
        WHERE c.organization_id <> r.organization_id""",
    "A message goes over the channel of its conversation": """
        SELECT 'message', m.id, m.platform, n.platform FROM messages m
        JOIN conversations v ON v.id = m.conversation_id JOIN channels n ON n.id = m.channel_id
        WHERE v.channel_id <> m.channel_id OR n.platform <> m.platform OR v.platform <> m.platform""",
    "A contact's phone is their primary number": """
        SELECT 'contact', c.id FROM contacts c
        FULL JOIN contact_addresses k ON k.contact_id = c.id AND k.platform = 'SMS' AND k.is_primary
        WHERE (k.id IS NULL OR k.is_primary AND k.platform = 'SMS') AND k.address IS DISTINCT FROM c.phone""",
    "The assignee of an open conversation may see it": """
        SELECT 'conversation', v.id, 'assignee', u.id FROM conversations v JOIN users u ON u.id = v.assigned_to_id
        WHERE v.status <> 'CLOSED' AND NOT (u.is_active AND (u.role = 'admin' OR EXISTS (
            SELECT FROM user_chatrooms a WHERE a.user_id = u.id AND a.chatroom_id = v.chatroom_id)))""",
    "A conversation counts what came in": """
        SELECT 'conversation', v.id, v.inbound_count, count(m.id)
        FROM conversations v LEFT JOIN messages m ON m.conversation_id = v.id AND m.direction = 'inbound'
        GROUP BY v.id HAVING v.inbound_count <> count(m.id)""",
}


def find_broken() -> Iterator[Broken]:
    """Violated invariants, over all organizations."""
    # One statement, and so one snapshot: between two, balances and entries would differ by what was written meanwhile.
    statements = (
        f"(SELECT {place}, ARRAY[x::text] FROM ({sql}) AS x LIMIT {SHOWN})"
        for place, sql in enumerate(INVARIANTS.values())
    )
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(statements))
        numbered_rows = cursor.fetchall()
    for place, invariant in enumerate(INVARIANTS):
        rows = [tuple(row) for number, row in numbered_rows if number == place]
        if rows:
            yield Broken(invariant, rows)


def run_proof() -> ProofRun:
    """Check all invariants and store the result, for the metric, the tokens page and operators."""
    started = time.monotonic()
    violations = list(find_broken())
    for violation in violations:
        log.error("An invariant does not hold. %s", violation)
    with tenancy.system():
        return ProofRun.objects.create(
            seconds=round(time.monotonic() - started, 3),
            holds=not violations,
            broken=[
                {"invariant": violation.invariant, "rows": [list(map(str, row)) for row in violation.rows]}
                for violation in violations
            ],
        )


def newest_run() -> ProofRun | None:
    """The last check, without the violating rows, which only operators see."""
    return ProofRun.objects.only("created_at", "seconds", "holds").order_by("-created_at").first()
