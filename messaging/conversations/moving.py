"""Moving conversations after their number into another chatroom, with their messages.

Contacts belong to a chatroom, so each person's contact in the new chatroom is found by number, or copied there. Closed
conversations stay in the old chatroom, as history.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from django.db.models import Q

from accounts.models import User
from chatrooms import membership
from chatrooms.models import Contact, UserChatroom
from integrations import isolation
from integrations.models import SenderNumber
from messagehub import bus, sql, tenancy
from messaging.conversations import assignments
from messaging.live import event_log
from messaging.models import Conversation, ConversationActivity

# ORDER BY phone: two moves into one chatroom insert the same numbers in the same order, and can't deadlock.
CONTACTS = """
WITH new_contacts AS (
    INSERT INTO contacts (organization_id, chatroom_id, phone, first_name, last_name, name_source, email,
                          profile_picture_url, last_activity_at, blocked_at, phone_refused)
    SELECT c.organization_id, %(room)s, c.phone, c.first_name, c.last_name, c.name_source, c.email,
           c.profile_picture_url, c.last_activity_at, c.blocked_at, c.phone_refused
    FROM contacts c
    WHERE c.id = ANY(%(contacts)s) AND c.phone IS NOT NULL AND NOT EXISTS (
        SELECT FROM contact_numbers f WHERE f.chatroom_id = %(room)s AND f.phone = c.phone)
    ORDER BY c.phone
    ON CONFLICT (chatroom_id, phone) DO NOTHING
    RETURNING id, organization_id
)
INSERT INTO contact_activities (organization_id, contact_id, kind, reference)
SELECT organization_id, id, 'created', id FROM new_contacts
"""
TARGETS = """
SELECT c.id AS source, coalesce(owner.contact_id, own.id) AS target
FROM contacts c
LEFT JOIN contacts own ON own.chatroom_id = %(room)s AND own.phone = c.phone
LEFT JOIN contact_numbers owner ON owner.chatroom_id = %(room)s AND owner.phone = c.phone
WHERE c.id = ANY(%(contacts)s) AND coalesce(owner.contact_id, own.id) IS NOT NULL
"""
FURTHER_NUMBERS = """
INSERT INTO contact_numbers (organization_id, chatroom_id, contact_id, phone)
SELECT f.organization_id, %(room)s, t.target, f.phone
FROM unnest(%(sources)s::uuid[], %(targets)s::uuid[]) AS t (source, target)
JOIN contact_numbers f ON f.contact_id = t.source
WHERE NOT EXISTS (SELECT FROM contacts o WHERE o.chatroom_id = %(room)s AND o.phone = f.phone)
ORDER BY f.phone
ON CONFLICT (chatroom_id, phone) DO NOTHING
"""
MOVED = "unnest(%(ids)s::uuid[], %(owners)s::uuid[]) AS moved (id, owner)"
CONVERSATIONS = f"""
UPDATE conversations v SET chatroom_id = %(room)s, contact_id = moved.owner FROM {MOVED} WHERE v.id = moved.id
"""
# A statement of its own, and not a part of the update: "Never lock and update the same rows in one statement" in
# docs/decisions.md tells of the deadlock.
HOLD_MESSAGES = "SELECT id FROM messages WHERE conversation_id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE"
MESSAGES = f"""
UPDATE messages m SET chatroom_id = %(room)s, contact_id = moved.owner FROM {MOVED} WHERE m.conversation_id = moved.id
"""
ACTIVITIES = f"""
UPDATE contact_activities a SET contact_id = moved.owner FROM {MOVED}
WHERE a.kind = 'conversation_opened' AND a.reference = moved.id AND a.contact_id = ANY(%(sources)s)
"""
# A webhook that was being stored during the move may have opened a conversation in the old chatroom.
STRAGGLERS = """
SELECT DISTINCT n.id, n.organization_id FROM conversations v
JOIN sender_numbers n ON n.id = v.sender_number_id AND n.chatroom_id <> v.chatroom_id AND n.retired_at IS NULL
JOIN chatrooms r ON r.id = n.chatroom_id AND r.archived_at IS NULL
JOIN contacts c ON c.id = v.contact_id AND c.phone IS NOT NULL
WHERE v.status <> 'CLOSED' ORDER BY n.id
"""


def move_stragglers() -> int:
    """Move conversations that were opened in the old chatroom during a move; returns how many."""
    with tenancy.system():
        numbers = sql.fetch_rows(STRAGGLERS)
    moved_count = 0
    for row in numbers:
        with isolation.contain("Conversations left behind", row["organization_id"], row["id"]), tenancy.system():
            moved_count += follow_number(SenderNumber.objects.select_related("chatroom").get(pk=row["id"]), by=None)
    return moved_count


def follow_number(number: SenderNumber, *, by: User | None) -> int:
    """Move the number's unclosed conversations into its chatroom; returns how many.

    Where a contact has two there afterwards, the one whose last message is older is closed.
    """
    # Lock order: contacts here, contacts there, conversations, messages, the chatrooms' event counters.
    still_open = Conversation.objects.filter(sender_number=number).exclude(status=Conversation.Status.CLOSED)
    elsewhere = still_open.exclude(chatroom=number.chatroom)
    sources = sorted(elsewhere.values_list("contact_id", flat=True).distinct())
    list(Contact.objects.select_for_update(no_key=True).filter(pk__in=sources).order_by("pk").values_list("pk"))
    target_of = _find_targets(number, sources)
    rows = list(
        elsewhere.select_for_update(no_key=True).filter(contact_id__in=target_of).order_by("pk")
    )  # one that was opened just now is a straggler
    if not rows:
        return 0
    former_chatroom_of = {row.pk: row.chatroom_id for row in rows}
    closing = _find_doubles(number, rows, target_of)
    _close(closing, by)
    columns: dict = {
        "room": number.chatroom_id,
        "ids": [row.pk for row in rows],
        "owners": [target_of[row.contact_id] for row in rows],
        "sources": list(target_of),
    }
    with connection.cursor() as cursor:
        cursor.execute(CONVERSATIONS, columns)
        cursor.execute(HOLD_MESSAGES, columns)
        cursor.execute(MESSAGES, columns)
        cursor.execute(ACTIVITIES, columns)
    people = set(membership.people_of(number.chatroom).filter(is_active=True).values_list("pk", flat=True))
    assignments.unassign_conversations(
        [row for row in rows if row.assigned_to_id and row.assigned_to_id not in people], by=by
    )
    # Open sockets look whether they may stay where they are: who is viewing or typing is for the new chatroom alone.
    bus.access_changed(
        User.objects.filter(
            Q(pk__in=UserChatroom.objects.filter(chatroom__in=set(former_chatroom_of.values())).values("user_id"))
            | Q(organization_id=number.organization_id, role=User.Role.ADMIN)
        ).values_list("pk", flat=True)
    )
    event_log.record_events(
        [
            event_log.Change(event_log.CONVERSATION, number.organization_id, room, pk)
            for pk, former_chatroom in former_chatroom_of.items()
            for room in (former_chatroom, number.chatroom_id)
        ]
    )
    return len(rows)


def _find_targets(number: SenderNumber, sources: Sequence[UUID]) -> dict[UUID, UUID]:
    """The contacts' counterparts in the number's chatroom, created where there is none, locked until the commit."""
    columns: dict = {"room": number.chatroom_id, "contacts": list(sources)}
    with connection.cursor() as cursor:
        cursor.execute(CONTACTS, columns)
    target_of = {row["source"]: row["target"] for row in sql.fetch_rows(TARGETS, columns)}
    targets = Contact.objects.select_for_update(no_key=True).filter(pk__in=target_of.values())
    list(targets.order_by("pk").values_list("pk"))
    with connection.cursor() as cursor:
        cursor.execute(
            FURTHER_NUMBERS,
            {**columns, "sources": list(target_of), "targets": list(target_of.values())},
        )
    return target_of


def _find_doubles(number: SenderNumber, rows: list[Conversation], target_of: dict[UUID, UUID]) -> list[Conversation]:
    present_conversations = Conversation.objects.select_for_update(no_key=True).exclude(
        status=Conversation.Status.CLOSED
    )
    present_conversations = present_conversations.filter(
        sender_number=number, chatroom=number.chatroom, contact_id__in=target_of.values()
    )
    pairs = [(row.contact_id, row) for row in present_conversations.order_by("pk")]
    pairs += [(target_of[row.contact_id], row) for row in rows]
    newest: dict[tuple, Conversation] = {}
    return [
        row
        for owner, row in sorted(pairs, key=lambda pair: (pair[1].last_message_at, pair[1].pk), reverse=True)
        if newest.setdefault((owner, row.platform), row) is not row
    ]


def _close(closing: list[Conversation], by: User | None) -> None:
    Conversation.objects.filter(pk__in=[row.pk for row in closing]).update(
        status=Conversation.Status.CLOSED, snoozed_until=None
    )
    ConversationActivity.objects.bulk_create(
        ConversationActivity(
            organization_id=row.organization_id, conversation=row, actor=by, kind=ConversationActivity.Kind.CLOSED
        )
        for row in closing
    )
