"""Campaigns: one text to the contacts of some groups, and what became of it for each of them."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from chatrooms.models import Chatroom, Contact, Group, InChatroomQuerySet
from integrations.models import Channel
from messagehub import names
from messagehub.keys import Row
from messaging.models.messages import Message

ACTIVITY = [
    ("7_days", _("In the last 7 days")),
    ("30_days", _("In the last 30 days")),
    ("90_days", _("In the last 90 days")),
    ("older", _("Not in the last 90 days")),
]


class Campaign(Row):
    """A bulk message. The person who starts it pays, and its audience is frozen at the start."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("Scheduled")
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        DONE = "done", _("Done")
        CANCELED = "canceled", _("Canceled")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    chatroom = models.ForeignKey(
        Chatroom, models.CASCADE, related_name="campaigns", db_constraint=False, db_index=False
    )
    name = models.CharField(max_length=80, validators=[names.validate_name])
    content = models.TextField(help_text="With places to fill, as a template has them.")
    template_id = models.UUIDField(
        null=True, blank=True, help_text="The template whose text it has, which may be deleted since."
    )
    media_urls = models.JSONField(default=list, db_default=[], help_text="What its messages carry along, as they do.")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="campaigns", db_constraint=False)
    groups = models.ManyToManyField(Group, through="CampaignGroup", related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default="draft", db_default="draft")
    send_at = models.DateTimeField(null=True, blank=True, help_text="When it begins; at its start if empty.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    audience = models.PositiveIntegerField(null=True, help_text="How many recipients it has, from its start on.")
    reserved = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text="Tokens set aside for those who wait, out of whom started it."
    )
    writer_ids = ArrayField(
        models.UUIDField(), default=list, db_default=[], help_text="Who changed it, beside who created it."
    )
    approval_asked_at = models.DateTimeField(null=True, help_text="Since when it waits for a second person.")
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    approved_at = models.DateTimeField(null=True, help_text="A change of the draft empties it.")
    contacted_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Contacts who got a message of ours within so many days are skipped."
    )
    only_opted_in = models.BooleanField(
        default=False, db_default=False, help_text="Leaves out who has not opted in on its channel."
    )
    only_active = models.CharField(
        max_length=8,
        choices=ACTIVITY,
        blank=True,
        default="",
        db_default="",
        help_text="Leaves out who did not write in these days, or who did.",
    )
    per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Messages in a minute at most; as many as the number's rate allows if empty."
    )
    # The first messages go alone. If too many of them fail or opt out, it pauses; else it goes on after canary_minutes.
    canary_count = models.PositiveIntegerField(null=True, blank=True, help_text="How many messages go first.")
    canary_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How many messages go first, as a share of those who get one."
    )
    canary_minutes = models.PositiveSmallIntegerField(
        default=10, db_default=10, help_text="How long it waits after the first messages, for what becomes of them."
    )
    most_failures = models.PositiveSmallIntegerField(
        default=10, db_default=10, help_text="Percent of the first messages that may fail."
    )
    most_opt_outs = models.PositiveSmallIntegerField(
        default=2, db_default=2, help_text="Percent of the first recipients that may opt out."
    )
    canary_size = models.PositiveIntegerField(null=True, help_text="How many messages go first, from the start on.")
    canary_until = models.DateTimeField(null=True, help_text="When it goes on, once the first messages are made.")
    canary_ended_at = models.DateTimeField(null=True, help_text="When it went on to everybody.")
    next_message_at = models.DateTimeField(null=True, help_text="When its own speed allows the next message.")
    paused_code = models.CharField(max_length=24, blank=True, db_default="")
    paused_message = models.CharField(max_length=300, blank=True, db_default="")

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "campaigns"
        constraints = [
            models.UniqueConstraint(fields=["organization", "id"], name="campaigns_organization_id"),
            models.CheckConstraint(
                condition=Q(state="draft", audience=None) | (~Q(state="draft") & Q(audience__isnull=False)),
                name="campaigns_audience",
            ),
            models.CheckConstraint(
                condition=Q(canary_count=None) | Q(canary_percent=None), name="campaigns_one_canary"
            ),
            models.CheckConstraint(condition=Q(per_minute=None) | Q(per_minute__gt=0), name="campaigns_per_minute"),
        ]
        indexes = [
            models.Index(fields=["chatroom", "-created_at", "-id"], name="campaigns_newest"),
            models.Index(fields=["id"], name="campaigns_going", condition=Q(state__in=["scheduled", "running"])),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignGroup(Row):
    """A group whose contacts a campaign is for, or is not for."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="audience_groups", db_constraint=False, db_index=False
    )
    group = models.ForeignKey(Group, models.CASCADE, related_name="+", db_constraint=False)
    is_excluded = models.BooleanField(
        default=False, db_default=False, help_text="Its contacts get nothing, whichever other group they are in."
    )

    class Meta:
        db_table = "campaign_groups"
        constraints = [models.UniqueConstraint(fields=["campaign", "group"], name="campaign_groups_once")]


class CampaignRecipient(Row):
    """A recipient in a campaign's audience, and their outcome."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        MESSAGED = "messaged", _("Messaged")
        SKIPPED = "skipped", _("Skipped")
        CANCELED = "canceled", _("Canceled")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="recipients", db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="+", db_constraint=False)
    address = models.CharField(
        max_length=64, null=True, help_text="The number that it goes to, as it was at the start."
    )
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default="waiting", db_default="waiting")
    reason_code = models.CharField(max_length=24, blank=True, db_default="")
    reason = models.CharField(max_length=300, blank=True, db_default="")
    not_before = models.DateTimeField(null=True, blank=True, help_text="The end of their quiet hours.")
    message = models.OneToOneField(Message, models.SET_NULL, null=True, related_name="+", db_constraint=False)
    failed_message = models.ForeignKey(
        Message,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The failed one that the next message is another attempt of.",
    )

    class Meta:
        db_table = "campaign_recipients"
        constraints = [
            # Two contacts with one number, or one contact in two groups, must not get the message twice.
            models.UniqueConstraint(fields=["campaign", "contact"], name="campaign_recipients_contact"),
            models.UniqueConstraint(fields=["campaign", "address"], name="campaign_recipients_address"),
            models.CheckConstraint(
                condition=Q(outcome="messaged", message__isnull=False) | (~Q(outcome="messaged") & Q(message=None)),
                name="campaign_recipients_message",
            ),
        ]
        indexes = [
            # The first is for the API's pages, the second for the feed, which would otherwise skip all that are done.
            models.Index(fields=["campaign", "id"], name="campaign_recipients_all"),
            models.Index(fields=["campaign", "id"], name="campaign_recipients_waiting", condition=Q(outcome="waiting")),
        ]
