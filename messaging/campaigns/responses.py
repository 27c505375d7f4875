"""What recipients answered to a campaign, and groups of those with one outcome.

A reply is an inbound message to the number that wrote, after the campaign's message was handed over and before another
campaign's was. An opt-out is a reply that opted out: by a keyword, or by a sentence that staff took for one.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from chatrooms import groups
from chatrooms.models import Group
from messagehub import sql
from messaging.models import Campaign

# The first of each kind decides: if another campaign wrote before it, it wrote before all later ones too.
BEFORE_OTHERS = """
NOT EXISTS (SELECT FROM messages o WHERE o.contact_id = m.contact_id AND o.campaign_id <> m.campaign_id
            AND o.attempt > 0 AND coalesce(o.attempted_at, o.occurred_at) > coalesce(m.attempted_at, m.occurred_at)
            AND coalesce(o.attempted_at, o.occurred_at) < {first}.occurred_at)
"""
AFTER = """
i.contact_id = m.contact_id AND i.channel_id = m.channel_id AND i.direction = 'inbound'
AND i.occurred_at > coalesce(m.attempted_at, m.occurred_at)
"""
# Joined to recipients `r` with their messages `m`.
RESPONSES = f"""
LEFT JOIN LATERAL (
    SELECT i.occurred_at FROM messages i WHERE m.attempt > 0 AND {AFTER} ORDER BY i.occurred_at LIMIT 1
) reply ON {BEFORE_OTHERS.format(first="reply")}
LEFT JOIN LATERAL (
    SELECT i.occurred_at FROM messages i JOIN consent_entries e ON e.message_id = i.id AND e.kind = 'opt_out'
    WHERE reply.occurred_at IS NOT NULL AND m.attempt > 0 AND {AFTER} ORDER BY i.occurred_at LIMIT 1
) opt_out ON {BEFORE_OTHERS.format(first="opt_out")}
"""
COUNTS = f"""
SELECT count(reply.occurred_at) AS replied, count(opt_out.occurred_at) AS opted_out
FROM campaign_recipients r JOIN messages m ON m.id = r.message_id {RESPONSES}
WHERE r.campaign_id = %s
"""
OF_RECIPIENTS = f"""
SELECT r.id, reply.occurred_at AS replied_at, opt_out.occurred_at AS opted_out_at
FROM campaign_recipients r JOIN messages m ON m.id = r.message_id {RESPONSES}
WHERE r.id = ANY(%s::uuid[])
"""
# Contacts by what became of them. Of one that was merged, moved or deleted since, what it is now counts.
CONDITIONS = {
    "delivered": "m.status IN ('delivered', 'read')",
    "failed": "m.status IN ('failed', 'undelivered', 'not_sent')",
    "unknown": "m.status = 'unknown'",
    "skipped": "r.outcome = 'skipped'",
    "canceled": "r.outcome = 'canceled' OR m.status = 'canceled'",
    "replied": "reply.occurred_at IS NOT NULL",
    "opted_out": "opt_out.occurred_at IS NOT NULL",
}
CHOSEN = f"""
WITH chosen AS MATERIALIZED (
    SELECT DISTINCT r.contact_id AS id
    FROM campaign_recipients r LEFT JOIN messages m ON m.id = r.message_id {RESPONSES}
    WHERE r.campaign_id = %(campaign)s AND ({{condition}})
)
INSERT INTO group_members (organization_id, group_id, contact_id)
SELECT c.organization_id, %(group)s, c.id FROM contacts c JOIN chosen ON chosen.id = c.id
WHERE c.chatroom_id = %(chatroom)s ORDER BY c.id FOR KEY SHARE OF c
"""


class NobodyInOutcome(Exception):
    """No recipient has this outcome, so the group would be empty."""

    def __init__(self) -> None:
        self.code = "nobody"
        super().__init__("No recipient of this campaign has this outcome.")


@dataclass(frozen=True, slots=True)
class Response:
    """When a recipient first replied, and opted out, if they did."""

    replied_at: datetime | None = None
    opted_out_at: datetime | None = None


def count_responses(campaign: Campaign) -> dict[str, int]:
    """How many recipients replied, and how many of these opted out."""
    return sql.fetch_rows(COUNTS, [campaign.pk])[0]


def find_responses(recipient_ids: list[UUID]) -> dict[UUID, Response]:
    """Of recipients that have a message."""
    rows = sql.fetch_rows(OF_RECIPIENTS, [recipient_ids])
    return {row["id"]: Response(row["replied_at"], row["opted_out_at"]) for row in rows}


@transaction.atomic
def group_recipients(campaign: Campaign, *, outcome: str, name: str) -> Group:
    """Make a group of the recipients with one of the outcomes of CONDITIONS. Raises NameTaken and NobodyInOutcome."""
    group = groups.create_group(campaign.chatroom, name)
    parameters = {"campaign": campaign.pk, "group": group.pk, "chatroom": campaign.chatroom_id}
    with connection.cursor() as cursor:
        cursor.execute(CHOSEN.format(condition=CONDITIONS[outcome]), parameters)
        if not cursor.rowcount:
            raise NobodyInOutcome
    return group
