"""Conversations, their messages, and the log of everything a screen can show."""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from accounts.models import Organization, User
from chatrooms.models import Chatroom, Contact, InChatroomQuerySet
from integrations.models import SenderNumber
from messagehub.keys import Row


class Platform(models.TextChoices):
    SMS = "SMS"
    MESSENGER = "MESSENGER"
    INSTAGRAM = "INSTAGRAM"


class Color(models.TextChoices):
    """What the interface has a tone for."""

    PETROL = "petrol"
    OCHRE = "ochre"
    MAGENTA = "magenta"
    BLUE = "blue"
    GREEN = "green"


class LabelQuerySet(models.QuerySet["Label"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Labels are the same in every chatroom of an organization."""
        return self.filter(organization_id=user.organization_id) if user.is_active else self.none()


class Label(Row):
    """A word that sorts conversations."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    color = models.CharField(max_length=12, choices=Color.choices, default="petrol", db_default="petrol")

    objects = LabelQuerySet.as_manager()

    class Meta:
        db_table = "labels"
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="labels_name"),
            models.UniqueConstraint(fields=["organization", "id"], name="labels_organization_id"),
        ]

    def __str__(self) -> str:
        return self.name


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
    sender_number = models.ForeignKey(
        SenderNumber,
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
    labels = models.ManyToManyField(Label, through="ConversationLabel", related_name="conversations")

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "conversations"
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "platform", "sender_number"],
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
            models.Index(
                fields=["chatroom"],
                include=["id", "inbound_count"],
                name="conversations_unread",
                condition=Q(status="OPEN", inbound_count__gt=0),
            ),
            models.Index(fields=["snoozed_until"], name="conversations_snoozed", condition=Q(status="SNOOZED")),
            # A tab's page and its count, however many conversations are in another state or somebody else's.
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

    class Meta:
        db_table = "conversation_activities"
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


