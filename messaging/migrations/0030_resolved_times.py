"""When people resolved the conversations that are closed, from their threads."""

from django.db import migrations

# The last time that somebody closed it. A merge or a move closes what another conversation replaces, and keeps no state
# before. The triggers count what this fills in.
FILL = """
UPDATE conversations v SET resolved_at = closed.created_at FROM (
    SELECT DISTINCT ON (a.conversation_id) a.conversation_id, a.created_at, a.previous
    FROM conversation_activities a JOIN conversations c ON c.id = a.conversation_id
    WHERE c.chatroom_id = %s AND a.kind = 'closed'
    ORDER BY a.conversation_id, a.created_at DESC, a.id DESC
) closed
WHERE v.id = closed.conversation_id AND closed.previous <> '' AND v.status = 'CLOSED' AND v.resolved_at IS NULL
"""


def fill_resolved_times(apps, schema_editor) -> None:
    """Chatroom by chatroom, each in a transaction of its own; begun again, it goes on."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT id FROM chatrooms ORDER BY id")
        for (chatroom_id,) in cursor.fetchall():
            cursor.execute(FILL, [chatroom_id])


class Migration(migrations.Migration):
    atomic = False  # so that a large table is not locked from its beginning to its end

    dependencies = [("messaging", "0029_resolved_conversations")]

    operations = [migrations.RunPython(fill_resolved_times, migrations.RunPython.noop)]
