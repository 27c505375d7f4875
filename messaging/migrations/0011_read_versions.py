"""Whoever changes read markers, the person's version in the chatroom grows with them."""

from django.db import migrations

# In order, so that two statements never wait for each other.
TRIGGERS = """
CREATE FUNCTION read_markers_are_versioned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO read_versions (organization_id, user_id, chatroom_id)
    SELECT DISTINCT m.organization_id, m.user_id, v.chatroom_id
    FROM changed m JOIN conversations v ON v.id = m.conversation_id ORDER BY m.user_id, v.chatroom_id
    ON CONFLICT (user_id, chatroom_id) DO UPDATE SET number = read_versions.number + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER versioned_when_made AFTER INSERT ON read_markers REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION read_markers_are_versioned();
CREATE TRIGGER versioned_when_changed AFTER UPDATE ON read_markers REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION read_markers_are_versioned();
CREATE TRIGGER versioned_when_deleted AFTER DELETE ON read_markers REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION read_markers_are_versioned();
"""
NO_TRIGGERS = """
DROP TRIGGER versioned_when_made ON read_markers;
DROP TRIGGER versioned_when_changed ON read_markers;
DROP TRIGGER versioned_when_deleted ON read_markers;
DROP FUNCTION read_markers_are_versioned();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("chatrooms", "0007_read_versions"),
        ("messaging", "0010_attempt_times"),
    ]

    operations = [migrations.RunSQL(TRIGGERS, NO_TRIGGERS)]
