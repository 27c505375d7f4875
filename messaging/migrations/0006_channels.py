"""Conversations, consent and campaigns refer to channels, and messages now too."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from messagehub.tenancy import rename_constraints

PLATFORMS = [("SMS", "SMS"), ("MESSENGER", "Messenger"), ("INSTAGRAM", "Instagram")]
BATCH = 20_000
NOWHERE = "00000000-0000-0000-0000-000000000000"
FILL = """
WITH batch AS (
    SELECT id, conversation_id FROM messages WHERE id > %s ORDER BY id LIMIT %s
), filled AS (
    UPDATE messages m SET channel_id = v.channel_id FROM batch JOIN conversations v ON v.id = batch.conversation_id
    WHERE m.id = batch.id AND m.channel_id IS NULL
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""
# NOT VALID and VALIDATE: the table is read once without a lock that keeps writers out.
REQUIRED = [
    "ALTER TABLE messages ADD CONSTRAINT messages_channel_id_not_null NOT NULL channel_id NOT VALID",
    "ALTER TABLE messages VALIDATE CONSTRAINT messages_channel_id_not_null",
    """
    ALTER TABLE messages ADD CONSTRAINT messages_channel_id_same_organization FOREIGN KEY (organization_id, channel_id)
    REFERENCES channels (organization_id, id) DEFERRABLE INITIALLY DEFERRED NOT VALID
    """,
    "ALTER TABLE messages VALIDATE CONSTRAINT messages_channel_id_same_organization",
]
OPTIONAL = [
    "ALTER TABLE messages DROP CONSTRAINT messages_channel_id_same_organization",
    "ALTER TABLE messages ALTER COLUMN channel_id DROP NOT NULL",
]


def fill_channels(apps, schema_editor) -> None:
    """In transactions of their own, so that no lock is held for long; begun again, it goes on."""
    last_id: object = NOWHERE
    with schema_editor.connection.cursor() as cursor:
        while last_id:
            cursor.execute(FILL, [last_id, BATCH])
            row = cursor.fetchone()
            last_id = row and row[0]


def message_channel(**options) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to="integrations.channel",
        **options,
    )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("messaging", "0005_names_for_people"),
        ("integrations", "0006_channels"),
        ("chatrooms", "0003_contact_addresses"),
    ]

    operations = [
        # An index follows the name of its column by itself.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("conversation", "conversations_one_open"),
                migrations.RemoveIndex("consententry", "consent_entries_newest"),
            ]
        ),
        migrations.RenameField("conversation", "sender_number", "channel"),
        migrations.RenameField("consententry", "sender_number", "channel"),
        migrations.RenameField("campaign", "sender_number", "channel"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddConstraint(
                    "conversation",
                    models.UniqueConstraint(
                        condition=Q(("status", "CLOSED"), _negated=True),
                        fields=("contact", "platform", "channel"),
                        name="conversations_one_open",
                        nulls_distinct=False,
                    ),
                ),
                migrations.AddIndex(
                    "consententry",
                    models.Index(fields=["channel", "address", "-created_at", "-id"], name="consent_entries_newest"),
                ),
            ]
        ),
        rename_constraints(
            "conversations",
            conversations_sender_number_id_same_organization="conversations_channel_id_same_organization",
        ),
        rename_constraints(
            "consent_entries",
            consent_entries_sender_number_id_same_organization="consent_entries_channel_id_same_organization",
        ),
        rename_constraints(
            "campaigns", campaigns_sender_number_id_same_organization="campaigns_channel_id_same_organization"
        ),
        migrations.AlterField("conversation", "platform", models.CharField(choices=PLATFORMS, max_length=9)),
        # ------------------------------------------------------------ messages
        migrations.AlterField("message", "platform", models.CharField(choices=PLATFORMS, max_length=9)),
        migrations.AddField("message", "channel", message_channel(null=True)),
        migrations.RunPython(fill_channels, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(REQUIRED, OPTIONAL)],
            state_operations=[migrations.AlterField("message", "channel", message_channel())],
        ),
        migrations.RemoveIndex("message", "messages_queued"),
        migrations.AddIndex(
            "message",
            models.Index(
                condition=Q(("status", "queued")), fields=["channel", "priority", "id"], name="messages_queued"
            ),
        ),
    ]
