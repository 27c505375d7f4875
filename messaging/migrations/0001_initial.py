"""Conversations, messages and everything about them, behind the second wall."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import messagehub.keys
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

from messagehub.tenancy import append_only, row_security, same_organization


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("chatrooms", "0001_initial"),
        ("integrations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Campaign",
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
                ("content", models.TextField(help_text="With places to fill, as a template has them.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("scheduled", "Scheduled"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("done", "Done"),
                            ("canceled", "Canceled"),
                        ],
                        db_default="draft",
                        default="draft",
                        max_length=9,
                    ),
                ),
                (
                    "send_at",
                    models.DateTimeField(blank=True, help_text="When it begins; at its start if empty.", null=True),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "audience",
                    models.PositiveIntegerField(help_text="How many recipients it has, from its start on.", null=True),
                ),
                (
                    "reserved",
                    models.PositiveBigIntegerField(
                        db_default=0,
                        default=0,
                        help_text="Tokens set aside for those who wait, out of whom started it.",
                    ),
                ),
                ("paused_code", models.CharField(blank=True, db_default="", max_length=24)),
                ("paused_message", models.CharField(blank=True, db_default="", max_length=300)),
                (
                    "chatroom",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="campaigns",
                        to="chatrooms.chatroom",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                (
                    "sender_number",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="campaigns",
                        to="integrations.sendernumber",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "campaigns",
                "indexes": [
                    models.Index(fields=["chatroom", "-created_at", "-id"], name="campaigns_newest"),
                    models.Index(
                        condition=models.Q(("state__in", ["scheduled", "running"])),
                        fields=["id"],
                        name="campaigns_going",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("audience", None), ("state", "draft")),
                            models.Q(models.Q(("state", "draft"), _negated=True), ("audience__isnull", False)),
                            _connector="OR",
                        ),
                        name="campaigns_audience",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CampaignGroup",
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
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="audience_groups",
                        to="messaging.campaign",
                    ),
                ),
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
            ],
            options={
                "db_table": "campaign_groups",
                "constraints": [models.UniqueConstraint(fields=("campaign", "group"), name="campaign_groups_once")],
            },
        ),
        migrations.AddField(
            model_name="campaign",
            name="groups",
            field=models.ManyToManyField(related_name="+", through="messaging.CampaignGroup", to="chatrooms.group"),
        ),
        migrations.CreateModel(
            name="Conversation",
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
                        choices=[("SMS", "Sms"), ("MESSENGER", "Messenger"), ("INSTAGRAM", "Instagram")], max_length=9
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("OPEN", "Open"),
                            ("PENDING", "Pending"),
                            ("SNOOZED", "Snoozed"),
                            ("CLOSED", "Closed"),
                        ],
                        db_default="OPEN",
                        default="OPEN",
                        max_length=7,
                    ),
                ),
                ("snoozed_until", models.DateTimeField(blank=True, null=True)),
                ("last_message_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("last_inbound_at", models.DateTimeField(null=True)),
                ("inbound_count", models.PositiveIntegerField(db_default=0, default=0)),
                (
                    "waiting_since",
                    models.DateTimeField(help_text="The first inbound message that nobody has answered.", null=True),
                ),
                (
                    "assigned_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="assigned_conversations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "chatroom",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conversations",
                        to="chatrooms.chatroom",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conversations",
                        to="chatrooms.contact",
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
                (
                    "sender_number",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conversations",
                        to="integrations.sendernumber",
                    ),
                ),
            ],
            options={
                "db_table": "conversations",
                "indexes": [
                    models.Index(fields=["chatroom", "-last_message_at", "-id"], name="conversations_of_room"),
                    models.Index(
                        fields=["organization", "-last_message_at", "-id"], name="conversations_of_organization"
                    ),
                    models.Index(
                        condition=models.Q(("inbound_count__gt", 0), ("status", "OPEN")),
                        fields=["chatroom"],
                        include=("id", "inbound_count"),
                        name="conversations_unread",
                    ),
                    models.Index(
                        condition=models.Q(("status", "SNOOZED")),
                        fields=["snoozed_until"],
                        name="conversations_snoozed",
                    ),
                    models.Index(
                        fields=["chatroom", "status", "-last_message_at", "-id"], name="conversations_by_status"
                    ),
                    models.Index(
                        fields=["chatroom", "status", "assigned_to", "-last_message_at", "-id"],
                        name="conversations_by_assignee",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "CLOSED"), _negated=True),
                        fields=("contact", "platform", "sender_number"),
                        name="conversations_one_open",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("snoozed_until__isnull", False), ("status", "SNOOZED")),
                            models.Q(models.Q(("status", "SNOOZED"), _negated=True), ("snoozed_until", None)),
                            _connector="OR",
                        ),
                        name="conversations_snoozed_until",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ConversationActivity",
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
                            ("assigned", "Assigned"),
                            ("unassigned", "Unassigned"),
                            ("closed", "Closed"),
                            ("reopened", "Reopened"),
                            ("pending", "Pending"),
                            ("snoozed", "Snoozed"),
                            ("labeled", "Labeled"),
                            ("unlabeled", "Unlabeled"),
                            ("blocked", "Blocked"),
                            ("unblocked", "Unblocked"),
                        ],
                        max_length=12,
                    ),
                ),
                ("label_name", models.CharField(blank=True, db_default="", max_length=40)),
                ("until", models.DateTimeField(help_text="How long it was snoozed.", null=True)),
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
                    "conversation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="activities",
                        to="messaging.conversation",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        help_text="To whom it was assigned.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "conversation_activities",
                "indexes": [
                    models.Index(fields=["conversation", "-created_at", "-id"], name="activities_of_conversation")
                ],
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "chatroom_id", "seq", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("seq", models.BigIntegerField()),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("message.created", "Message Created"),
                            ("message.updated", "Message Updated"),
                            ("conversation.updated", "Conversation Updated"),
                        ],
                        max_length=24,
                    ),
                ),
                ("conversation_id", models.UUIDField()),
                ("message_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "chatroom",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="chatrooms.chatroom",
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
                "db_table": "events",
                "indexes": [models.Index(fields=["created_at"], name="events_age")],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
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
                ("key", models.CharField(max_length=200)),
                ("request_hash", models.CharField(max_length=64)),
                ("status_code", models.PositiveSmallIntegerField(null=True)),
                ("response", models.JSONField(null=True)),
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
                "db_table": "idempotency_keys",
                "constraints": [models.UniqueConstraint(fields=("user", "key"), name="idempotency_keys_once")],
            },
        ),
        migrations.CreateModel(
            name="Label",
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
                ("name", models.CharField(max_length=40)),
                (
                    "color",
                    models.CharField(
                        choices=[
                            ("petrol", "Petrol"),
                            ("ochre", "Ochre"),
                            ("magenta", "Magenta"),
                            ("blue", "Blue"),
                            ("green", "Green"),
                        ],
                        db_default="petrol",
                        default="petrol",
                        max_length=12,
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
                "db_table": "labels",
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"), django.db.models.functions.text.Lower("name"), name="labels_name"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConversationLabel",
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
                    "conversation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="labelings",
                        to="messaging.conversation",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
                (
                    "label",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="labelings",
                        to="messaging.label",
                    ),
                ),
            ],
            options={
                "db_table": "conversation_labels",
                "constraints": [
                    models.UniqueConstraint(fields=("conversation", "label"), name="conversation_labels_once")
                ],
            },
        ),
        migrations.AddField(
            model_name="conversation",
            name="labels",
            field=models.ManyToManyField(
                related_name="conversations", through="messaging.ConversationLabel", to="messaging.label"
            ),
        ),
        migrations.CreateModel(
            name="Message",
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
                    "direction",
                    models.CharField(choices=[("inbound", "Inbound"), ("outbound", "Outbound")], max_length=8),
                ),
                (
                    "platform",
                    models.CharField(
                        choices=[("SMS", "Sms"), ("MESSENGER", "Messenger"), ("INSTAGRAM", "Instagram")], max_length=9
                    ),
                ),
                ("content", models.TextField(blank=True)),
                (
                    "media_urls",
                    models.JSONField(db_default=[], default=list, help_text="What an outbound message carries along."),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("scheduled", "Scheduled"),
                            ("queued", "Queued"),
                            ("sending", "Sending"),
                            ("unknown", "Unknown"),
                            ("accepted", "Accepted"),
                            ("sent", "Sent"),
                            ("delivered", "Delivered"),
                            ("read", "Read"),
                            ("failed", "Failed"),
                            ("undelivered", "Undelivered"),
                            ("not_sent", "Not Sent"),
                            ("canceled", "Canceled"),
                            ("received", "Received"),
                        ],
                        max_length=11,
                    ),
                ),
                ("provider_id", models.CharField(blank=True, max_length=200, null=True)),
                ("from_address", models.CharField(max_length=64)),
                ("to_address", models.CharField(max_length=64)),
                ("segments", models.PositiveSmallIntegerField(db_default=1, default=1)),
                (
                    "tokens",
                    models.PositiveIntegerField(db_default=0, default=0, help_text="Charged for it; 0 once refunded."),
                ),
                (
                    "client_id",
                    models.UUIDField(
                        blank=True, help_text="The sender's own key: unique, so no retry doubles.", null=True
                    ),
                ),
                ("error_code", models.CharField(blank=True, db_default="", max_length=24)),
                ("error_message", models.CharField(blank=True, db_default="", max_length=300)),
                (
                    "occurred_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="Orders the thread."
                    ),
                ),
                ("send_at", models.DateTimeField(blank=True, null=True)),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "Reply"), (1, "Bulk")], db_default=0, default=0, help_text="Lower goes first."
                    ),
                ),
                (
                    "sendability",
                    models.JSONField(blank=True, help_text="What `may_send` answered when it was taken on.", null=True),
                ),
                (
                    "refunded_as",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="The state for which its tokens were given back.",
                        max_length=11,
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField(db_default=0, default=0)),
                (
                    "failures",
                    models.PositiveSmallIntegerField(
                        db_default=0, default=0, help_text="Times it could not be reached."
                    ),
                ),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("not_before", models.DateTimeField(blank=True, null=True)),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                ("missing_since", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                ("read_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reactions",
                    models.JSONField(
                        db_default=[], default=list, help_text='[{"emoji": "…", "by": "contact"}], the newest last.'
                    ),
                ),
                (
                    "deleted_at",
                    models.DateTimeField(blank=True, help_text="Since when the writer has it unsent.", null=True),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="messages",
                        to="messaging.campaign",
                    ),
                ),
                (
                    "chatroom",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="chatrooms.chatroom",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="chatrooms.contact",
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="messaging.conversation",
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
                (
                    "reply_to",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="messaging.message",
                    ),
                ),
                (
                    "retry_of",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="retries",
                        to="messaging.message",
                    ),
                ),
                (
                    "sent_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "messages",
                "indexes": [
                    models.Index(fields=["conversation", "-occurred_at", "-id"], name="messages_of_conversation"),
                    models.Index(fields=["contact", "-occurred_at", "-id"], name="messages_of_contact"),
                    models.Index(fields=["chatroom", "-occurred_at", "-id"], name="messages_of_room"),
                    models.Index(fields=["organization", "-occurred_at", "-id"], name="messages_of_organization"),
                    models.Index(
                        condition=models.Q(("status", "queued")),
                        fields=["from_address", "priority", "id"],
                        name="messages_queued",
                    ),
                    models.Index(
                        condition=models.Q(("retry_of__isnull", False)), fields=["retry_of"], name="messages_retries"
                    ),
                    models.Index(
                        condition=models.Q(("campaign__isnull", False)),
                        fields=["campaign", "-occurred_at", "-id"],
                        name="messages_of_campaign",
                    ),
                    models.Index(
                        condition=models.Q(("campaign__isnull", False), ("status__in", ["queued", "sending"])),
                        fields=["campaign"],
                        name="messages_campaign_flying",
                    ),
                    models.Index(condition=models.Q(("status", "unknown")), fields=["id"], name="messages_unknown"),
                    models.Index(
                        condition=models.Q(("status", "sending")), fields=["lease_until"], name="messages_sending"
                    ),
                    models.Index(
                        condition=models.Q(("status", "scheduled")), fields=["send_at"], name="messages_scheduled"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("platform", "provider_id", "organization"), name="messages_provider_id"
                    ),
                    models.UniqueConstraint(fields=("organization", "client_id"), name="messages_client_id"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("refunded_as", ""),
                            models.Q(
                                ("refunded_as__in", ["failed", "undelivered", "not_sent", "canceled"]), ("tokens", 0)
                            ),
                            _connector="OR",
                        ),
                        name="messages_refunded_as",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="conversation",
            name="last_message",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="messaging.message",
            ),
        ),
        migrations.CreateModel(
            name="ConsentEntry",
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
                ("address", models.CharField(help_text="The recipient's.", max_length=64)),
                ("kind", models.CharField(choices=[("opt_in", "Opt In"), ("opt_out", "Opt Out")], max_length=7)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("keyword", "The recipient wrote a keyword"),
                            ("provider", "The provider refused: the recipient has opted out"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "text",
                    models.CharField(
                        blank=True, db_default="", help_text="What was written or answered.", max_length=100
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
                (
                    "sender_number",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="integrations.sendernumber",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="messaging.message",
                    ),
                ),
            ],
            options={
                "db_table": "consent_entries",
                "indexes": [models.Index(fields=["sender_number", "address", "-id"], name="consent_entries_newest")],
            },
        ),
        migrations.CreateModel(
            name="CampaignRecipient",
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
                    "address",
                    models.CharField(
                        help_text="The number that it goes to, as it was at the start.", max_length=64, null=True
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("messaged", "Messaged"),
                            ("skipped", "Skipped"),
                            ("canceled", "Canceled"),
                        ],
                        db_default="waiting",
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("reason_code", models.CharField(blank=True, db_default="", max_length=24)),
                ("reason", models.CharField(blank=True, db_default="", max_length=300)),
                ("not_before", models.DateTimeField(blank=True, help_text="The end of their quiet hours.", null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recipients",
                        to="messaging.campaign",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="chatrooms.contact",
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
                (
                    "message",
                    models.OneToOneField(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="messaging.message",
                    ),
                ),
            ],
            options={
                "db_table": "campaign_recipients",
                "indexes": [
                    models.Index(fields=["campaign", "id"], name="campaign_recipients_all"),
                    models.Index(
                        condition=models.Q(("outcome", "waiting")),
                        fields=["campaign", "id"],
                        name="campaign_recipients_waiting",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "contact"), name="campaign_recipients_contact"),
                    models.UniqueConstraint(fields=("campaign", "address"), name="campaign_recipients_address"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("message__isnull", False), ("outcome", "messaged")),
                            models.Q(models.Q(("outcome", "messaged"), _negated=True), ("message", None)),
                            _connector="OR",
                        ),
                        name="campaign_recipients_message",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attachment",
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
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("content_type", models.CharField(blank=True, max_length=100)),
                ("source_url", models.URLField(max_length=2000)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("stored", "Stored"), ("failed", "Failed")],
                        db_default="pending",
                        default="pending",
                        max_length=7,
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        blank=True, db_default="", help_text="What the provider calls the file.", max_length=200
                    ),
                ),
                ("file", models.FileField(blank=True, db_default="", upload_to="")),
                ("size", models.PositiveIntegerField(help_text="In bytes.", null=True)),
                ("width", models.PositiveIntegerField(help_text="In pixels, of pictures that are shown.", null=True)),
                ("height", models.PositiveIntegerField(null=True)),
                (
                    "error",
                    models.CharField(blank=True, db_default="", help_text="Why there is no copy.", max_length=200),
                ),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, default=0)),
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
                    "message",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attachments",
                        to="messaging.message",
                    ),
                ),
            ],
            options={
                "db_table": "attachments",
                "indexes": [
                    models.Index(condition=models.Q(("state", "pending")), fields=["id"], name="attachments_pending")
                ],
                "constraints": [models.UniqueConstraint(fields=("message", "position"), name="attachments_once")],
            },
        ),
        migrations.CreateModel(
            name="MessageReceipt",
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
                ("status", models.CharField(max_length=24)),
                ("error_code", models.CharField(blank=True, db_default="", max_length=16)),
                ("webhook_event_id", models.UUIDField(null=True)),
                (
                    "message",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="receipts",
                        to="messaging.message",
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
                "db_table": "message_receipts",
                "constraints": [
                    models.UniqueConstraint(fields=("message", "status", "error_code"), name="message_receipts_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageTemplate",
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
                ("body", models.TextField()),
                (
                    "chatroom",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="templates",
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
                "db_table": "templates",
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        models.F("chatroom"),
                        django.db.models.functions.text.Lower("name"),
                        name="templates_name",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Note",
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
                ("content", models.TextField()),
                (
                    "mentions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        db_default=[],
                        default=list,
                        help_text="Colleagues whom it names.",
                        size=None,
                    ),
                ),
                (
                    "client_id",
                    models.UUIDField(help_text="The writer's own key: unique, so no retry doubles.", null=True),
                ),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notes",
                        to="messaging.conversation",
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
                "db_table": "notes",
                "indexes": [models.Index(fields=["conversation", "-created_at", "-id"], name="notes_of_conversation")],
                "constraints": [models.UniqueConstraint(fields=("organization", "client_id"), name="notes_client_id")],
            },
        ),
        migrations.CreateModel(
            name="ReadMarker",
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
                ("seen_count", models.PositiveIntegerField(default=0)),
                (
                    "conversation",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="read_markers",
                        to="messaging.conversation",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.organization"
                    ),
                ),
                (
                    "up_to",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="messaging.message",
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
                "db_table": "read_markers",
                "indexes": [
                    models.Index(fields=["conversation"], include=("user", "seen_count"), name="read_markers_seen")
                ],
                "constraints": [models.UniqueConstraint(fields=("user", "conversation"), name="read_markers_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="campaigns_organization_id"),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="labels_organization_id"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="messages_organization_id"),
        ),
        migrations.AddConstraint(
            model_name="conversation",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="conversations_organization_id"),
        ),
        row_security("conversations"),
        same_organization("conversations", "chatroom_id", "chatrooms"),
        same_organization("conversations", "contact_id", "contacts"),
        same_organization("conversations", "sender_number_id", "sender_numbers"),
        row_security("conversation_activities"),
        same_organization("conversation_activities", "conversation_id", "conversations"),
        append_only("conversation_activities"),
        row_security("labels"),
        row_security("conversation_labels"),
        same_organization("conversation_labels", "conversation_id", "conversations"),
        same_organization("conversation_labels", "label_id", "labels"),
        row_security("notes"),
        same_organization("notes", "conversation_id", "conversations"),
        row_security("templates"),
        same_organization("templates", "chatroom_id", "chatrooms"),
        row_security("read_markers"),
        same_organization("read_markers", "user_id", "users"),
        same_organization("read_markers", "conversation_id", "conversations"),
        row_security("campaigns"),
        same_organization("campaigns", "chatroom_id", "chatrooms"),
        same_organization("campaigns", "sender_number_id", "sender_numbers"),
        row_security("campaign_groups"),
        same_organization("campaign_groups", "campaign_id", "campaigns"),
        same_organization("campaign_groups", "group_id", "groups"),
        row_security("messages"),
        same_organization("messages", "chatroom_id", "chatrooms"),
        same_organization("messages", "conversation_id", "conversations"),
        same_organization("messages", "contact_id", "contacts"),
        same_organization("messages", "reply_to_id", "messages"),
        same_organization("messages", "campaign_id", "campaigns"),
        row_security("campaign_recipients"),
        same_organization("campaign_recipients", "campaign_id", "campaigns"),
        same_organization("campaign_recipients", "contact_id", "contacts", on_delete="SET NULL (contact_id)"),
        same_organization("campaign_recipients", "message_id", "messages"),
        row_security("attachments"),
        same_organization("attachments", "message_id", "messages"),
        row_security("message_receipts"),
        same_organization("message_receipts", "message_id", "messages"),
        append_only("message_receipts"),
        row_security("consent_entries"),
        same_organization("consent_entries", "sender_number_id", "sender_numbers"),
        same_organization("consent_entries", "message_id", "messages"),
        append_only("consent_entries"),
        row_security("events"),
        same_organization("events", "chatroom_id", "chatrooms"),
        row_security("idempotency_keys"),
        same_organization("idempotency_keys", "user_id", "users"),
    ]
