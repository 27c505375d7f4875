"""Keeping the counts of each day: what statements changed is added to the days, and days are counted anew."""

from uuid import UUID

from django.db import connection

from accounts.models import Organization
from integrations.isolation import contain
from messagehub import sql, tenancy
from messaging.models import CountedZone

COUNTS = ("inbound", "outbound", "delivered", "failed", "tokens_spent", "resolved")
BATCH = 20_000
# One writer of `daily_counts` at a time. Whoever changes messages waits for nobody: they write to `count_changes`.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('daily_counts'))"
DUE = """
SELECT o.id, z.time_zone IS DISTINCT FROM o.time_zone AS is_moved FROM organizations o
LEFT JOIN counted_zones z ON z.organization_id = o.id
LEFT JOIN (SELECT DISTINCT organization_id FROM count_changes) changed ON changed.organization_id = o.id
WHERE z.time_zone IS DISTINCT FROM o.time_zone OR changed.organization_id IS NOT NULL
ORDER BY o.id
"""
ADD = f"""
WITH taken AS (
    DELETE FROM count_changes
    WHERE id IN (SELECT id FROM count_changes WHERE organization_id = %(organization)s LIMIT {BATCH})
    RETURNING chatroom_id, platform, quarter, {", ".join(COUNTS)}
), added AS (
    INSERT INTO daily_counts (organization_id, chatroom_id, day, platform, {", ".join(COUNTS)})
    SELECT %(organization)s, chatroom_id, (quarter AT TIME ZONE z.time_zone)::date, platform,
           {", ".join(f"sum({name})" for name in COUNTS)}
    FROM taken JOIN counted_zones z ON z.organization_id = %(organization)s
    GROUP BY 2, 3, 4 ORDER BY 2, 3, 4
    ON CONFLICT (chatroom_id, day, platform)
    DO UPDATE SET {", ".join(f"{name} = daily_counts.{name} + excluded.{name}" for name in COUNTS)}
)
SELECT count(*) AS taken FROM taken
"""
COUNTED = """
SELECT chatroom_id, (occurred_at AT TIME ZONE %(zone)s)::date AS day, platform,
       count(*) FILTER (WHERE direction = 'inbound') AS inbound,
       count(*) FILTER (WHERE direction = 'outbound') AS outbound,
       count(*) FILTER (WHERE direction = 'outbound' AND status IN ('delivered', 'read')) AS delivered,
       count(*) FILTER (WHERE status IN ('failed', 'undelivered', 'not_sent')) AS failed,
       coalesce(sum(tokens), 0)::bigint AS tokens_spent, 0 AS resolved
FROM messages
WHERE organization_id = %(organization)s AND status NOT IN ('scheduled', 'canceled') GROUP BY 1, 2, 3
"""
RESOLVED = """
SELECT chatroom_id, (resolved_at AT TIME ZONE %(zone)s)::date AS day, platform, 0, 0, 0, 0, 0, count(*)
FROM conversations
WHERE organization_id = %(organization)s AND resolved_at IS NOT NULL GROUP BY 1, 2, 3
"""
# In one statement, and so in one snapshot: what is committed meanwhile is in neither of the two.
RECOUNT = f"""
INSERT INTO daily_counts (organization_id, chatroom_id, day, platform, {", ".join(COUNTS)})
SELECT %(organization)s, chatroom_id, day, platform, {", ".join(f"sum({name})" for name in COUNTS)} FROM (
    {COUNTED}
    UNION ALL
    {RESOLVED}
    UNION ALL
    SELECT chatroom_id, (quarter AT TIME ZONE %(zone)s)::date, platform, {", ".join(f"-{name}" for name in COUNTS)}
    FROM count_changes WHERE organization_id = %(organization)s
) both_kinds GROUP BY 2, 3, 4
"""


def update_counts() -> None:
    """Add what changed to the days of every organization, and count anew where its time zone changed."""
    with tenancy.system():
        due = sql.fetch_rows(DUE)
    for row in due:
        with contain("Daily counts", row["id"]):
            if row["is_moved"]:
                recount_messages(row["id"])
            while add_changes(row["id"]) == BATCH:
                pass


def add_changes(organization_id: UUID) -> int:
    """Add up to BATCH changes to their days; returns how many."""
    with tenancy.organization(organization_id), connection.cursor() as cursor:
        cursor.execute(LOCK)
        return sql.fetch_rows(ADD, {"organization": organization_id})[0]["taken"]


def recount_messages(organization_id: UUID) -> None:
    """Count every message and resolved conversation of the organization anew, in days of its present time zone."""
    with tenancy.organization(organization_id), connection.cursor() as cursor:
        cursor.execute(LOCK)
        zone = Organization.objects.values_list("time_zone", flat=True).get(pk=organization_id)
        cursor.execute("DELETE FROM daily_counts WHERE organization_id = %s", [organization_id])
        cursor.execute(RECOUNT, {"organization": organization_id, "zone": zone})
        CountedZone.objects.update_or_create(organization_id=organization_id, defaults={"time_zone": zone})
