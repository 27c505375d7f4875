"""Accounts and numbers at the providers, and what the providers sent to us."""

from django.db import models
from django.db.models import Q

from accounts.models import Organization
from chatrooms.models import Chatroom, InChatroomQuerySet
from messagehub import names
from messagehub.encryption import EncryptedTextField
from messagehub.keys import Row


class Provider(models.TextChoices):
    """The companies that carry messages."""

    TWILIO = "twilio", "Twilio"
    META = "meta", "Meta"


class Platform(models.TextChoices):
    """What a channel speaks."""

    SMS = "SMS", "SMS"
    MESSENGER = "MESSENGER", "Messenger"
    INSTAGRAM = "INSTAGRAM", "Instagram"


class ProviderAccount(Row):
    """An organization's account at a provider: its credentials, and the circuit breaker of its channels.

    Use TwilioAccount and FacebookPage where the provider is known.
    """

    PROVIDER = ""  # of a proxy's rows

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="provider_accounts")
    provider = models.CharField(max_length=16, db_default=Provider.TWILIO)
    external_id = models.CharField(max_length=64, help_text="What the provider calls it: account SID or page id.")
    name = models.CharField(max_length=120, blank=True, db_default="", validators=[names.validate_name])
    secret = EncryptedTextField(help_text="Authenticates our calls. Twilio's signs webhooks too.")
    # Twilio has a primary and a secondary token; while one replaces the other, both sign.
    other_secret = EncryptedTextField(blank=True, default="")
    other_secret_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then the previous token signs webhooks too."
    )
    secret_expires_at = models.DateTimeField(null=True, blank=True, help_text="As the provider says; empty for never.")
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When its health was last read.")
    has_human_agent = models.BooleanField(
        default=False, db_default=False, help_text="Meta lets a person answer for seven days."
    )
    # The circuit: open while the provider does not let the account in; queued messages wait meanwhile.
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_code = models.CharField(max_length=16, blank=True, db_default="")
    held_until = models.DateTimeField(null=True, blank=True, help_text="The provider asked the account to wait.")

    class Meta:
        db_table = "provider_accounts"
        constraints = [
            models.UniqueConstraint(fields=["organization", "id"], name="provider_accounts_organization_id"),
            models.UniqueConstraint(fields=["provider", "external_id"], name="provider_accounts_external_id"),
        ]

    def __str__(self) -> str:
        return self.external_id

    def save(self, **kwargs) -> None:
        self.provider = self.PROVIDER or self.provider
        super().save(**kwargs)


class TwilioAccountManager(models.Manager["TwilioAccount"]):
    def get_queryset(self) -> models.QuerySet["TwilioAccount"]:
        return super().get_queryset().filter(provider=Provider.TWILIO)


class TwilioAccount(ProviderAccount):
    """An account at Twilio. Its token signs webhooks and authenticates our calls."""

    PROVIDER = Provider.TWILIO

    objects = TwilioAccountManager()

    class Meta:
        proxy = True
        verbose_name = "Twilio account"


class FacebookPageManager(models.Manager["FacebookPage"]):
    def get_queryset(self) -> models.QuerySet["FacebookPage"]:
        return super().get_queryset().filter(provider=Provider.META)


class FacebookPage(ProviderAccount):
    """A Facebook page, or an Instagram account that is connected without one. Its token authenticates our calls.

    Webhooks are signed by our app for all pages.
    """

    PROVIDER = Provider.META

    objects = FacebookPageManager()

    class Meta:
        proxy = True
        verbose_name = "Facebook page"


class InServiceManager(models.Manager.from_queryset(InChatroomQuerySet)):  # type: ignore[misc]
    """Channels that are not retired."""

    def get_queryset(self) -> InChatroomQuerySet:
        return super().get_queryset().filter(retired_at=None)


class Channel(Row):
    """A line at a provider: a phone number, a page or an Instagram account.

    A chatroom sends from it and is reached at it.

    It is retired once its provider gave it to somebody else: its conversations can be read, and nothing goes out.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="channels", db_constraint=False)
    account = models.ForeignKey(ProviderAccount, models.CASCADE, related_name="channels", db_constraint=False)
    platform = models.CharField(max_length=9, choices=Platform.choices, default="SMS", db_default="SMS")
    address = models.CharField(max_length=64, help_text="E.164, page id or Instagram account id")
    name = models.CharField(max_length=80, blank=True, validators=[names.validate_name])
    messaging_service_sid = models.CharField(max_length=34, blank=True, db_default="")
    segments_per_second = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="What the channel may send; empty leaves the queueing to the provider."
    )
    next_segment_at = models.DateTimeField(null=True, blank=True, help_text="When its rate allows the next segment.")
    held_until = models.DateTimeField(
        null=True, blank=True, help_text="Its backlog at the provider is full until then."
    )
    retired_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is somebody else's.")

    objects = InServiceManager()
    every = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "channels"
        constraints = [
            models.UniqueConstraint(fields=["organization", "id"], name="channels_organization_id"),
            models.UniqueConstraint(
                fields=["platform", "address"], name="channels_address", condition=Q(retired_at=None)
            ),
            # A channel that comes back to the organization is the same row, with its conversations.
            models.UniqueConstraint(fields=["platform", "address", "organization"], name="channels_of_organization"),
            # A rate of 0 would keep the channel's messages queued forever.
            models.CheckConstraint(
                condition=Q(segments_per_second=None) | Q(segments_per_second__range=(1, 1000)),
                name="channels_segments_per_second",
            ),
        ]

    def __str__(self) -> str:
        return self.name if self.platform != Platform.SMS and self.name else self.address


class ChannelAlert(Row):
    """An alert for admins about an account or channel. At most one is open for each subject and code."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    subject_id = models.UUIDField(help_text="The account or channel.")
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
        META_BATCH = "meta.batch"
        META_EVENT = "meta.event"
        META_DELETION = "meta.deletion"

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
