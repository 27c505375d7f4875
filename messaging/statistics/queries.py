"""Statistics of the messages of some days."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from uuid import UUID

from messagehub import datetimes, sql

COUNTS = ("inbound", "outbound", "delivered", "failed", "tokens_spent")
# Room by room, so that the index over (chatroom, occurred_at) is read from the first day to the last and no further.
SHOWN = """
WITH shown AS MATERIALIZED (
    SELECT m.conversation_id, m.direction, m.platform, m.status, m.tokens, m.occurred_at
    FROM unnest(%(rooms)s::uuid[]) AS room (id)
    CROSS JOIN LATERAL (
        SELECT * FROM messages
        WHERE chatroom_id = room.id AND occurred_at >= %(since)s AND occurred_at < %(until)s
          AND status NOT IN ('scheduled', 'canceled')
    ) m
)
"""
DAYS = f"""
{SHOWN}
SELECT (occurred_at AT TIME ZONE %(zone)s)::date AS date, platform,
       count(*) FILTER (WHERE direction = 'inbound') AS inbound,
       count(*) FILTER (WHERE direction = 'outbound') AS outbound,
       count(*) FILTER (WHERE direction = 'outbound' AND status IN ('delivered', 'read')) AS delivered,
       count(*) FILTER (WHERE status IN ('failed', 'undelivered', 'not_sent')) AS failed,
       coalesce(sum(tokens), 0)::bigint AS tokens_spent
FROM shown GROUP BY 1, 2 ORDER BY 1, 2
"""
# Measured from the first inbound message within these days; the answer may be later.
FIRST_RESPONSE = f"""
{SHOWN}, began AS (
    SELECT conversation_id, min(occurred_at) AS at FROM shown WHERE direction = 'inbound' GROUP BY 1
)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM answer.occurred_at - began.at)) AS seconds
FROM began CROSS JOIN LATERAL (
    SELECT m.occurred_at FROM messages m
    WHERE m.conversation_id = began.conversation_id AND m.occurred_at > began.at AND m.direction = 'outbound'
      AND m.status NOT IN ('scheduled', 'canceled')
    ORDER BY m.occurred_at, m.id LIMIT 1
) answer
"""


def read_statistics(rooms: Iterable[UUID], first: date, last: date, time_zone: str) -> dict:
    """Totals, by platform and by day, for the days from `first` to `last` in the time zone."""
    zone = datetimes.read_time_zone(time_zone)
    params = {
        "rooms": list(rooms),
        "since": datetime.combine(first, time(), zone),
        "until": datetime.combine(last + timedelta(days=1), time(), zone),
        "zone": zone.key,
    }
    rows = sql.fetch_rows(DAYS, params)
    by_day: dict[date, list[dict]] = defaultdict(list)
    for row in rows:
        by_day[row["date"]].append(row)
    median = sql.fetch_rows(FIRST_RESPONSE, params)[0]["seconds"]
    return {
        "from": first,
        "to": last,
        "time_zone": time_zone,
        "totals": {**_sum(rows), "first_response_seconds": None if median is None else round(float(median), 1)},
        "platforms": [
            {"platform": platform, **_sum(row for row in rows if row["platform"] == platform)}
            for platform in sorted({row["platform"] for row in rows})
        ],
        "days": [
            {"date": day, **_sum(by_day[day])}
            for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
        ],
    }


def _sum(rows: Iterable[dict]) -> dict:
    all_rows = list(rows)
    return {name: sum(row[name] for row in all_rows) for name in COUNTS}
