"""Messages in and out, what came with them, and what the provider said about them."""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.db.models.fields.files import FieldFile
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, User
from chatrooms.models import Chatroom, Contact, InChatroomQuerySet
from integrations.models import Channel, Platform
from messagehub.keys import Row
from messaging.models.conversations import Conversation
from messaging.models.uploads import Upload

# The message never reached the customer and will not: it may be refunded, and tried again.
UNSUCCESSFUL = ["failed", "undelivered", "not_sent", "canceled"]


class Message(Row):
    """One message, in or out. A queued one is also the job of sending it."""

    class Direction(models.TextChoices):
        INBOUND = "inbound"
        OUTBOUND = "outbound"

    class Status(models.TextChoices):
        SCHEDULED = "scheduled", _("Scheduled")
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Sending")
        UNKNOWN = "unknown", _("Unknown")
        ACCEPTED = "accepted", _("Accepted")
        SENT = "sent", _("Sent")
        DELIVERED = "delivered", _("Delivered")
        READ = "read", _("Read")
        FAILED = "failed", _("Failed")
        UNDELIVERED = "undelivered", _("Undelivered")
        NOT_SENT = "not_sent", _("Not Sent")
        CANCELED = "canceled", _("Canceled")
        RECEIVED = "received", _("Received")

    class Priority(models.IntegerChoices):
        REPLY = 0
        BULK = 1

    class Automatic(models.TextChoices):
        HELP = "help", _("Answer to HELP")
        JOIN = "join", _("Question whether to join")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="messages", db_constraint=False, db_index=False)
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="messages", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="messages", db_constraint=False, db_index=False)
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    direction = models.CharField(max_length=8, choices=Direction.choices)
    platform = models.CharField(max_length=9, choices=Platform.choices)
    content = models.TextField(blank=True)
    media_urls = models.JSONField(default=list, db_default=[], help_text="What an outbound message carries along.")
    status = models.CharField(max_length=11, choices=Status.choices)
    provider_id = models.CharField(max_length=200, null=True, blank=True)
    from_address = models.CharField(max_length=64)
    to_address = models.CharField(max_length=64)
    segments = models.PositiveSmallIntegerField(default=1, db_default=1)
    tokens = models.PositiveIntegerField(default=0, db_default=0, help_text="Charged for it; 0 once refunded.")
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    campaign = models.ForeignKey(
        "Campaign", models.SET_NULL, null=True, related_name="messages", db_constraint=False, db_index=False
    )
    template_id = models.UUIDField(
        null=True, blank=True, help_text="The template that its text was made from, which may be deleted since."
    )
    retry_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="retries", db_constraint=False, db_index=False
    )
    automatic = models.CharField(
        max_length=8, choices=Automatic.choices, blank=True, db_default="",
        help_text="What it answers by itself: nobody wrote it, and nobody pays for it.",
    )  # fmt: skip
    client_id = models.UUIDField(
        null=True,
        blank=True,
        help_text="The sender's own key: unique, so no retry doubles.",
    )
    error_code = models.CharField(max_length=24, blank=True, db_default="")
    error_message = models.CharField(max_length=300, blank=True, db_default="")
    occurred_at = models.DateTimeField(db_default=Now(), help_text="Orders the thread.")
    waited_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when the customer had waited, where this answers them."
    )
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
    attempted_at = models.DateTimeField(null=True, blank=True, help_text="When it was last claimed for sending.")
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
    # Each with its time `at` in milliseconds, and without an emoji where it was taken back.
    reactions = models.JSONField(
        default=list, db_default=[], help_text='[{"emoji": "…", "by": "contact"}], the newest last.'
    )
    edited_at = models.DateTimeField(null=True, blank=True, help_text="When the writer last changed its text.")
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Since when the writer has it unsent.")

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "messages"
        constraints = [
            # By organization: one that knows a provider id of another must not be able to occupy it.
            models.UniqueConstraint(fields=["platform", "provider_id", "organization"], name="messages_provider_id"),
            models.UniqueConstraint(fields=["organization", "client_id"], name="messages_client_id"),
            # Rows of messages refer to (organization_id, id), so that no row can belong to another organization's
            # message.
            models.UniqueConstraint(fields=["organization", "id"], name="messages_organization_id"),
            models.CheckConstraint(
                condition=Q(refunded_as="") | Q(refunded_as__in=UNSUCCESSFUL, tokens=0), name="messages_refunded_as"
            ),
        ]
        # Partial indexes for queues: they hold what is waiting and stay small however many messages there are. There is
        # none on status or platform alone, whose few values select nothing.
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
            # By channel first: a claim takes each channel's share without reading the longer queues of others.
            models.Index(
                "channel",
                "priority",
                Coalesce("send_at", "created_at"),
                "id",
                name="messages_in_turn",
                condition=Q(status="queued"),
            ),
            models.Index(fields=["retry_of"], name="messages_retries", condition=Q(retry_of__isnull=False)),
            models.Index(
                fields=["campaign", "-occurred_at", "-id"],
                name="messages_of_campaign",
                condition=Q(campaign__isnull=False),
            ),
            models.Index(
                fields=["campaign"],
                name="messages_campaign_flying",
                condition=Q(campaign__isnull=False, status__in=["queued", "sending"]),
            ),
            # Uses of a template are counted in the index alone; row security asks for the organization.
            models.Index(
                fields=["template_id", "-occurred_at"],
                name="messages_of_template",
                include=["organization"],
                condition=Q(template_id__isnull=False),
            ),
            models.Index(fields=["id"], name="messages_unknown", condition=Q(status="unknown")),
            # Few beside those that went well, which would have to be leafed through to find them.
            models.Index(
                fields=["organization", "-occurred_at", "-id"],
                name="messages_unsuccessful",
                condition=Q(status__in=UNSUCCESSFUL),
            ),
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
            # Everything that the statistics of first responses read.
            models.Index(
                fields=["chatroom", "occurred_at"],
                name="messages_answers",
                include=["waited_since", "status", "organization"],
                condition=Q(waited_since__isnull=False),
            ),
        ]


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of messages that one sees."""
        return self.filter(message__in=Message.objects.visible_to(user).values("pk"))


class Attachment(Row):
    """Something that came with a message: our own copy once it is fetched, and where the provider keeps it.

    What we send along is an upload, which many messages may share.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        STORED = "stored"
        FAILED = "failed", _("Failed")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    message = models.ForeignKey(
        Message, models.CASCADE, related_name="attachments", db_constraint=False, db_index=False
    )
    position = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(
        max_length=16, blank=True, db_default="", help_text="What the provider calls it, such as a sticker or a story."
    )
    content_type = models.CharField(max_length=100, blank=True)
    source_url = models.URLField(max_length=2000, blank=True, help_text="Empty where only the provider shows it.")
    state = models.CharField(max_length=7, choices=State.choices, default="pending", db_default="pending")
    name = models.CharField(max_length=200, blank=True, db_default="", help_text="What the provider calls the file.")
    file = models.FileField(max_length=100, blank=True, db_default="")
    size = models.PositiveIntegerField(null=True, help_text="In bytes.")
    width = models.PositiveIntegerField(null=True, help_text="In pixels, of pictures that are shown.")
    height = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True, db_default="", help_text="Why there is no copy.")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    upload = models.ForeignKey(
        Upload, models.PROTECT, null=True, related_name="attachments", db_constraint=False, db_index=False
    )

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        db_table = "attachments"
        constraints = [models.UniqueConstraint(fields=["message", "position"], name="attachments_once")]
        indexes = [
            models.Index(fields=["id"], name="attachments_pending", condition=Q(state="pending")),
            models.Index(fields=["upload"], name="attachments_of_upload", condition=Q(upload__isnull=False)),
        ]

    @property
    def stored_file(self) -> FieldFile:
        return self.upload.file if self.upload else self.file


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
