"""Changes of groups that can be undone, imports of contacts, and what became of their rows."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import messagehub.keys
from messagehub.tenancy import row_security, same_organization
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_keyword_languages"),
        ("chatrooms", "0007_read_versions"),
        ("messaging", "0014_audiences_and_retries"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ContactImport",
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
                ("file_name", models.CharField(max_length=200)),
                ("content", models.TextField(help_text="The file, until it is imported.")),
                (
                    "columns",
                    models.JSONField(
                        default=list, help_text="What each column becomes; empty for one that is left out."
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("uploaded", "Uploaded"),
                            ("queued", "Queued"),
                            ("done", "Done"),
                            ("undoing", "Undoing"),
                            ("undone", "Undone"),
                        ],
                        default="uploaded",
                        max_length=8,
                    ),
                ),
                ("total", models.PositiveIntegerField(help_text="Rows of the file, without the line of names.")),
                ("handled", models.PositiveIntegerField(default=0)),
                ("created_count", models.PositiveIntegerField(default=0)),
                ("existing_count", models.PositiveIntegerField(default=0)),
                ("skipped_count", models.PositiveIntegerField(default=0)),
                (
                    "kept_count",
                    models.PositiveIntegerField(
                        default=0, help_text="Contacts that undoing left, as they were in use."
                    ),
                ),
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
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chatrooms.group",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
            ],
            options={
                "db_table": "contact_imports",
            },
        ),
        migrations.CreateModel(
            name="GroupChange",
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
                ("kind", models.CharField(choices=[("added", "Added"), ("removed", "Removed")], max_length=7)),
                ("contact_ids", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "group",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="chatrooms.group",
                    ),
                ),
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
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "group_changes",
            },
        ),
        migrations.CreateModel(
            name="ImportRow",
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
                ("number", models.PositiveIntegerField(help_text="Its line in the file; the first has the names.")),
                (
                    "outcome",
                    models.CharField(
                        choices=[("created", "Created"), ("existing", "Existing"), ("skipped", "Skipped")], max_length=8
                    ),
                ),
                ("contact_id", models.UUIDField(help_text="Merged or deleted since, where there is none.", null=True)),
                ("joined", models.BooleanField(default=False, help_text="The import added the contact to its group.")),
                ("reason", models.CharField(blank=True, max_length=300)),
                (
                    "contact_import",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rows",
                        to="messaging.contactimport",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "db_table": "import_rows",
            },
        ),
        migrations.AddIndex(
            model_name="contactimport",
            index=models.Index(fields=["chatroom", "-created_at", "-id"], name="contact_imports_newest"),
        ),
        migrations.AddConstraint(
            model_name="contactimport",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="contact_imports_organization_id"),
        ),
        migrations.AddIndex(
            model_name="groupchange",
            index=models.Index(fields=["created_at"], name="group_changes_oldest"),
        ),
        migrations.AddIndex(
            model_name="importrow",
            index=models.Index(
                condition=models.Q(("outcome", "skipped")),
                fields=["contact_import", "number"],
                name="import_rows_skipped",
            ),
        ),
        migrations.AddConstraint(
            model_name="importrow",
            constraint=models.UniqueConstraint(fields=("contact_import", "number"), name="import_rows_once"),
        ),
        *(row_security(table) for table in ("contact_imports", "group_changes", "import_rows")),
        same_organization("contact_imports", "chatroom_id", "chatrooms"),
        same_organization("contact_imports", "group_id", "groups", "SET NULL (group_id)"),
        same_organization("group_changes", "user_id", "users"),
        same_organization("group_changes", "group_id", "groups", "CASCADE"),
        same_organization("import_rows", "contact_import_id", "contact_imports"),
    ]
