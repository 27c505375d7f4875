"""What the demo's past has in common, whoever carried it."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection

from chatrooms.models import Contact
from messaging.models import Message


def backdate(messages: list[Message], contacts: list[Contact]) -> None:
    """`created_at` is the database's to set; a past needs it to be past."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE messages SET created_at = occurred_at WHERE id = ANY(%s)", [[m.pk for m in messages]])
        cursor.execute(
            "UPDATE contacts c SET created_at = (SELECT min(created_at) FROM messages m WHERE m.contact_id = c.id) "
            "WHERE id = ANY(%s)",
            [[contact.pk for contact in contacts]],
        )
        cursor.execute(
            "UPDATE contact_activities a SET created_at = c.created_at FROM contacts c "
            "WHERE c.id = a.contact_id AND c.id = ANY(%s)",
            [[contact.pk for contact in contacts]],
        )


def note_waiting_times(messages: Iterable[Message]) -> None:
    """Write on each answer since when the customer had waited. Takes a conversation's messages in their order."""
    waiting_since: dict[UUID, datetime] = {}
    for message in messages:
        if message.direction == "inbound":
            waiting_since.setdefault(message.conversation_id, message.occurred_at)
        else:
            message.waited_since = waiting_since.pop(message.conversation_id, None)
