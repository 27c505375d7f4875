"""Chatrooms, who works in them, contacts and groups, behind the second wall; and the search for contacts."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import messagehub.keys
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from messagehub.tenancy import row_security, same_organization

# ILIKE is not leakproof, so under a policy PostgreSQL would judge every row before it may use the trigram index. The
# function is run as the system role, which no policy binds, and repeats the organization's condition itself.
INDEX = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE INDEX contacts_search ON contacts USING gin (
    organization_id,
    (first_name || ' ' || last_name || ' ' || coalesce(phone, '') || ' ' || email) gin_trgm_ops
);
"""
# EXECUTE plans with the values at hand: a word that is everywhere is found by walking the newest, a rare one by index.
FUNCTION = """
CREATE FUNCTION contacts_matching(pattern text, rooms uuid[], most int, at timestamptz, key uuid, older boolean)
RETURNS TABLE (id uuid) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $function$
BEGIN
    RETURN QUERY EXECUTE format($query$
        SELECT c.id FROM public.contacts c
        WHERE c.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
          AND c.first_name || ' ' || c.last_name || ' ' || coalesce(c.phone, '') || ' ' || c.email ILIKE $1
          AND c.chatroom_id = ANY($2) %s
        ORDER BY c.created_at %s, c.id %s LIMIT $3
        $query$,
        CASE WHEN at IS NULL THEN ''
             WHEN older THEN 'AND (c.created_at, c.id) < ($4, $5)'
             ELSE 'AND (c.created_at, c.id) > ($4, $5)' END,
        CASE WHEN older THEN 'DESC' ELSE 'ASC' END,
        CASE WHEN older THEN 'DESC' ELSE 'ASC' END)
    USING pattern, rooms, most, at, key;
END $function$;
GRANT CREATE ON SCHEMA public TO mh_system;
ALTER FUNCTION contacts_matching(text, uuid[], int, timestamptz, uuid, boolean) OWNER TO mh_system;
REVOKE CREATE ON SCHEMA public FROM mh_system;
REVOKE ALL ON FUNCTION contacts_matching(text, uuid[], int, timestamptz, uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION contacts_matching(text, uuid[], int, timestamptz, uuid, boolean) TO mh_app;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Chatroom",
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
                ("name", models.CharField(max_length=80)),
                ("color", models.CharField(default="petrol", max_length=12)),
                (
                    "last_seq",
                    models.BigIntegerField(db_default=0, default=0, help_text="Number of the newest event in the log."),
                ),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chatrooms",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "db_table": "chatrooms",
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("archived_at", None)),
                        name="chatrooms_name",
                        violation_error_message="There is a chatroom with this name already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Contact",
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
                ("first_name", models.CharField(blank=True, db_default="", max_length=80)),
                ("last_name", models.CharField(blank=True, db_default="", max_length=80)),
                (
                    "name_source",
                    models.CharField(
                        choices=[("none", "None"), ("provider", "Provider"), ("staff", "Staff")],
                        db_default="none",
                        default="none",
                        max_length=8,
                    ),
                ),
                ("email", models.EmailField(blank=True, db_default="", max_length=254)),
                ("phone", models.CharField(blank=True, max_length=32, null=True)),
                ("profile_picture_url", models.URLField(blank=True, db_default="", max_length=1000)),
                ("last_activity_at", models.DateTimeField(blank=True, null=True)),
                ("blocked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "phone_refused",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="The provider's code for: no SMS can reach this number.",
                        max_length=16,
                    ),
                ),
                (
                    "chatroom",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contacts",
                        to="chatrooms.chatroom",
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
                "db_table": "contacts",
                "indexes": [models.Index(fields=["chatroom", "-created_at", "-id"], name="contacts_newest")],
                "constraints": [models.UniqueConstraint(fields=("chatroom", "phone"), name="contacts_phone")],
            },
        ),
        migrations.CreateModel(
            name="ContactActivity",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("conversation_opened", "Conversation Opened"),
                            ("changed", "Changed"),
                            ("blocked", "Blocked"),
                            ("unblocked", "Unblocked"),
                            ("merged", "Merged"),
                        ],
                        max_length=24,
                    ),
                ),
                ("reference", models.UUIDField(help_text="What the line is about, or an id of its own.")),
                (
                    "about",
                    models.CharField(
                        blank=True, db_default="", help_text="What was there before, in words.", max_length=200
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="activities",
                        to="chatrooms.contact",
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
                "db_table": "contact_activities",
                "indexes": [models.Index(fields=["contact", "-created_at", "-id"], name="contact_activities_newest")],
                "constraints": [
                    models.UniqueConstraint(fields=("contact", "kind", "reference"), name="contact_activities_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactNumber",
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
                ("phone", models.CharField(max_length=32)),
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
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="further_numbers",
                        to="chatrooms.contact",
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
                "db_table": "contact_numbers",
                "constraints": [models.UniqueConstraint(fields=("chatroom", "phone"), name="contact_numbers_phone")],
            },
        ),
        migrations.CreateModel(
            name="Group",
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
                ("name", models.CharField(max_length=80)),
                (
                    "chatroom",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="groups",
                        to="chatrooms.chatroom",
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
                "db_table": "groups",
                "constraints": [
                    models.UniqueConstraint(
                        models.F("chatroom"), django.db.models.functions.text.Lower("name"), name="groups_name"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GroupMember",
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
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="chatrooms.contact",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
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
                "db_table": "group_members",
                "indexes": [models.Index(fields=["group", "-created_at", "-id"], name="group_members_newest")],
                "constraints": [models.UniqueConstraint(fields=("group", "contact"), name="group_members_once")],
            },
        ),
        migrations.AddField(
            model_name="group",
            name="contacts",
            field=models.ManyToManyField(
                related_name="groups", through="chatrooms.GroupMember", to="chatrooms.contact"
            ),
        ),
        migrations.CreateModel(
            name="UserChatroom",
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
                    "assigned_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "chatroom",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="user_chatrooms",
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
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="user_chatrooms",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "user_chatrooms",
                "constraints": [models.UniqueConstraint(fields=("user", "chatroom"), name="user_chatrooms_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="chatroom",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="chatrooms_organization_id"),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="contacts_organization_id"),
        ),
        migrations.AddConstraint(
            model_name="group",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="groups_organization_id"),
        ),
        row_security("chatrooms"),
        row_security("user_chatrooms"),
        same_organization("user_chatrooms", "user_id", "users"),
        same_organization("user_chatrooms", "chatroom_id", "chatrooms"),
        row_security("contacts"),
        same_organization("contacts", "chatroom_id", "chatrooms"),
        row_security("contact_activities"),
        same_organization("contact_activities", "contact_id", "contacts"),
        row_security("contact_numbers"),
        same_organization("contact_numbers", "chatroom_id", "chatrooms"),
        same_organization("contact_numbers", "contact_id", "contacts"),
        row_security("groups"),
        same_organization("groups", "chatroom_id", "chatrooms"),
        row_security("group_members"),
        same_organization("group_members", "group_id", "groups"),
        same_organization("group_members", "contact_id", "contacts"),
        migrations.RunSQL(INDEX, "DROP INDEX contacts_search"),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION contacts_matching(text, uuid[], int, timestamptz, uuid, boolean)"),
    ]
