"""The list of all messages that a user may see, newest first."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from accounts.models import User
from chatrooms.models import Chatroom
from messagehub import sql
from messaging import payloads

Position = tuple[datetime, UUID]

# A page of keys from whichever index fits, then the rows by primary key: the wide rows are read for one page only, and
# not for a page of each chatroom.
OF_ONE = """
SELECT m.id, m.occurred_at FROM messages m
WHERE {anchor} AND m.chatroom_id = ANY(%(rooms)s) {conditions}
ORDER BY m.occurred_at {direction}, m.id {direction} LIMIT %(limit)s
"""
OF_ROOMS = """
SELECT newest.id, newest.occurred_at
FROM unnest(%(rooms)s::uuid[]) AS room (id)
CROSS JOIN LATERAL (
    SELECT m.id, m.occurred_at FROM messages m WHERE m.chatroom_id = room.id {conditions}
    ORDER BY m.occurred_at {direction}, m.id {direction} LIMIT %(limit)s
) newest
ORDER BY newest.occurred_at {direction}, newest.id {direction} LIMIT %(limit)s
"""
# Each of these reads a page of its own index. With one condition for both, PostgreSQL may walk all messages instead.
OF_FOUND = """
SELECT found.id, found.occurred_at FROM (
    SELECT newest.* FROM unnest(%(contact_ids)s::uuid[]) AS one (id) CROSS JOIN LATERAL (
        SELECT m.id, m.occurred_at FROM messages m
        WHERE m.contact_id = one.id AND m.chatroom_id = ANY(%(rooms)s) {conditions}
        ORDER BY m.occurred_at {direction}, m.id {direction} LIMIT %(limit)s) newest
    UNION
    SELECT newest.* FROM unnest(%(campaign_ids)s::uuid[]) AS one (id) CROSS JOIN LATERAL (
        SELECT m.id, m.occurred_at FROM messages m
        WHERE m.campaign_id = one.id AND m.chatroom_id = ANY(%(rooms)s) {conditions}
        ORDER BY m.occurred_at {direction}, m.id {direction} LIMIT %(limit)s) newest
) found
ORDER BY found.occurred_at {direction}, found.id {direction} LIMIT %(limit)s
"""
LIST = f"""
SELECT {payloads.MESSAGE_COLUMNS} FROM ({{page}}) page
JOIN messages m ON m.id = page.id LEFT JOIN users author ON author.id = m.sent_by_id
ORDER BY page.occurred_at {{direction}}, page.id {{direction}}
"""
# From the partial indexes of these states, which hold few messages.
STUCK = """m.id IN (
    SELECT id FROM messages WHERE status = 'queued' AND coalesce(not_before, send_at, created_at) < now() - {late}
    UNION ALL SELECT id FROM messages WHERE status = 'sending' AND attempted_at < now() - {late}
    UNION ALL SELECT id FROM messages WHERE status = 'scheduled' AND send_at < now() - {late}
)""".format(late="interval '10 minutes'")
STATES = {
    "unknown": "m.status = 'unknown'",
    "failed": "m.status IN ('failed', 'not_sent', 'undelivered')",
    "stuck": STUCK,
    "waiting": "m.status IN ('scheduled', 'queued', 'sending')",
    "sent": "m.status IN ('accepted', 'sent')",
    "delivered": "m.status IN ('delivered', 'read')",
    "canceled": "m.status = 'canceled'",
    "received": "m.status = 'received'",
}
ANCHORS = {
    "message_ids": "m.id = ANY(%(message_ids)s::uuid[])",
    "contact_id": "m.contact_id = %(contact_id)s",
    "campaign_id": "m.campaign_id = %(campaign_id)s",
    "organization_id": "m.organization_id = %(organization_id)s",
}
CONDITIONS = {
    "direction": "AND m.direction = %(direction)s",
    "platform": "AND m.platform = %(platform)s",
    "status": "AND m.status = %(status)s",
    "contact_id": "AND m.contact_id = %(contact_id)s",
    "campaign_id": "AND m.campaign_id = %(campaign_id)s",
    "error_code": "AND m.error_code = %(error_code)s",
    "since": "AND m.occurred_at >= %(since)s",
    "until": "AND m.occurred_at < %(until)s",
    "search": "AND m.content ILIKE %(search)s",
    "message_ids": "AND m.id = ANY(%(message_ids)s::uuid[])",
}


def list_visible_messages(
    user: User,
    *,
    limit: int,
    after: Position | None = None,
    before: Position | None = None,
    chatroom: Chatroom | None = None,
    state: str = "",
    **values,
) -> list[dict]:
    """Rows with `payloads.MESSAGE_COLUMNS`; `after` continues below a position, `before` above it.

    `values` are those of a MessageFilterSet, an `error_code`, and `message_ids`, or both `contact_ids` and
    `campaign_ids`, of which a message has one. `state` is one of STATES.
    """
    rooms = Chatroom.objects.visible_to(user)
    if chatroom:
        rooms = rooms.filter(pk=chatroom.pk)
    params: dict = {"limit": limit, "rooms": list(rooms.values_list("pk", flat=True)), **read_params(values)}
    conditions = [CONDITIONS[name] for name in params if name in CONDITIONS]
    if state:
        conditions.append(f"AND {STATES[state]}")
    if position := after or before:
        params["at"], params["id"] = position
        conditions.append(f"AND (m.occurred_at, m.id) {'<' if after else '>'} (%(at)s, %(id)s)")
    # Admins see all rooms, and the organization's own index reads one page in all instead of one for each room.
    if user.is_admin and not chatroom:
        params["organization_id"] = user.organization_id
    anchor = next((condition for name, condition in ANCHORS.items() if name in params), "")
    direction = "ASC" if before else "DESC"
    statement = OF_FOUND if "contact_ids" in params else OF_ONE if anchor else OF_ROOMS
    page = statement.format(anchor=anchor, conditions=" ".join(conditions), direction=direction)
    rows = sql.fetch_rows(LIST.format(page=page, direction=direction), params)
    return rows[::-1] if before else rows


def read_params(values: Mapping) -> dict:
    params = {name: value for name, value in values.items() if name not in ("contact", "campaign", "search")}
    params |= {f"{name}_id": values[name].pk for name in ("contact", "campaign") if name in values}
    if "search" in values:
        escaped = values["search"].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        params["search"] = f"%{escaped}%"
    return params
