"""A sender number becomes a channel, and a Twilio account an account at any provider.

Renames and new columns with defaults: no row is rewritten. The release before can't run on it, so `web` and `worker` are
stopped meanwhile.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import messagehub.encryption
from messagehub.tenancy import rename_constraints

PLATFORMS = [("SMS", "SMS"), ("MESSENGER", "Messenger"), ("INSTAGRAM", "Instagram")]


def proxy(name: str, verbose_name: str) -> migrations.CreateModel:
    options = {"verbose_name": verbose_name, "proxy": True, "indexes": [], "constraints": []}
    return migrations.CreateModel(name, fields=[], options=options, bases=("integrations.provideraccount",))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_notifications"),
        ("chatrooms", "0002_names_for_people"),
        ("integrations", "0005_names_for_people"),
        ("messaging", "0005_names_for_people"),
    ]

    operations = [
        # ------------------------------------------------------------ accounts
        rename_constraints("twilio_accounts", twilio_accounts_organization_id="provider_accounts_organization_id"),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveConstraint("twilioaccount", "twilio_accounts_organization_id")]
        ),
        migrations.RenameModel("TwilioAccount", "ProviderAccount"),
        migrations.AlterModelTable("provideraccount", "provider_accounts"),
        migrations.AlterModelOptions("provideraccount", {}),
        migrations.RenameField("provideraccount", "account_sid", "external_id"),
        migrations.RenameField("provideraccount", "auth_token", "secret"),
        migrations.RenameField("provideraccount", "other_auth_token", "other_secret"),
        migrations.RenameField("provideraccount", "other_token_until", "other_secret_until"),
        migrations.AddField("provideraccount", "provider", models.CharField(db_default="twilio", max_length=16)),
        migrations.AddField("provideraccount", "name", models.CharField(blank=True, db_default="", max_length=120)),
        migrations.AddField(
            "provideraccount",
            "secret_expires_at",
            models.DateTimeField(blank=True, help_text="As the provider says; empty for never.", null=True),
        ),
        migrations.AddField(
            "provideraccount",
            "checked_at",
            models.DateTimeField(blank=True, help_text="When its health was last read.", null=True),
        ),
        migrations.AddField(
            "provideraccount",
            "has_human_agent",
            models.BooleanField(db_default=False, default=False, help_text="Meta lets a person answer for seven days."),
        ),
        migrations.AlterField(
            "provideraccount",
            "external_id",
            models.CharField(help_text="What the provider calls it: account SID or page id.", max_length=64),
        ),
        migrations.AlterField(
            "provideraccount",
            "held_until",
            models.DateTimeField(blank=True, help_text="The provider asked the account to wait.", null=True),
        ),
        migrations.AlterField(
            "provideraccount",
            "organization",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="provider_accounts",
                to="accounts.organization",
            ),
        ),
        migrations.AlterField(
            "provideraccount",
            "secret",
            messagehub.encryption.EncryptedTextField(help_text="Authenticates our calls. Twilio's signs webhooks too."),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddConstraint(
                    "provideraccount",
                    models.UniqueConstraint(fields=("organization", "id"), name="provider_accounts_organization_id"),
                )
            ]
        ),
        migrations.AddConstraint(
            "provideraccount",
            models.UniqueConstraint(fields=("provider", "external_id"), name="provider_accounts_external_id"),
        ),
        proxy("TwilioAccount", "Twilio account"),
        proxy("FacebookPage", "Facebook page"),
        # ------------------------------------------------------------ channels
        rename_constraints(
            "sender_numbers",
            sender_numbers_organization_id="channels_organization_id",
            sender_numbers_segments_per_second="channels_segments_per_second",
            sender_numbers_chatroom_id_same_organization="channels_chatroom_id_same_organization",
            sender_numbers_twilio_account_id_same_organization="channels_account_id_same_organization",
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("sendernumber", "sender_numbers_organization_id"),
                migrations.RemoveConstraint("sendernumber", "sender_numbers_segments_per_second"),
            ]
        ),
        migrations.RemoveConstraint("sendernumber", "sender_numbers_phone"),
        migrations.RemoveConstraint("sendernumber", "sender_numbers_of_organization"),
        migrations.RenameModel("SenderNumber", "Channel"),
        migrations.AlterModelTable("channel", "channels"),
        migrations.RenameField("channel", "twilio_account", "account"),
        migrations.RenameField("channel", "phone", "address"),
        migrations.AddField(
            "channel",
            "platform",
            models.CharField(choices=PLATFORMS, db_default="SMS", default="SMS", max_length=9),
        ),
        migrations.AlterField(
            "channel",
            "account",
            models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="channels",
                to="integrations.provideraccount",
            ),
        ),
        migrations.AlterField(
            "channel",
            "address",
            models.CharField(help_text="E.164, page id or Instagram account id", max_length=64),
        ),
        migrations.AlterField(
            "channel",
            "chatroom",
            models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="channels",
                to="chatrooms.chatroom",
            ),
        ),
        migrations.AlterField(
            "channel",
            "held_until",
            models.DateTimeField(blank=True, help_text="Its backlog at the provider is full until then.", null=True),
        ),
        migrations.AlterField(
            "channel",
            "messaging_service_sid",
            models.CharField(blank=True, db_default="", max_length=34),
        ),
        migrations.AlterField(
            "channel",
            "segments_per_second",
            models.PositiveSmallIntegerField(
                blank=True,
                help_text="What the channel may send; empty leaves the queueing to the provider.",
                null=True,
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddConstraint(
                    "channel",
                    models.UniqueConstraint(fields=("organization", "id"), name="channels_organization_id"),
                ),
                migrations.AddConstraint(
                    "channel",
                    models.CheckConstraint(
                        condition=Q(("segments_per_second", None)) | Q(("segments_per_second__range", (1, 1000))),
                        name="channels_segments_per_second",
                    ),
                ),
            ]
        ),
        migrations.AddConstraint(
            "channel",
            models.UniqueConstraint(
                condition=Q(("retired_at", None)), fields=("platform", "address"), name="channels_address"
            ),
        ),
        migrations.AddConstraint(
            "channel",
            models.UniqueConstraint(fields=("platform", "address", "organization"), name="channels_of_organization"),
        ),
        migrations.AlterField("channelalert", "subject_id", models.UUIDField(help_text="The account or channel.")),
        migrations.AlterField(
            "webhookevent",
            "source",
            models.CharField(
                choices=[
                    ("twilio.message", "Twilio Message"),
                    ("twilio.status", "Twilio Status"),
                    ("meta.batch", "Meta Batch"),
                    ("meta.event", "Meta Event"),
                ],
                max_length=24,
            ),
        ),
    ]