class MessageTemplateQuerySet(models.QuerySet["MessageTemplate"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of the rooms that one sees, and those of the whole organization."""
        if not user.is_active or user.organization_id is None:
            return self.none()
        rooms = Chatroom.objects.visible_to(user).values("pk")
        return self.filter(Q(organization_id=user.organization_id, chatroom=None) | Q(chatroom__in=rooms))


class MessageTemplate(Row):
    """A text to write often, with places for what is known about a contact. Without chatroom: the organization's."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    chatroom = models.ForeignKey(
        Chatroom, models.CASCADE, null=True, blank=True, related_name="templates", db_constraint=False
    )
    name = models.CharField(max_length=80)
    body = models.TextField()

    objects = MessageTemplateQuerySet.as_manager()

    class Meta:
        db_table = "templates"
        constraints = [
            models.UniqueConstraint(
                "organization", "chatroom", Lower("name"), name="templates_name", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return self.name


REFUNDABLE = ["failed", "undelivered", "not_sent", "canceled"]


class Message(Row):
    """One message, in or out. A queued one is also the job of sending it."""

    class Direction(models.TextChoices):
        INBOUND = "inbound"
        OUTBOUND = "outbound"

    class Status(models.TextChoices):
        SCHEDULED = "scheduled"
        QUEUED = "queued"
        SENDING = "sending"
        UNKNOWN = "unknown"
        ACCEPTED = "accepted"
        SENT = "sent"
        DELIVERED = "delivered"
        READ = "read"
        FAILED = "failed"
        UNDELIVERED = "undelivered"
        NOT_SENT = "not_sent"
        CANCELED = "canceled"
        RECEIVED = "received"

    class Priority(models.IntegerChoices):
        REPLY = 0
        BULK = 1

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="messages", db_constraint=False, db_index=False)
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="messages", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="messages", db_constraint=False, db_index=False)
    direction = models.CharField(max_length=8, choices=Direction.choices)
    platform = models.CharField(max_length=9, choices=Platform.choices)
    content = models.TextField(blank=True)
    media_urls = models.JSONField(default=list, db_default=[], help_text="What an outbound message carries along.")
    status = models.CharField(max_length=11, choices=Status.choices)
    status_rank = models.PositiveSmallIntegerField(default=0, db_default=0)
    provider_id = models.CharField(max_length=200, null=True, blank=True)
    from_address = models.CharField(max_length=64)
    to_address = models.CharField(max_length=64)
    segments = models.PositiveSmallIntegerField(default=1, db_default=1)
    tokens = models.PositiveIntegerField(default=0, db_default=0, help_text="Charged for it; 0 once refunded.")
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    retry_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="retries", db_constraint=False, db_index=False
    )
    client_id = models.UUIDField(
        null=True,
        blank=True,
        help_text="The sender's own key: unique, so no retry doubles.",
    )
    error_code = models.CharField(max_length=24, blank=True, db_default="")
    error_message = models.CharField(max_length=300, blank=True, db_default="")
    occurred_at = models.DateTimeField(db_default=Now(), help_text="Orders the thread.")
    send_at = models.DateTimeField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, default=0, db_default=0, help_text="Lower goes first."
    )
    sendability = models.JSONField(null=True, blank=True, help_text="What `may_send` answered when it was taken on.")
    refunded_as = models.CharField(
        max_length=11, blank=True, db_default="", help_text="The state for which its tokens were given back."
    )
    # The queue: how often the provider was asked, until when this asking is ours, when to ask again.
    attempt = models.PositiveSmallIntegerField(default=0, db_default=0)
    failures = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="Times it could not be reached.")
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    # Of an unknown one: when the provider's list was last read, and since when it has been missing there.
    looked_at = models.DateTimeField(null=True, blank=True)
    missing_since = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    # What Meta's channels tell about a message later; its receiver writes them.
    reply_to = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="+", db_constraint=False, db_index=False
    )
    reactions = models.JSONField(
        default=list, db_default=[], help_text='[{"emoji": "…", "by": "contact"}], the newest last.'
    )
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Since when the writer has it unsent.")

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "messages"
        constraints = [
            # Per organization: whoever learns another's id must not be able to take its place.
            models.UniqueConstraint(fields=["platform", "provider_id", "organization"], name="messages_provider_id"),
            models.UniqueConstraint(fields=["organization", "client_id"], name="messages_client_id"),
            models.UniqueConstraint(fields=["organization", "id"], name="messages_organization_id"),
            models.CheckConstraint(
                condition=Q(refunded_as="") | Q(refunded_as__in=REFUNDABLE, tokens=0), name="messages_refunded_as"
            ),
        ]
        indexes = [
            models.Index(
                fields=["conversation", "-occurred_at", "-id"],
                name="messages_of_conversation",
            ),
            models.Index(fields=["contact", "-occurred_at", "-id"], name="messages_of_contact"),
            models.Index(fields=["chatroom", "-occurred_at", "-id"], name="messages_of_room"),
            models.Index(
                fields=["organization", "-occurred_at", "-id"],
                name="messages_of_organization",
            ),
            # By number, so that each gets its share of a claim however much another has waiting.
            models.Index(
                fields=["from_address", "priority", "id"], name="messages_queued", condition=Q(status="queued")
            ),
            models.Index(fields=["retry_of"], name="messages_retries", condition=Q(retry_of__isnull=False)),
            models.Index(fields=["id"], name="messages_unknown", condition=Q(status="unknown")),
            models.Index(
                fields=["lease_until"],
                name="messages_sending",
                condition=Q(status="sending"),
            ),
            models.Index(
                fields=["send_at"],
                name="messages_scheduled",
                condition=Q(status="scheduled"),
            ),
        ]


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of messages that one sees."""
        return self.filter(message__in=Message.objects.visible_to(user).values("pk"))


class Attachment(Row):
    """Something that came with a message: our own copy once it is fetched, and where the provider keeps it."""

    class State(models.TextChoices):
        PENDING = "pending"
        STORED = "stored"
        FAILED = "failed"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    message = models.ForeignKey(
        Message, models.CASCADE, related_name="attachments", db_constraint=False, db_index=False
    )
    position = models.PositiveSmallIntegerField(default=0)
    content_type = models.CharField(max_length=100, blank=True)
    source_url = models.URLField(max_length=2000)
    state = models.CharField(max_length=7, choices=State.choices, default="pending", db_default="pending")
    name = models.CharField(max_length=200, blank=True, db_default="", help_text="What the provider calls the file.")
    file = models.FileField(max_length=100, blank=True, db_default="")
    size = models.PositiveIntegerField(null=True, help_text="In bytes.")
    width = models.PositiveIntegerField(null=True, help_text="In pixels, of pictures that are shown.")
    height = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True, db_default="", help_text="Why there is no copy.")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        db_table = "attachments"
        constraints = [models.UniqueConstraint(fields=["message", "position"], name="attachments_once")]
        indexes = [models.Index(fields=["id"], name="attachments_pending", condition=Q(state="pending"))]


class ConsentEntry(Row):
    """Somebody wants no more messages from a number, or wants them again. The newest entry of both holds."""

    class Kind(models.TextChoices):
        OPT_IN = "opt_in"
        OPT_OUT = "opt_out"

    class Source(models.TextChoices):
        KEYWORD = "keyword", "The recipient wrote a keyword"
        PROVIDER = "provider", "The provider refused: the recipient has opted out"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    sender_number = models.ForeignKey(SenderNumber, models.CASCADE, related_name="+", db_constraint=False)
    address = models.CharField(max_length=64, help_text="The recipient's.")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    source = models.CharField(max_length=8, choices=Source.choices)
    text = models.CharField(max_length=100, blank=True, db_default="", help_text="What was written or answered.")
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+", db_constraint=False)

    class Meta:
        db_table = "consent_entries"
        indexes = [models.Index(fields=["sender_number", "address", "-id"], name="consent_entries_newest")]


class MessageReceipt(Row):
    """What the provider said about an outbound message, every time it said something new. Written once."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    message = models.ForeignKey(Message, models.CASCADE, related_name="receipts", db_constraint=False, db_index=False)
    status = models.CharField(max_length=24)
    error_code = models.CharField(max_length=16, blank=True, db_default="")
    webhook_event_id = models.UUIDField(null=True)

    class Meta:
        db_table = "message_receipts"
        constraints = [
            models.UniqueConstraint(fields=["message", "status", "error_code"], name="message_receipts_once")
        ]


class Event(models.Model):
    """A change that a screen can show, numbered per chatroom in the order of commits. Kept for 48 hours."""

    class Type(models.TextChoices):
        MESSAGE_CREATED = "message.created"
        MESSAGE_UPDATED = "message.updated"
        CONVERSATION_UPDATED = "conversation.updated"

    pk = models.CompositePrimaryKey("chatroom_id", "seq")
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="events", db_constraint=False, db_index=False)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=24, choices=Type.choices)
    conversation_id = models.UUIDField()
    message_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "events"
        indexes = [models.Index(fields=["created_at"], name="events_age")]


class ReadMarker(Row):
    """How far a person has read a conversation. Unread is `inbound_count` minus `seen_count`."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="read_markers", db_constraint=False)
    up_to = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+", db_constraint=False)
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


class IdempotencyKey(Row):
    """The first answer to a request that a client may repeat. Kept for 24 hours at least."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False)
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status_code = models.PositiveSmallIntegerField(null=True)
    response = models.JSONField(null=True)

    class Meta:
        db_table = "idempotency_keys"
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_keys_once")]
