"""How far each person has read a conversation."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from accounts.models import User
from chatrooms.models import Chatroom
from messagehub import bus
from messaging.models import (
    Conversation,
    Message,
    ReadMarker,
)


def begin_unread(user: User, chatroom_ids: Iterable[UUID] | None) -> None:
    """Mark everything read in chatrooms that the user has just got: in these, or in all that are new to them.

    Otherwise a new colleague's inbox would begin with years of unread conversations.
    """
    rooms = Chatroom.objects.visible_to(user)
    if chatroom_ids is not None:
        rooms = rooms.filter(pk__in=chatroom_ids)
    elif user.is_admin:
        rooms = rooms.exclude(user_chatrooms__user=user)  # promoted agents keep their markers there
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO read_markers (organization_id, user_id, conversation_id, seen_count)
            SELECT organization_id, %s, id, inbound_count FROM conversations
            WHERE chatroom_id = ANY(%s) AND status <> 'CLOSED' AND inbound_count > 0
            ON CONFLICT (user_id, conversation_id) DO NOTHING
            """,
            [user.pk, list(rooms.values_list("pk", flat=True))],
        )


def mark_read(user: User, conversation: Conversation, up_to: Message) -> int:
    """Move the user's read marker up to a message, never back; returns the unread count."""
    with connection.cursor() as cursor:
        # One statement has one snapshot: a message that arrives meanwhile is in both inbound_count and the subquery, or
        # in neither.
        cursor.execute(
            """
            INSERT INTO read_markers (organization_id, user_id, conversation_id, up_to_id, seen_count)
            SELECT organization_id, %(user)s, id, %(up_to)s, greatest(0, inbound_count - (
                SELECT count(*) FROM messages m WHERE m.conversation_id = v.id AND m.direction = 'inbound'
                  AND (m.occurred_at, m.id) > (%(at)s, %(up_to)s)))
            FROM conversations v WHERE id = %(conversation)s
            ON CONFLICT (user_id, conversation_id) DO UPDATE
            SET up_to_id = CASE WHEN excluded.seen_count >= read_markers.seen_count
                                THEN excluded.up_to_id ELSE read_markers.up_to_id END,
                seen_count = greatest(read_markers.seen_count, excluded.seen_count)
            RETURNING seen_count
            """,
            {"user": user.pk, "up_to": up_to.pk, "at": up_to.occurred_at, "conversation": conversation.pk},
        )
        seen_count = cursor.fetchone()[0]
    unread_count = max(
        0, Conversation.objects.values_list("inbound_count", flat=True).get(pk=conversation.pk) - seen_count
    )
    bus.tell(
        user.pk,
        {
            "type": "conversation.read",
            "chatroom_id": str(conversation.chatroom_id),
            "conversation_id": str(conversation.pk),
            "unread_count": unread_count,
        },
    )
    return unread_count


def mark_unread(user: User, conversation: Conversation) -> None:
    """Mark the last inbound message unread for this user."""
    count = Conversation.objects.values_list("inbound_count", flat=True).get(pk=conversation.pk)
    if not count:
        return
    marker, created = ReadMarker.objects.get_or_create(
        user=user,
        conversation=conversation,
        defaults={"organization_id": conversation.organization_id, "seen_count": count - 1},
    )
    if not created:
        ReadMarker.objects.filter(pk=marker.pk, seen_count__gte=count).update(seen_count=count - 1, up_to=None)
    seen_count = ReadMarker.objects.values_list("seen_count", flat=True).get(pk=marker.pk)
    bus.tell(
        user.pk,
        {
            "type": "conversation.read",
            "chatroom_id": str(conversation.chatroom_id),
            "conversation_id": str(conversation.pk),
            "unread_count": max(0, count - seen_count),
        },
    )
