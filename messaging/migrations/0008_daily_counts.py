"""Counts of messages by day, kept by triggers, and since when a customer had waited for an answer."""

import django.db.models.deletion
import django.db.models.functions.datetime
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

import messagehub.keys
from messagehub.tenancy import row_security

# One statement's changes are one row for each chatroom, platform and quarter of an hour; what cancels out leaves none.
TRIGGERS = """
CREATE FUNCTION messages_are_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO count_changes (organization_id, chatroom_id, platform, quarter,
                                   inbound, outbound, delivered, failed, tokens_spent)
        SELECT organization_id, chatroom_id, platform, date_bin('15 min', occurred_at, '2000-01-01+00'),
               count(*) FILTER (WHERE direction = 'inbound'), count(*) FILTER (WHERE direction = 'outbound'),
               count(*) FILTER (WHERE direction = 'outbound' AND status IN ('delivered', 'read')),
               count(*) FILTER (WHERE status IN ('failed', 'undelivered', 'not_sent')), sum(tokens)
        FROM now_there WHERE status NOT IN ('scheduled', 'canceled') GROUP BY 1, 2, 3, 4;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO count_changes (organization_id, chatroom_id, platform, quarter,
                                   inbound, outbound, delivered, failed, tokens_spent)
        SELECT organization_id, chatroom_id, platform, date_bin('15 min', occurred_at, '2000-01-01+00'),
               -count(*) FILTER (WHERE direction = 'inbound'), -count(*) FILTER (WHERE direction = 'outbound'),
               -count(*) FILTER (WHERE direction = 'outbound' AND status IN ('delivered', 'read')),
               -count(*) FILTER (WHERE status IN ('failed', 'undelivered', 'not_sent')), -sum(tokens)
        FROM was_there WHERE status NOT IN ('scheduled', 'canceled') GROUP BY 1, 2, 3, 4;
    ELSE
        INSERT INTO count_changes (organization_id, chatroom_id, platform, quarter,
                                   inbound, outbound, delivered, failed, tokens_spent)
        SELECT * FROM (
            SELECT organization_id, chatroom_id, platform, date_bin('15 min', occurred_at, '2000-01-01+00'),
                   coalesce(sum(sign) FILTER (WHERE direction = 'inbound'), 0) AS inbound,
                   coalesce(sum(sign) FILTER (WHERE direction = 'outbound'), 0) AS outbound,
                   coalesce(sum(sign) FILTER (WHERE direction = 'outbound' AND status IN ('delivered', 'read')), 0)
                       AS delivered,
                   coalesce(sum(sign) FILTER (WHERE status IN ('failed', 'undelivered', 'not_sent')), 0) AS failed,
                   sum(sign * tokens) AS tokens_spent
            FROM (
                SELECT organization_id, chatroom_id, platform, occurred_at, direction, status, tokens, 1 AS sign
                FROM now_there
                UNION ALL
                SELECT organization_id, chatroom_id, platform, occurred_at, direction, status, tokens, -1
                FROM was_there
            ) both_times WHERE status NOT IN ('scheduled', 'canceled') GROUP BY 1, 2, 3, 4
        ) changed WHERE (inbound, outbound, delivered, failed, tokens_spent) <> (0, 0, 0, 0, 0);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER counted_when_made AFTER INSERT ON messages REFERENCING NEW TABLE AS now_there
FOR EACH STATEMENT EXECUTE FUNCTION messages_are_counted();
CREATE TRIGGER counted_when_changed AFTER UPDATE ON messages
REFERENCING OLD TABLE AS was_there NEW TABLE AS now_there
FOR EACH STATEMENT EXECUTE FUNCTION messages_are_counted();
CREATE TRIGGER counted_when_deleted AFTER DELETE ON messages REFERENCING OLD TABLE AS was_there
FOR EACH STATEMENT EXECUTE FUNCTION messages_are_counted();
"""
NO_TRIGGERS = """
DROP TRIGGER counted_when_made ON messages;
DROP TRIGGER counted_when_changed ON messages;
DROP TRIGGER counted_when_deleted ON messages;
DROP FUNCTION messages_are_counted();
"""
# An answer is what a person wrote; what a campaign sends answers nobody.
FILL = """
UPDATE messages m SET waited_since = answers.began FROM (
    SELECT id, is_answer, occurred_at,
           min(occurred_at) FILTER (WHERE direction = 'inbound') OVER (PARTITION BY conversation_id, turn) AS began
    FROM (
        SELECT id, conversation_id, direction, occurred_at, is_answer,
               count(*) FILTER (WHERE is_answer) OVER (
                   PARTITION BY conversation_id ORDER BY occurred_at, id
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS turn
        FROM (
            SELECT id, conversation_id, direction, occurred_at,
                   direction = 'outbound' AND campaign_id IS NULL AND status NOT IN ('scheduled', 'canceled')
                       AS is_answer
            FROM messages WHERE chatroom_id = %s
        ) told
    ) turns
) answers
WHERE answers.is_answer AND answers.began < answers.occurred_at AND m.id = answers.id AND m.waited_since IS NULL
"""


