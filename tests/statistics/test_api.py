"""/api/settings and /api/stats."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from messagehub import tenancy
from messaging.statistics import queries
from tests import factories


@pytest.fixture
def past(acme, sales, support, inside):
    """In Sales: a question on 1 March 23:30 UTC, answered after ten minutes; a failed try the day after."""
    start = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    with inside(acme):
        for minutes, direction, status, tokens, held in [
            (0, "inbound", "received", 0, sales),
            (10, "outbound", "delivered", 1, sales),
            (20, "outbound", "read", 2, sales),
            (24 * 60, "outbound", "failed", 0, sales),
            (24 * 60, "outbound", "scheduled", 1, sales),
            (5, "inbound", "received", 0, support),
        ]:
            factories.MessageFactory(
                conversation=held.conversation,
                direction=direction,
                status=status,
                tokens=tokens,
                occurred_at=start + timedelta(minutes=minutes),
                waited_since=start if minutes == 10 else None,
            )


def test_what_is_counted(api, bo, past):
    answer = api(bo).get("/api/stats", {"from": "2026-03-01", "to": "2026-03-03"})

    assert answer.status_code == 200, answer.content
    found = answer.json()
    totals = {"inbound": 1, "outbound": 3, "delivered": 2, "failed": 1, "tokens_spent": 3, "resolved": 0}
    assert found["totals"] == {**totals, "first_response_seconds": 600.0, "first_response_p90_seconds": 600.0}
    assert found["platforms"] == [{"platform": "SMS", **totals}]
    assert [day["outbound"] for day in found["days"]] == [2, 1, 0]
    assert [day["first_response_p90_seconds"] for day in found["days"]] == [600.0, None, None]
    assert [day["date"] for day in found["days"]] == ["2026-03-01", "2026-03-02", "2026-03-03"]


def test_days_are_those_of_the_organization(api, ann, past):
    api(ann).patch("/api/settings", {"time_zone": "Europe/Berlin"})
    found = api(ann).get("/api/stats", {"from": "2026-03-01", "to": "2026-03-03"}).json()
    assert [day["inbound"] for day in found["days"]] == [0, 2, 0]
    assert found["time_zone"] == "Europe/Berlin"


def test_each_counts_their_own_rooms(api, ann, bo, cy, zed, past, sales, support):
    def inbound(user, **query) -> int:
        answer = api(user).get("/api/stats", {"from": "2026-03-01", "to": "2026-03-01", **query})
        return answer.json()["totals"]["inbound"] if answer.status_code == 200 else answer.status_code

    assert [inbound(user) for user in (ann, bo, cy, zed)] == [2, 1, 0, 0]
    assert inbound(ann, chatroom_id=support.room.pk) == 1
    assert inbound(bo, chatroom_id=support.room.pk) == inbound(zed, chatroom_id=support.room.pk) == 400


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2026-03-02", "to": "2026-03-01"},
        {"from": "2020-01-01", "to": "2026-03-01"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
        {"from": "x"},
        {"days": "3"},
    ],
)
def test_other_days_are_refused(api, ann, query):
    assert api(ann).get("/api/stats", query).status_code == 400


def test_the_index_bounds_what_is_read(transactional_db, acme, sales, inside):
    with inside(acme), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO messages (organization_id, chatroom_id, conversation_id, contact_id, channel_id, direction, "
            "platform, content, status, from_address, to_address, occurred_at) "
            "SELECT organization_id, chatroom_id, id, contact_id, channel_id, 'inbound', 'SMS', '', 'received', '', "
            "'', now() - n * interval '1 h' FROM conversations, generate_series(1, 5000) n WHERE id = %s",
            [sales.conversation.pk],
        )
    with tenancy.as_owner(), connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE messages")
    with inside(acme), connection.cursor() as cursor:
        cursor.execute(
            f"EXPLAIN {queries.COUNTED_DAYS}",
            {
                "rooms": [sales.room.pk],
                "since": datetime(2026, 3, 1, tzinfo=UTC),
                "until": datetime(2026, 3, 2, tzinfo=UTC),
                "zone": "UTC",
            },
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert re.search(r"Index Cond: .*occurred_at >= .*occurred_at < ", plan)
    assert "Seq Scan" not in plan
