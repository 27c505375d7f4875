"""Statistics of the messages of some days."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from messagehub import datetimes, sql
from messaging.statistics.counts import COUNTS

SUMS = ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in COUNTS)
# No row at all where the organization's days are not (yet) counted in this time zone; a row without a date where they
# are and nothing happened.
KEPT_DAYS = f"""
SELECT kept.date, kept.platform, {SUMS}
FROM counted_zones z LEFT JOIN (
    SELECT day AS date, platform, {", ".join(COUNTS)} FROM daily_counts
    WHERE chatroom_id = ANY(%(rooms)s) AND day BETWEEN %(first)s AND %(last)s
    UNION ALL
    SELECT (quarter AT TIME ZONE %(zone)s)::date, platform, {", ".join(COUNTS)} FROM count_changes
    WHERE chatroom_id = ANY(%(rooms)s) AND quarter >= %(since)s AND quarter < %(until)s
) kept ON true
WHERE z.time_zone = %(zone)s GROUP BY 1, 2 ORDER BY 1, 2
"""
# Room by room, so that the index over (chatroom, occurred_at) is read from the first day to the last and no further.
COUNTED_DAYS = """
SELECT (m.occurred_at AT TIME ZONE %(zone)s)::date AS date, m.platform,
       count(*) FILTER (WHERE m.direction = 'inbound') AS inbound,
       count(*) FILTER (WHERE m.direction = 'outbound') AS outbound,
       count(*) FILTER (WHERE m.direction = 'outbound' AND m.status IN ('delivered', 'read')) AS delivered,
       count(*) FILTER (WHERE m.status IN ('failed', 'undelivered', 'not_sent')) AS failed,
       coalesce(sum(m.tokens), 0)::bigint AS tokens_spent, 0 AS resolved
FROM unnest(%(rooms)s::uuid[]) AS room (id)
CROSS JOIN LATERAL (
    SELECT * FROM messages
    WHERE chatroom_id = room.id AND occurred_at >= %(since)s AND occurred_at < %(until)s
      AND status NOT IN ('scheduled', 'canceled')
) m
GROUP BY 1, 2 ORDER BY 1, 2
"""
RESOLVED_DAYS = """
SELECT (resolved_at AT TIME ZONE %(zone)s)::date AS date, platform, 0 AS inbound, 0 AS outbound, 0 AS delivered,
       0 AS failed, 0 AS tokens_spent, count(*) AS resolved
FROM conversations
WHERE chatroom_id = ANY(%(rooms)s) AND status = 'CLOSED' AND resolved_at >= %(since)s AND resolved_at < %(until)s
GROUP BY 1, 2 ORDER BY 1, 2
"""
# Of all days, whose row has no date, and of each.
FIRST_RESPONSES = """
SELECT date, percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY waited) AS seconds
FROM (
    SELECT (m.occurred_at AT TIME ZONE %(zone)s)::date AS date,
           extract(epoch FROM m.occurred_at - m.waited_since) AS waited
    FROM unnest(%(rooms)s::uuid[]) AS room (id)
    CROSS JOIN LATERAL (
        SELECT occurred_at, waited_since FROM messages
        WHERE chatroom_id = room.id AND occurred_at >= %(since)s AND occurred_at < %(until)s
          AND waited_since IS NOT NULL AND status NOT IN ('scheduled', 'canceled', 'failed', 'undelivered', 'not_sent')
    ) m
) answers
GROUP BY GROUPING SETS ((), (date))
"""
# More answers than anybody needs for a median: one in sixteen, by chance, tells the rank within half a percent.
MANY = 50_000
FIRST_RESPONSES_OF_A_SAMPLE = FIRST_RESPONSES.replace(
    "waited_since IS NOT NULL", "waited_since IS NOT NULL AND get_byte(uuid_send(id), 15) < 16"
)


def read_statistics(rooms: Iterable[UUID], first: date, last: date, time_zone: str) -> dict:
    """Totals, by platform and by day, for the days from `first` to `last` in the time zone."""
    zone = datetimes.read_time_zone(time_zone)
    params = {
        "rooms": list(rooms),
        "since": datetime.combine(first, time(), zone),
        "until": datetime.combine(last + timedelta(days=1), time(), zone),
        "zone": zone.key,
        "first": first,
        "last": last,
    }
    rows = sql.fetch_rows(KEPT_DAYS, params)
    if rows:
        rows = [row for row in rows if row["date"]]
    else:
        rows = [*sql.fetch_rows(COUNTED_DAYS, params), *sql.fetch_rows(RESOLVED_DAYS, params)]
    by_day: dict[date, list[dict]] = defaultdict(list)
    for row in rows:
        by_day[row["date"]].append(row)
    first_responses = FIRST_RESPONSES if _sum(rows)["outbound"] < MANY else FIRST_RESPONSES_OF_A_SAMPLE
    waited = {row["date"]: row["seconds"] for row in sql.fetch_rows(first_responses, params)}
    return {
        "from": first,
        "to": last,
        "time_zone": time_zone,
        "totals": {
            **_sum(rows),
            **_describe_responses(waited.get(None)),
        },
        "platforms": [
            {"platform": platform, **_sum(row for row in rows if row["platform"] == platform)}
            for platform in sorted({row["platform"] for row in rows})
        ],
        "days": [
            {"date": day, **_sum(by_day[day]), **_describe_responses(waited.get(day))}
            for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
        ],
    }


def _sum(rows: Iterable[dict]) -> dict:
    all_rows = list(rows)
    return {name: sum(row[name] for row in all_rows) for name in COUNTS}


def _describe_responses(seconds: Sequence[float] | None) -> dict:
    median, slow = seconds or (None, None)
    return {
        "first_response_seconds": median and round(median, 1),
        "first_response_p90_seconds": slow and round(slow, 1),
    }
