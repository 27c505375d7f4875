"""Moving conversations after their channel into another chatroom, with their messages.

Contacts belong to a chatroom, so each person's contact in the new chatroom is found by address, or copied there. Closed
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
from integrations.models import Channel
from messagehub import bus, sql, tenancy
from messaging.conversations import assignments
from messaging.live import event_log
from messaging.models import Conversation, ConversationActivity

# A person's counterpart in the other chatroom is whoever has one of their addresses there. Where nobody has, the
# contact is copied with all addresses. ORDER BY address: two moves into one chatroom claim the same addresses in the
# same order, and can't deadlock.
CONTACTS = """
WITH new AS (
    SELECT c.*, uuidv7() AS new_id FROM contacts c
    WHERE c.id = ANY(%(contacts)s) AND NOT EXISTS (
        SELECT FROM contact_addresses k JOIN contact_addresses there
            ON there.chatroom_id = %(room)s AND there.platform = k.platform AND there.address = k.address
        WHERE k.contact_id = c.id)
), claimed AS (
    INSERT INTO contact_addresses (organization_id, chatroom_id, contact_id, platform, address, is_primary, channel_id)
    SELECT k.organization_id, %(room)s, new.new_id, k.platform, k.address, k.is_primary, k.channel_id
    FROM new JOIN contact_addresses k ON k.contact_id = new.id
    ORDER BY k.platform, k.address
    ON CONFLICT (chatroom_id, platform, address) DO NOTHING
    RETURNING contact_id
), new_contacts AS (
    INSERT INTO contacts (id, organization_id, chatroom_id, phone, first_name, last_name, name_source, email,
                          profile_picture_url, last_activity_at, blocked_at, phone_refused)
    SELECT new_id, organization_id, %(room)s, phone, first_name, last_name, name_source, email, profile_picture_url,
           last_activity_at, blocked_at, phone_refused
    FROM new WHERE new_id IN (SELECT contact_id FROM claimed)
    RETURNING id, organization_id
)
INSERT INTO contact_activities (organization_id, contact_id, kind, reference)
SELECT organization_id, id, 'created', id FROM new_contacts
"""
# By the address of this channel first: contacts that were merged here may be two people there.
TARGETS = """
SELECT DISTINCT ON (k.contact_id) k.contact_id AS source, there.contact_id AS target
FROM contact_addresses k JOIN contact_addresses there
    ON there.chatroom_id = %(room)s AND there.platform = k.platform AND there.address = k.address
WHERE k.contact_id = ANY(%(contacts)s)
ORDER BY k.contact_id, k.platform = %(platform)s DESC, k.channel_id = %(channel)s DESC NULLS LAST, k.is_primary DESC,
         k.id
