"""The inbox list and the thread, as rows and payloads, each in a fixed number of queries."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms import contacts
from chatrooms.models import Chatroom
from messagehub import sql
from messaging import payloads
from messaging.models import Conversation, Label

# The newest page of each visible chatroom from the index alone, then one page of rows by primary key. With `chatroom_id
# IN (...) ORDER BY` PostgreSQL sorts every conversation of the rooms.
OF_ROOMS = """
SELECT newest.id, newest.last_message_at
FROM unnest(%(rooms)s::uuid[]) AS room (id)
CROSS JOIN LATERAL (
    SELECT o.id, o.last_message_at FROM conversations o
    LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
    WHERE o.chatroom_id = room.id {conditions}
    ORDER BY o.last_message_at {direction}, o.id {direction}
    LIMIT %(limit)s::int
) newest
ORDER BY newest.last_message_at {direction}, newest.id {direction}
LIMIT %(limit)s::int
"""
# The unread are few, and a page of each chatroom's would be found by reading all of it. So first one of each chatroom:
# only those chatrooms count whose first is among the first of all, and there what comes before the last of these.
OF_UNREAD = """
WITH first AS MATERIALIZED (
    SELECT room.id AS room_id, one.id, one.last_message_at
    FROM unnest(%(rooms)s::uuid[]) AS room (id)
    CROSS JOIN LATERAL (
        SELECT o.id, o.last_message_at FROM conversations o
        LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
        WHERE o.chatroom_id = room.id {conditions}
        ORDER BY o.last_message_at {direction}, o.id {direction}
        LIMIT 1
    ) one
    ORDER BY one.last_message_at {direction}, one.id {direction}
    LIMIT %(limit)s::int
), bound AS MATERIALIZED (
    SELECT id, last_message_at FROM first
    ORDER BY last_message_at {direction}, id {direction} OFFSET %(limit)s::int - 1
)
SELECT newest.id, newest.last_message_at
FROM first
CROSS JOIN LATERAL (
    SELECT o.id, o.last_message_at FROM conversations o
    LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
    WHERE o.chatroom_id = first.room_id {conditions}
      AND (o.last_message_at, o.id) {reaches} (coalesce((SELECT last_message_at FROM bound), {farthest_time}),
                                               coalesce((SELECT id FROM bound), {farthest_id}))
    ORDER BY o.last_message_at {direction}, o.id {direction}
    LIMIT %(limit)s::int
) newest
ORDER BY newest.last_message_at {direction}, newest.id {direction}
LIMIT %(limit)s::int
"""
# Admins see all rooms, and the organization's own index reads one page in all instead of one for each room.
OF_ORGANIZATION = """
SELECT o.id, o.last_message_at FROM conversations o
LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
WHERE o.organization_id = %(organization_id)s AND o.chatroom_id = ANY(%(rooms)s::uuid[]) {conditions}
ORDER BY o.last_message_at {direction}, o.id {direction}
LIMIT %(limit)s::int
"""
# These few conversations, found by their keys: the walks above would read all the others as well.
OF_KEYS = """
SELECT few.id, few.last_message_at FROM (
    SELECT o.id, o.last_message_at FROM conversations o
    LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
    WHERE o.chatroom_id = ANY(%(rooms)s::uuid[]) {conditions}
    OFFSET 0
) few
ORDER BY few.last_message_at {direction}, few.id {direction}
LIMIT %(limit)s::int
"""
LIST = f"""
SELECT {payloads.CONVERSATION_COLUMNS}, greatest(0, v.inbound_count - coalesce(r.seen_count, 0)) AS unread_count
FROM ({{page}}) page
JOIN conversations v ON v.id = page.id
JOIN contacts c ON c.id = v.contact_id
LEFT JOIN users assignee ON assignee.id = v.assigned_to_id
LEFT JOIN read_markers r ON r.conversation_id = v.id AND r.user_id = %(user_id)s
ORDER BY v.last_message_at {{direction}}, v.id {{direction}}
"""
# Counted up to a limit only, so that a tab costs the same with a million conversations behind it.
COUNT = """
SELECT count(*) FROM (
    SELECT FROM unnest(%(rooms)s::uuid[]) AS room (id)
    CROSS JOIN LATERAL (
        SELECT FROM conversations o
        LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
        WHERE o.chatroom_id = room.id {conditions}
        LIMIT %(limit)s::int
    ) found
    LIMIT %(limit)s::int
) counted
"""
COUNT_OF_KEYS = """
SELECT count(*) FROM (
    SELECT FROM conversations o
    LEFT JOIN read_markers own ON own.conversation_id = o.id AND own.user_id = %(user_id)s
    WHERE o.chatroom_id = ANY(%(rooms)s::uuid[]) {conditions}
    LIMIT %(limit)s::int
) counted
"""
# Keyset pages: OFFSET reads and drops everything before it, so that page 100 costs a hundred pages.
THREAD = f"""
SELECT {payloads.MESSAGE_COLUMNS} FROM {payloads.MESSAGE_TABLES}
WHERE m.conversation_id = %(conversation_id)s {{conditions}}
ORDER BY m.occurred_at {{direction}}, m.id {{direction}} LIMIT %(limit)s::int
"""
CONDITIONS = {
    "platform": "AND o.platform = %(platform)s",
    "status": "AND o.status = %(status)s",
    "assigned_to": "AND o.assigned_to_id = %(assigned_to)s",
    "unassigned": "AND o.assigned_to_id IS NULL",
    "unread": "AND o.inbound_count > coalesce(own.seen_count, 0)",
    "read": "AND o.inbound_count <= coalesce(own.seen_count, 0)",
    "waiting_minutes": """AND o.status = 'OPEN'
        AND o.waiting_since < now() - interval '1 min' * %(waiting_minutes)s::int""",
    "contact_id": "AND o.contact_id = %(contact_id)s",
    "ids": "AND o.id = ANY(%(ids)s::uuid[])",
    "contact_ids": "AND o.contact_id = ANY(%(contact_ids)s::uuid[])",
    "label_id": """AND EXISTS (
        SELECT FROM conversation_labels l WHERE l.conversation_id = o.id AND l.label_id = %(label_id)s)""",
}
# How far a page may reach where nothing bounds it.
FARTHEST = {
    "DESC": {"reaches": ">=", "farthest_time": "'-infinity'", "farthest_id": f"'{UUID(int=0)}'::uuid"},
    "ASC": {"reaches": "<=", "farthest_time": "'infinity'", "farthest_id": f"'{UUID(int=2**128 - 1)}'::uuid"},
}
# Conditions that name what they find, by keys or by an index that holds little else.
KEYS = {"ids", "contact_ids", "contact_id", "waiting_minutes"}
LONG_WAIT = timedelta(minutes=30)
MOST_FOUND = 200  # contacts whose conversations a search lists, the newest; a longer list needs a longer search
Position = tuple[datetime, UUID]


class ConversationGone(Exception):
    """The user may not see the conversation, or lost access to it."""

    def __init__(self) -> None:
        super().__init__(_("Not found."))


def list_conversations(
    user: User,
    *,
    limit: int,
    after: Position | None = None,
    before: Position | None = None,
    chatroom_id: UUID | None = None,
    **filters,
) -> list[dict]:
    """Payloads of visible conversations with their newest message, newest first.

    `after` continues below a position, `before` above it. `filters` are keys of CONDITIONS.
    """
    rooms = Chatroom.objects.visible_to(user)
    if chatroom_id:
        rooms = rooms.filter(pk=chatroom_id)
    conditions = [CONDITIONS[name] for name in filters]
    params = {
        "user_id": user.pk,
        "organization_id": user.organization_id,
        "rooms": list(rooms.values_list("pk", flat=True)),
        "limit": limit,
        **filters,
    }
    direction = _continue_from(conditions, params, "o.last_message_at, o.id", after, before)
    is_whole_organization = (
        user.is_admin and not chatroom_id and not {"status", "assigned_to", "unassigned"} & filters.keys()
    )
    if KEYS & filters.keys():
        statement = OF_KEYS
    elif "unread" in filters:
        statement = OF_UNREAD
    else:
        statement = OF_ORGANIZATION if is_whole_organization else OF_ROOMS
    page = statement.format(conditions=" ".join(conditions), direction=direction, **FARTHEST[direction])
    rows = sql.fetch_prepared(LIST.format(page=page, direction=direction), params)
    if before:
        rows.reverse()
    message_by_id = payloads.describe_messages_by_id(row["last_message_id"] for row in rows if row["last_message_id"])
    return [
        payloads.describe_conversation(row, message_by_id.get(row["last_message_id"]), row["unread_count"])
        for row in rows
    ]


def count_conversations(user: User, *, most: int, chatroom_id: UUID | None = None, **filters) -> int:
    """How many conversations `list_conversations` has for these filters, counted up to `most`."""
    rooms = Chatroom.objects.visible_to(user)
    if chatroom_id:
        rooms = rooms.filter(pk=chatroom_id)
    params = {
        "user_id": user.pk,
        "rooms": list(rooms.values_list("pk", flat=True)),
        "limit": most,
        **filters,
    }
    statement = COUNT_OF_KEYS if KEYS & filters.keys() else COUNT
    statement = statement.format(conditions=" ".join(CONDITIONS[name] for name in filters))
    return sql.fetch_prepared(statement, params)[0]["count"]


def build_conditions(
    user: User,
    *,
    chatroom: Chatroom | None = None,
    label: Label | None = None,
    search: str = "",
    assigned_to: UUID | str | None = None,
    unread: bool | None = None,
    **values,
) -> dict:
    """A ConversationFilterSet's values as filters of `list_conversations` and `count_conversations`."""
    conditions = values
    if chatroom:
        conditions["chatroom_id"] = chatroom.pk
    if label:
        conditions["label_id"] = label.pk
    if unread is not None:
        conditions["unread" if unread else "read"] = True
    if assigned_to:
        conditions |= {"unassigned": True} if assigned_to == "none" else {"assigned_to": assigned_to}
    if search.strip():
        conditions["contact_ids"] = find_contacts(user, search, chatroom)
    return conditions


