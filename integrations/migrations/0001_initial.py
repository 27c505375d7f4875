"""Provider accounts and numbers behind the second wall; webhooks, which all may add and only the system role reads."""

import django.db.models.deletion
import django.db.models.functions.datetime
import messagehub.encryption
import messagehub.keys
import uuid_utils.compat
from django.db import migrations, models

from messagehub.tenancy import APPLICATION_ROLE, row_security, same_organization


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("chatrooms", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="TwilioAccount",
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
                ("account_sid", models.CharField(max_length=34, unique=True)),
                ("auth_token", messagehub.encryption.EncryptedTextField()),
                ("other_auth_token", messagehub.encryption.EncryptedTextField(blank=True, default="")),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                ("paused_code", models.CharField(blank=True, db_default="", max_length=16)),
                (
                    "held_until",
                    models.DateTimeField(blank=True, help_text="Twilio asked the account to wait.", null=True),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="twilio_accounts",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "db_table": "twilio_accounts",
            },
        ),
        migrations.CreateModel(
            name="SenderNumber",
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
                ("phone", models.CharField(help_text="E.164", max_length=16, unique=True)),
                ("name", models.CharField(blank=True, max_length=80)),
                ("messaging_service_sid", models.CharField(blank=True, max_length=34)),
                (
                    "segments_per_second",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="What the number may send; empty leaves the queueing to Twilio.",
                        null=True,
                    ),
                ),
                (
                    "next_segment_at",
                    models.DateTimeField(blank=True, help_text="When its rate allows the next segment.", null=True),
                ),
                (
                    "held_until",
                    models.DateTimeField(blank=True, help_text="Its backlog at Twilio is full until then.", null=True),
                ),
                (
                    "chatroom",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sender_numbers",
                        to="chatrooms.chatroom",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
                (
                    "twilio_account",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sender_numbers",
                        to="integrations.twilioaccount",
                    ),
                ),
            ],
            options={
                "db_table": "sender_numbers",
            },
        ),
        migrations.CreateModel(
            name="WebhookEvent",
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
                    "source",
                    models.CharField(
                        choices=[("twilio.message", "Twilio Message"), ("twilio.status", "Twilio Status")],
                        max_length=24,
                    ),
                ),
                (
                    "account",
                    models.CharField(
                        help_text="Whose signature was verified, as the provider calls them. The body is not asked again.",
                        max_length=64,
                    ),
                ),
                ("dedupe_key", models.CharField(max_length=200)),
                (
                    "query",
                    models.CharField(
                        blank=True, db_default="", help_text="The raw query string of its URL.", max_length=2000
                    ),
                ),
                ("body", models.BinaryField()),
                ("headers", models.JSONField(db_default={}, default=dict)),
                (
                    "quarantined",
                    models.CharField(blank=True, db_default="", help_text="Why it is not processed.", max_length=200),
                ),
                ("processed_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, default=0)),
                ("try_again_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True, db_default="")),
            ],
            options={
                "db_table": "webhook_events",
                "indexes": [
                    models.Index(
                        condition=models.Q(("attempts__lt", 8), ("processed_at", None), ("quarantined", "")),
                        fields=["id"],
                        name="webhook_events_waiting",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("source", "dedupe_key"), name="webhook_events_once")],
            },
        ),
        migrations.CreateModel(
            name="ChannelAlert",
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
                ("subject_id", models.UUIDField(help_text="The account or number.")),
                ("code", models.CharField(max_length=24)),
                ("message", models.CharField(max_length=500)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "db_table": "channel_alerts",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at", None)),
                        fields=("organization", "subject_id", "code"),
                        name="channel_alerts_open_once",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="twilioaccount",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="twilio_accounts_organization_id"),
        ),
        migrations.AddConstraint(
            model_name="sendernumber",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="sender_numbers_organization_id"),
        ),
        row_security("twilio_accounts"),
        row_security("sender_numbers"),
        same_organization("sender_numbers", "chatroom_id", "chatrooms"),
        same_organization("sender_numbers", "twilio_account_id", "twilio_accounts"),
        row_security("channel_alerts"),
        migrations.RunSQL(
            f"REVOKE SELECT, UPDATE, DELETE ON webhook_events FROM {APPLICATION_ROLE}",
            f"GRANT SELECT, UPDATE, DELETE ON webhook_events TO {APPLICATION_ROLE}",
        ),
    ]
