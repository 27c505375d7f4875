"""How often a person's read markers in a chatroom have changed, counted by a trigger of the markers (messaging 0011)."""

import django.db.models.deletion
import django.db.models.functions.datetime
import messagehub.keys
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from messagehub.tenancy import row_security, same_organization


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_notifications"),
        ("chatrooms", "0006_visible_names"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReadVersion",
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
                ("number", models.BigIntegerField(db_default=1, default=1)),
                (
                    "chatroom",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="chatrooms.chatroom",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
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
                "db_table": "read_versions",
                "constraints": [models.UniqueConstraint(fields=("user", "chatroom"), name="read_versions_once")],
            },
        ),
        row_security("read_versions"),
        # The trigger makes rows while a person or chatroom is being deleted, so these go with them.
        same_organization("read_versions", "user_id", "users", "CASCADE"),
        same_organization("read_versions", "chatroom_id", "chatrooms", "CASCADE"),
    ]
