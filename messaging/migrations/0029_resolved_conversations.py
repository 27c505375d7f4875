"""When conversations were resolved, counted by day."""

from django.db import migrations, models
from django.db.models import Q

# For each row, and only where the moment or the place changes: a conversation is updated with each of its messages.
TRIGGERS = """
CREATE FUNCTION conversations_are_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.resolved_at IS NOT NULL THEN
        INSERT INTO count_changes (organization_id, chatroom_id, platform, quarter,
                                   inbound, outbound, delivered, failed, tokens_spent, resolved)
        VALUES (OLD.organization_id, OLD.chatroom_id, OLD.platform,
                date_bin('15 min', OLD.resolved_at, '2000-01-01+00'), 0, 0, 0, 0, 0, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.resolved_at IS NOT NULL THEN
        INSERT INTO count_changes (organization_id, chatroom_id, platform, quarter,
                                   inbound, outbound, delivered, failed, tokens_spent, resolved)
        VALUES (NEW.organization_id, NEW.chatroom_id, NEW.platform,
                date_bin('15 min', NEW.resolved_at, '2000-01-01+00'), 0, 0, 0, 0, 0, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER resolved_when_made AFTER INSERT ON conversations FOR EACH ROW
WHEN (NEW.resolved_at IS NOT NULL) EXECUTE FUNCTION conversations_are_counted();
CREATE TRIGGER resolved_when_changed AFTER UPDATE ON conversations FOR EACH ROW
WHEN (OLD.resolved_at IS DISTINCT FROM NEW.resolved_at
      OR NEW.resolved_at IS NOT NULL AND (OLD.chatroom_id, OLD.platform) <> (NEW.chatroom_id, NEW.platform))
EXECUTE FUNCTION conversations_are_counted();
CREATE TRIGGER resolved_when_deleted AFTER DELETE ON conversations FOR EACH ROW
WHEN (OLD.resolved_at IS NOT NULL) EXECUTE FUNCTION conversations_are_counted();
"""
NO_TRIGGERS = """
DROP TRIGGER resolved_when_made ON conversations;
DROP TRIGGER resolved_when_changed ON conversations;
DROP TRIGGER resolved_when_deleted ON conversations;
DROP FUNCTION conversations_are_counted();
"""


class Migration(migrations.Migration):
    dependencies = [("messaging", "0028_import_country")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="resolved_at",
            field=models.DateTimeField(
                help_text="When a person closed it; empty where it was reopened, or closed by what it was merged with.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="countchange",
            name="resolved",
            field=models.IntegerField(
                db_default=0,
                default=0,
                help_text="Conversations that were resolved then, and were not reopened since.",
            ),
        ),
        migrations.AddField(
            model_name="dailycount",
            name="resolved",
            field=models.IntegerField(
                db_default=0,
                default=0,
                help_text="Conversations that were resolved then, and were not reopened since.",
            ),
        ),
        migrations.AddConstraint(
            model_name="conversation",
            constraint=models.CheckConstraint(
                condition=Q(resolved_at=None) | Q(status="CLOSED"), name="conversations_resolved_at"
            ),
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
