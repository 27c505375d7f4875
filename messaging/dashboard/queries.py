"""What needs somebody's attention in some chatrooms. Each reads a bounded number of index entries, however much
there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from messagehub import sql
from messaging.conversations import listing
from messaging.models import Campaign, CampaignRecipient

MOST_COUNTED, MOST_LISTED = 1000, 5
# Room by room along the index of who waits, so that the oldest come first without sorting all of them.
LONGEST_WAITS = f"""
SELECT v.id, v.waiting_since, v.platform, v.chatroom_id, c.first_name, c.last_name, c.phone, c.id AS contact_id
FROM unnest(%(rooms)s::uuid[]) AS room (id)
CROSS JOIN LATERAL (
    SELECT * FROM conversations
    WHERE chatroom_id = room.id AND status = 'OPEN' AND waiting_since IS NOT NULL
    ORDER BY waiting_since LIMIT {MOST_LISTED}
) v
JOIN contacts c ON c.id = v.contact_id
ORDER BY v.waiting_since, v.id LIMIT {MOST_LISTED}
"""
COUNTS = f"""
SELECT
    (SELECT count(*) FROM (
        SELECT FROM conversations
        WHERE chatroom_id = ANY(%(rooms)s) AND status = 'OPEN' AND waiting_since < %(waiting_before)s
        LIMIT {MOST_COUNTED}) waiting) AS waiting,
    (SELECT count(*) FROM (
        SELECT FROM conversations
        WHERE chatroom_id = ANY(%(rooms)s) AND status = 'OPEN' AND assigned_to_id IS NULL
        LIMIT {MOST_COUNTED}) unassigned) AS unassigned,
    (SELECT count(*) FROM (
        SELECT FROM conversations WHERE chatroom_id = ANY(%(rooms)s) AND status = 'OPEN'
        LIMIT {MOST_COUNTED}) open) AS open
"""
# Along `messages_unsuccessful`, an index that holds nothing else.
FAILURES = """
SELECT error_code AS code, count(*) FROM (
    SELECT error_code FROM messages
    WHERE organization_id = %(organization)s AND chatroom_id = ANY(%(rooms)s)
      AND status IN ('failed', 'not_sent', 'undelivered')
      AND occurred_at >= %(since)s AND occurred_at < %(until)s
    ORDER BY occurred_at DESC LIMIT 10000
) failed
GROUP BY 1 ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True, slots=True)
class Attention:
    """Counts of open conversations up to MOST_COUNTED, and those who wait longest."""

    open: int
    waiting: int
    unassigned: int
    longest_waits: Sequence[dict]


def read_attention(rooms: Sequence[UUID]) -> Attention:
    params = {"rooms": list(rooms), "waiting_before": timezone.now() - listing.LONG_WAIT}
    (counts,) = sql.fetch_rows(COUNTS, params)
    return Attention(**counts, longest_waits=sql.fetch_rows(LONGEST_WAITS, params))


def count_failures(organization_id: UUID, rooms: Sequence[UUID], since: datetime, until: datetime) -> list[dict]:
    """Failed messages of a time by the provider's code, the most frequent first; of more than 10,000 the newest."""
    params = {"organization": organization_id, "rooms": list(rooms), "since": since, "until": until}
    return sql.fetch_rows(FAILURES, params)


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign, and how many of its recipients have their outcome."""

    campaign: Campaign
    done_count: int


def list_active_campaigns(rooms: Sequence[UUID]) -> list[Progress]:
    """Campaigns that run, wait for their time or are paused, the newest first."""
    active = [Campaign.State.SCHEDULED, Campaign.State.RUNNING, Campaign.State.PAUSED]
    campaigns = list(
        Campaign.objects.filter(chatroom__in=rooms, state__in=active).order_by("-created_at", "-pk")[:MOST_LISTED]
    )
    waiting = CampaignRecipient.objects.filter(campaign__in=campaigns, outcome=CampaignRecipient.Outcome.WAITING)
    waiting_of = dict(waiting.values_list("campaign").annotate(count=Count("pk")))
    return [Progress(each, (each.audience or 0) - waiting_of.get(each.pk, 0)) for each in campaigns]
