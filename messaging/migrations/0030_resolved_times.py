"""When people resolved the conversations that are closed, from their threads."""

from django.db import migrations

# The last time that somebody closed it. A merge or a move closes what another conversation replaces, and keeps no state
# before (`previous`). What was closed before 0003 has none either; there it was replaced if another conversation with the
# contact and the channel was not closed at that moment, since there is only one. The triggers count what this fills in.
FILL = """
UPDATE conversations v SET resolved_at = closed.created_at FROM (
    SELECT DISTINCT ON (a.conversation_id) a.conversation_id, a.created_at, a.previous
    FROM conversation_activities a JOIN conversations c ON c.id = a.conversation_id
    WHERE c.chatroom_id = %s AND a.kind = 'closed'
    ORDER BY a.conversation_id, a.created_at DESC, a.id DESC
) closed
WHERE v.id = closed.conversation_id AND v.status = 'CLOSED' AND v.resolved_at IS NULL
  AND (closed.previous <> '' OR NOT EXISTS (
      SELECT FROM conversations d
      WHERE d.contact_id = v.contact_id AND d.platform = v.platform AND d.channel_id IS NOT DISTINCT FROM v.channel_id
        AND d.id <> v.id AND d.created_at < closed.created_at
        AND 'closed' IS DISTINCT FROM (
            SELECT x.kind FROM conversation_activities x
            WHERE x.conversation_id = d.id AND x.created_at <= closed.created_at
              AND x.kind IN ('closed', 'reopened', 'pending', 'snoozed')
            ORDER BY x.created_at DESC, x.id DESC LIMIT 1)))
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
