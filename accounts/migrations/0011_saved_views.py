"""Filters of lists that people keep under a name."""

import django.db.models.deletion
import django.db.models.functions.datetime
import messagehub.keys
import messagehub.names
from messagehub.tenancy import row_security, same_organization
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_first_message_footer"),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
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
                ("page", models.CharField(help_text="The name of its address.", max_length=40)),
                ("name", models.CharField(max_length=40, validators=[messagehub.names.validate_name])),
                ("query", models.CharField(max_length=1000)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "saved_views",
                "constraints": [models.UniqueConstraint(fields=("user", "page", "name"), name="saved_views_name")],
            },
        ),
        row_security("saved_views"),
        same_organization("saved_views", "user_id", "users"),
    ]