def fill_waiting_times(apps, schema_editor) -> None:
    """Chatroom by chatroom, each in a transaction of its own; begun again, it goes on."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT id FROM chatrooms ORDER BY id")
        for (chatroom_id,) in cursor.fetchall():
            cursor.execute(FILL, [chatroom_id])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0005_notifications"),
        ("chatrooms", "0004_referred_contacts"),
        ("integrations", "0007_deletions"),
        ("messaging", "0007_edits_and_kinds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CountChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=messagehub.keys.UUIDv7(),
                        default=uuid_utils.compat.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "platform",
                    models.CharField(
                        choices=[("SMS", "SMS"), ("MESSENGER", "Messenger"), ("INSTAGRAM", "Instagram")], max_length=9
                    ),
                ),
                ("inbound", models.IntegerField(default=0)),
                ("outbound", models.IntegerField(default=0, help_text="All that was sent, whatever became of it.")),
                ("delivered", models.IntegerField(default=0)),
                ("failed", models.IntegerField(default=0)),
                ("tokens_spent", models.BigIntegerField(default=0, help_text="After refunds.")),
                ("quarter", models.DateTimeField(help_text="When the quarter of an hour begins.")),
            ],
            options={
                "db_table": "count_changes",
            },
        ),
        migrations.CreateModel(
            name="CountedZone",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.organization",
                    ),
                ),
                ("time_zone", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "counted_zones",
            },
        ),
        migrations.CreateModel(
            name="DailyCount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=messagehub.keys.UUIDv7(),
                        default=uuid_utils.compat.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "platform",
                    models.CharField(
                        choices=[("SMS", "SMS"), ("MESSENGER", "Messenger"), ("INSTAGRAM", "Instagram")], max_length=9
                    ),
                ),
                ("inbound", models.IntegerField(default=0)),
                ("outbound", models.IntegerField(default=0, help_text="All that was sent, whatever became of it.")),
                ("delivered", models.IntegerField(default=0)),
                ("failed", models.IntegerField(default=0)),
                ("tokens_spent", models.BigIntegerField(default=0, help_text="After refunds.")),
                ("day", models.DateField()),
            ],
            options={
                "db_table": "daily_counts",
            },
        ),
        migrations.AddField(
            model_name="message",
            name="waited_since",
            field=models.DateTimeField(
                blank=True, help_text="Since when the customer had waited, where this answers them.", null=True
            ),
        ),
        migrations.RunPython(fill_waiting_times, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("waited_since__isnull", False)),
                fields=["chatroom", "occurred_at"],
                include=("waited_since", "status", "organization"),
                name="messages_answers",
            ),
        ),
        migrations.AddField(
            model_name="countchange",
            name="chatroom",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="chatrooms.chatroom",
            ),
        ),
        migrations.AddField(
            model_name="countchange",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.organization",
            ),
        ),
        migrations.AddField(
            model_name="dailycount",
            name="chatroom",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="chatrooms.chatroom",
            ),
        ),
        migrations.AddField(
            model_name="dailycount",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.organization",
            ),
        ),
        migrations.AddIndex(
            model_name="countchange",
            index=models.Index(fields=["organization", "chatroom", "quarter"], name="count_changes_of_room"),
        ),
        migrations.AddConstraint(
            model_name="dailycount",
            constraint=models.UniqueConstraint(fields=("chatroom", "day", "platform"), name="daily_counts_of_a_day"),
        ),
        row_security("count_changes"),
        row_security("counted_zones"),
        row_security("daily_counts"),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
