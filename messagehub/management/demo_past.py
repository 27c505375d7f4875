"""What the demo's past has in common, whoever carried it."""

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