"""
FURTHER_ADDRESSES = """
INSERT INTO contact_addresses (organization_id, chatroom_id, contact_id, platform, address, channel_id)
SELECT k.organization_id, %(room)s, t.target, k.platform, k.address, k.channel_id
FROM unnest(%(sources)s::uuid[], %(targets)s::uuid[]) AS t (source, target)
JOIN contact_addresses k ON k.contact_id = t.source
ORDER BY k.platform, k.address
ON CONFLICT (chatroom_id, platform, address) DO NOTHING
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
JOIN channels n ON n.id = v.channel_id AND n.chatroom_id <> v.chatroom_id AND n.retired_at IS NULL
JOIN chatrooms r ON r.id = n.chatroom_id AND r.archived_at IS NULL
WHERE v.status <> 'CLOSED' AND EXISTS (SELECT FROM contact_addresses k WHERE k.contact_id = v.contact_id)
ORDER BY n.id
"""


def move_stragglers() -> int:
    """Move conversations that were opened in the old chatroom during a move; returns how many."""
    with tenancy.system():
        channels = sql.fetch_rows(STRAGGLERS)
    moved_count = 0
    for row in channels:
        with isolation.contain("Conversations left behind", row["organization_id"], row["id"]), tenancy.system():
            moved_count += follow_channel(Channel.objects.select_related("chatroom").get(pk=row["id"]), by=None)
    return moved_count


def follow_channel(channel: Channel, *, by: User | None) -> int:
    """Move the channel's unclosed conversations into its chatroom; returns how many.

    Where a contact has two there afterwards, the one whose last message is older is closed.
    """
    # Lock order: contacts here, contacts there, conversations, messages, the chatrooms' event counters.
    still_open = Conversation.objects.filter(channel=channel).exclude(status=Conversation.Status.CLOSED)
    elsewhere = still_open.exclude(chatroom=channel.chatroom)
    sources = sorted(elsewhere.values_list("contact_id", flat=True).distinct())
    list(Contact.objects.select_for_update(no_key=True).filter(pk__in=sources).order_by("pk").values_list("pk"))
    target_of = _find_targets(channel, sources)
    rows = list(
        elsewhere.select_for_update(no_key=True).filter(contact_id__in=target_of).order_by("pk")
    )  # one that was opened just now is a straggler
    if not rows:
        return 0
    former_chatroom_of = {row.pk: row.chatroom_id for row in rows}
    closing = _find_doubles(channel, rows, target_of)
    _close(closing, by)
    columns: dict = {
        "room": channel.chatroom_id,
        "ids": [row.pk for row in rows],
        "owners": [target_of[row.contact_id] for row in rows],
        "sources": list(target_of),
    }
    with connection.cursor() as cursor:
        cursor.execute(CONVERSATIONS, columns)
        cursor.execute(HOLD_MESSAGES, columns)
        cursor.execute(MESSAGES, columns)
        cursor.execute(ACTIVITIES, columns)
    people = set(membership.people_of(channel.chatroom).filter(is_active=True).values_list("pk", flat=True))
    assignments.unassign_conversations(
        [row for row in rows if row.assigned_to_id and row.assigned_to_id not in people], by=by
    )
    # Open sockets look whether they may stay where they are: who is viewing or typing is for the new chatroom alone.
    bus.access_changed(
        User.objects.filter(
            Q(pk__in=UserChatroom.objects.filter(chatroom__in=set(former_chatroom_of.values())).values("user_id"))
            | Q(organization_id=channel.organization_id, role=User.Role.ADMIN)
        ).values_list("pk", flat=True)
    )
    event_log.record_events(
        [
            event_log.Change(event_log.CONVERSATION, channel.organization_id, room, pk)
            for pk, former_chatroom in former_chatroom_of.items()
            for room in (former_chatroom, channel.chatroom_id)
        ]
    )
    return len(rows)


def _find_targets(channel: Channel, sources: Sequence[UUID]) -> dict[UUID, UUID]:
    """The contacts' counterparts in the channel's chatroom, created where there is none, locked until the commit."""
    columns: dict = {
        "room": channel.chatroom_id, "contacts": list(sources), "platform": channel.platform, "channel": channel.pk
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(CONTACTS, columns)
    target_of = {row["source"]: row["target"] for row in sql.fetch_rows(TARGETS, columns)}
    targets = Contact.objects.select_for_update(no_key=True).filter(pk__in=target_of.values())
    list(targets.order_by("pk").values_list("pk"))
    with connection.cursor() as cursor:
        cursor.execute(
            FURTHER_ADDRESSES,
            {**columns, "sources": list(target_of), "targets": list(target_of.values())},
        )
    return target_of


def _find_doubles(channel: Channel, rows: list[Conversation], target_of: dict[UUID, UUID]) -> list[Conversation]:
    present_conversations = Conversation.objects.select_for_update(no_key=True).exclude(
        status=Conversation.Status.CLOSED
    )
    present_conversations = present_conversations.filter(
        channel=channel, chatroom=channel.chatroom, contact_id__in=target_of.values()
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