def find_contacts(user: User, search: str, chatroom: Chatroom | None = None) -> list[UUID]:
    """Ids of contacts whose name, number or email has the search in it; the newest, if there are many."""
    return [contact.pk for contact in contacts.list_contacts(user, limit=MOST_FOUND, chatroom=chatroom, search=search)]


def list_thread(
    conversation: Conversation, *, limit: int, after: Position | None = None, before: Position | None = None
) -> list[dict]:
    """The conversation's messages, newest first, as rows for `payloads.describe_messages`."""
    conditions: list[str] = []
    params: dict = {"conversation_id": conversation.pk, "limit": limit}
    direction = _continue_from(conditions, params, "m.occurred_at, m.id", after, before)
    rows = sql.fetch_prepared(THREAD.format(conditions=" ".join(conditions), direction=direction), params)
    return rows[::-1] if before else rows


def _continue_from(
    conditions: list, params: dict, columns: str, after: Position | None, before: Position | None
) -> str:
    if position := after or before:
        params["at"], params["id"] = position
        conditions.append(f"AND ({columns}) {'<' if after else '>'} (%(at)s, %(id)s)")
    return "ASC" if before else "DESC"


def read_conversation(user: User, conversation: Conversation) -> dict:
    """The payload of one conversation. Raises ConversationGone where the user may not see it any more."""
    rows = list_conversations(user, limit=1, chatroom_id=conversation.chatroom_id, ids=[conversation.pk])
    if not rows:
        raise ConversationGone
    return rows[0]
