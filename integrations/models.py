"""Accounts and numbers at the providers, and what the providers sent to us."""

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from chatrooms.models import Chatroom, InChatroomQuerySet
from messagehub.encryption import EncryptedTextField
from messagehub.keys import Row


class TwilioAccount(Row):
    """An organization's account at Twilio. Its token signs webhooks and authenticates our calls."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="twilio_accounts")
    account_sid = models.CharField(max_length=34, unique=True)
    auth_token = EncryptedTextField()
    # Twilio has a primary and a secondary token; while one replaces the other, both sign.
    other_auth_token = EncryptedTextField(blank=True, default="")
    other_token_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then the previous token signs webhooks too."
    )
    # The circuit: open while Twilio does not let the account in; queued messages wait meanwhile.
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_code = models.CharField(max_length=16, blank=True, db_default="")
    held_until = models.DateTimeField(null=True, blank=True, help_text="Twilio asked the account to wait.")

    class Meta:
        db_table = "twilio_accounts"
        verbose_name = "Twilio account"
        constraints = [models.UniqueConstraint(fields=["organization", "id"], name="twilio_accounts_organization_id")]

    def __str__(self) -> str:
        return self.account_sid


class InServiceManager(models.Manager.from_queryset(InChatroomQuerySet)):  # type: ignore[misc]
    """Numbers that are not retired."""

    def get_queryset(self) -> InChatroomQuerySet:
        return super().get_queryset().filter(retired_at=None)


class SenderNumber(Row):
    """A phone number that a chatroom sends from and is reached at.

    It is retired once its provider gave it to somebody else: its conversations can be read, and nothing goes out.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="sender_numbers", db_constraint=False)
    twilio_account = models.ForeignKey(
        TwilioAccount,
        models.CASCADE,
        related_name="sender_numbers",
        db_constraint=False,
    )
    phone = models.CharField(max_length=16, help_text="E.164")
    name = models.CharField(max_length=80, blank=True)
    messaging_service_sid = models.CharField(max_length=34, blank=True)
    segments_per_second = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="What the number may send; empty leaves the queueing to Twilio."
    )
    next_segment_at = models.DateTimeField(null=True, blank=True, help_text="When its rate allows the next segment.")
    held_until = models.DateTimeField(null=True, blank=True, help_text="Its backlog at Twilio is full until then.")
    retired_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is somebody else's.")

    objects = InServiceManager()
    every = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "sender_numbers"
        constraints = [
            models.UniqueConstraint(fields=["organization", "id"], name="sender_numbers_organization_id"),
            models.UniqueConstraint(fields=["phone"], name="sender_numbers_phone", condition=Q(retired_at=None)),
            # A number that comes back to the organization is the same row, with its conversations.
            models.UniqueConstraint(fields=["phone", "organization"], name="sender_numbers_of_organization"),
            # A rate of 0 would keep the number's messages queued forever.
            models.CheckConstraint(
                condition=Q(segments_per_second=None) | Q(segments_per_second__range=(1, 1000)),
                name="sender_numbers_segments_per_second",
            ),
        ]

    def __str__(self) -> str:
        return self.phone


class ChannelAlert(Row):
    """An alert for admins about an account or number. At most one is open for each subject and code."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    subject_id = models.UUIDField(help_text="The account or number.")
    code = models.CharField(max_length=24)
    message = models.CharField(max_length=500)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "channel_alerts"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "subject_id", "code"],
                name="channel_alerts_open_once",
                condition=Q(closed_at=None),
            )
        ]


class WebhookEvent(Row):
    """A webhook as it came: stored before it is answered, processed by the worker afterwards."""

    # It belongs to no organization until it is routed, and one body may concern several. So in place of a policy, the
    # application role may only add rows; the worker and operators read them.

    class Source(models.TextChoices):
        TWILIO_MESSAGE = "twilio.message"
        TWILIO_STATUS = "twilio.status"

    source = models.CharField(max_length=24, choices=Source.choices)
    account = models.CharField(
        max_length=64,
        help_text="Whose signature was verified, as the provider calls them. The body is not asked again.",
    )
    dedupe_key = models.CharField(max_length=200)
    query = models.CharField(
        max_length=2000,
        blank=True,
        db_default="",
        help_text="The raw query string of its URL.",
    )
    body = models.BinaryField()
    headers = models.JSONField(default=dict, db_default={})
    quarantined = models.CharField(max_length=200, blank=True, db_default="", help_text="Why it is not processed.")
    processed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    try_again_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, db_default="")

    MOST_ATTEMPTS = 8  # with doubling pauses from a second on: about four minutes, then a person looks

    class Meta:
        db_table = "webhook_events"
        constraints = [models.UniqueConstraint(fields=["source", "dedupe_key"], name="webhook_events_once")]
        indexes = [
            models.Index(
                fields=["id"],
                name="webhook_events_waiting",
                condition=Q(processed_at=None, quarantined="", attempts__lt=8),
            ),
        ]

    @property
    def state(self) -> str:
        if self.quarantined:
            return "quarantined"
        if self.processed_at:
            return "processed"
        return "failed" if self.attempts >= self.MOST_ATTEMPTS else "waiting"
