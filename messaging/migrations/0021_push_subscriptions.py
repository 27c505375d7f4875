"""Browsers that are told what waits while no page is open."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import messagehub.keys
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from messagehub.tenancy import row_security


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_saved_views"),
        ("messaging", "0020_uploads"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PushSubscription",
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
                ("sign_in_id", models.UUIDField(help_text="The browser's.", unique=True)),
                (
                    "endpoint",
                    models.URLField(
                        help_text="Where the browser's push service takes messages for it.", max_length=2000
                    ),
                ),
                ("p256dh", models.CharField(help_text="The browser's public key, base64url.", max_length=100)),
                ("auth", models.CharField(help_text="Its secret for the encryption, base64url.", max_length=32)),
                (
                    "chatrooms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        db_default=[],
                        default=list,
                        help_text="Whose waiting customers ring.",
                        size=None,
                    ),
                ),
                (
                    "rung",
                    models.JSONField(
                        db_default={}, default=dict, help_text="What has rung lately: its key -> since when."
                    ),
                ),
                ("failing_since", models.DateTimeField(null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "push_subscriptions",
            },
        ),
        row_security("push_subscriptions"),
    ]
