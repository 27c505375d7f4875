"""Conversations, what colleagues do with them, and how far each has read."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Organization
from chatrooms.models import Chatroom, Contact, InChatroomQuerySet
from integrations.models import Channel, Platform
from messagehub.keys import Row
from messaging.models.wording import Label


class Conversation(Row):
    """An exchange with one contact over one channel. At most one of them is not closed."""

    class Status(models.TextChoices):
        OPEN = "OPEN"
        PENDING = "PENDING"
        SNOOZED = "SNOOZED"
        CLOSED = "CLOSED"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    chatroom = models.ForeignKey(
        Chatroom, models.CASCADE, related_name="conversations", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="conversations", db_constraint=False)
    platform = models.CharField(max_length=9, choices=Platform.choices)
    channel = models.ForeignKey(
        Channel,
        models.CASCADE,
        null=True,
        related_name="conversations",
        db_constraint=False,
    )
    status = models.CharField(max_length=7, choices=Status.choices, default="OPEN", db_default="OPEN")
    snoozed_until = models.DateTimeField(null=True, blank=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="assigned_conversations",
    )
    last_message = models.ForeignKey(
        "Message", models.SET_NULL, null=True, related_name="+", db_constraint=False, db_index=False
    )
    last_message_at = models.DateTimeField(db_default=Now())
    last_inbound_at = models.DateTimeField(null=True)
    inbound_count = models.PositiveIntegerField(default=0, db_default=0)
    waiting_since = models.DateTimeField(null=True, help_text="The first inbound message that nobody has answered.")
    resolved_at = models.DateTimeField(
        null=True,
        help_text="When a person closed it; empty where it was reopened, or closed by what it was merged with.",
    )
    labels = models.ManyToManyField(Label, through="ConversationLabel", related_name="conversations")

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "conversations"
        constraints = [
            # One unclosed conversation for each contact and number. Concurrent inserts wait for each other here.
            models.UniqueConstraint(
                fields=["contact", "platform", "channel"],
                name="conversations_one_open",
                condition=~Q(status="CLOSED"),
                nulls_distinct=False,
            ),
            models.UniqueConstraint(fields=["organization", "id"], name="conversations_organization_id"),
            models.CheckConstraint(
                condition=Q(status="SNOOZED", snoozed_until__isnull=False)
                | (~Q(status="SNOOZED") & Q(snoozed_until=None)),
                name="conversations_snoozed_until",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at=None) | Q(status="CLOSED"), name="conversations_resolved_at"
            ),
        ]
        indexes = [
            models.Index(
                fields=["chatroom", "-last_message_at", "-id"],
                name="conversations_of_room",
            ),
            models.Index(
                fields=["organization", "-last_message_at", "-id"],
                name="conversations_of_organization",
            ),
            # With `include` the unread counts of the shell are read from the index alone.
            models.Index(
                fields=["chatroom"],
                include=["id", "inbound_count"],
                name="conversations_unread",
                condition=Q(status="OPEN", inbound_count__gt=0),
            ),
            models.Index(
                fields=["chatroom", "waiting_since"],
                name="conversations_waiting",
                condition=Q(status="OPEN", waiting_since__isnull=False),
            ),
            models.Index(fields=["snoozed_until"], name="conversations_snoozed", condition=Q(status="SNOOZED")),
            # A tab's page and its count walk one of these and stop at their limit, however many conversations there
            # are.
            models.Index(
                fields=["chatroom", "status", "-last_message_at", "-id"],
                name="conversations_by_status",
            ),
            models.Index(
                fields=["chatroom", "status", "assigned_to", "-last_message_at", "-id"],
                name="conversations_by_assignee",
            ),
        ]


class ConversationActivity(Row):
    """What somebody did with a conversation, as a line of its thread. Written once."""

    class Kind(models.TextChoices):
        ASSIGNED = "assigned"
        UNASSIGNED = "unassigned"
        CLOSED = "closed"
        REOPENED = "reopened"
        PENDING = "pending"
        SNOOZED = "snoozed"
        LABELED = "labeled"
        UNLABELED = "unlabeled"
        BLOCKED = "blocked"
        UNBLOCKED = "unblocked"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="activities", db_constraint=False)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", help_text="To whom it was assigned."
    )
    label_name = models.CharField(max_length=40, blank=True, db_default="")
    until = models.DateTimeField(null=True, help_text="How long it was snoozed.")
    previous = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        help_text="The assignee or state before; tells a change from its undo.",
    )
    line_id = models.UUIDField(null=True, help_text="The first of the person's changes that share one line.")

    class Meta:
        db_table = "conversation_activities"
        verbose_name_plural = "conversation activities"
        indexes = [models.Index(fields=["conversation", "-created_at", "-id"], name="activities_of_conversation")]


class ConversationLabel(Row):
    """A label on a conversation."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="labelings", db_constraint=False)
    label = models.ForeignKey(Label, models.CASCADE, related_name="labelings", db_constraint=False)

    class Meta:
        db_table = "conversation_labels"
        constraints = [models.UniqueConstraint(fields=["conversation", "label"], name="conversation_labels_once")]


class Note(Row):
    """What colleagues tell each other about a conversation. It never leaves the building."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="notes", db_constraint=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    content = models.TextField()
    mentions = ArrayField(models.UUIDField(), default=list, db_default=[], help_text="Colleagues whom it names.")
    client_id = models.UUIDField(null=True, help_text="The writer's own key: unique, so no retry doubles.")

    class Meta:
        db_table = "notes"
        constraints = [models.UniqueConstraint(fields=["organization", "client_id"], name="notes_client_id")]
        indexes = [models.Index(fields=["conversation", "-created_at", "-id"], name="notes_of_conversation")]


class ReadMarker(Row):
    """How far a person has read a conversation. Unread is `inbound_count` minus `seen_count`."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="read_markers", db_constraint=False)
    up_to = models.ForeignKey("Message", models.SET_NULL, null=True, related_name="+", db_constraint=False)
    seen_count = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "read_markers"
        constraints = [models.UniqueConstraint(fields=["user", "conversation"], name="read_markers_once")]
        indexes = [
            models.Index(
                fields=["conversation"],
                include=["user", "seen_count"],
                name="read_markers_seen",
            )
        ]
