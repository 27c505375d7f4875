"""Who wants no messages, by whose word, and who may have asked for none."""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from accounts.models import Organization, User
from chatrooms.models import Chatroom
from integrations.models import Channel
from messagehub.keys import Row
from messaging.models.messages import Message


class ConsentEntry(Row):
    """Somebody wants no more messages from a channel, or wants them again. The newest entry of both holds.

    `created_at` of a keyword is when it was written, so a message that is fetched late takes its place in time.
    """

    class Kind(models.TextChoices):
        OPT_IN = "opt_in"
        OPT_OUT = "opt_out"

    class Source(models.TextChoices):
        KEYWORD = "keyword", "The recipient wrote a keyword"
        PROVIDER = "provider", "The provider refused: the recipient has opted out"
        STAFF = "staff", "A person of the organization recorded it"
        IMPORT = "import", "It came with imported contacts"
        FORM = "form", "The recipient filled in a form elsewhere"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+", db_constraint=False)
    address = models.CharField(max_length=64, help_text="The recipient's.")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    source = models.CharField(max_length=8, choices=Source.choices)
    text = models.TextField(blank=True, db_default="", help_text="The exact words that were written or answered.")
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+", db_constraint=False)
    # Rows are written once, so nothing may set it to null.
    actor = models.ForeignKey(User, models.DO_NOTHING, null=True, db_constraint=False, related_name="+", db_index=False)
    reason = models.CharField(max_length=300, blank=True, db_default="", help_text="Why a person recorded it.")
    asked_by = models.CharField(max_length=120, blank=True, db_default="", help_text="Who asked that person for it.")

    class Meta:
        db_table = "consent_entries"
        verbose_name_plural = "consent entries"
        indexes = [
            models.Index(fields=["channel", "address", "-created_at", "-id"], name="consent_entries_newest"),
            # For opt-outs that hold for more than their channel.
            models.Index(fields=["organization", "address", "-created_at", "-id"], name="consent_entries_of_address"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(source__in=["staff", "import", "form"]) | ~Q(reason=""), name="consent_entries_reason"
            )
        ]


class OptOutOfferQuerySet(models.QuerySet["OptOutOffer"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of messages that one sees."""
        return self.filter(message__chatroom__in=Chatroom.objects.visible_to(user).values("pk"))


class OptOutOffer(Row):
    """A customer's sentence that seems to ask for no more messages. Open until a person opts them out or dismisses it.

    At most one is open for each address and channel.
    """

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        DISMISSED = "dismissed"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    message = models.OneToOneField(Message, models.CASCADE, related_name="opt_out_offer", db_constraint=False)
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    address = models.CharField(max_length=64, help_text="The customer's.")
    due_at = models.DateTimeField(help_text="Ten business days after the message, by the organization's clock.")
    state = models.CharField(max_length=9, choices=State.choices, default="open", db_default="open")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Empty where the customer opted out by themselves.",
    )
    reason = models.CharField(max_length=300, blank=True, db_default="")

    objects = OptOutOfferQuerySet.as_manager()

    class Meta:
        db_table = "opt_out_offers"
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "address"], name="opt_out_offers_open_once", condition=Q(state="open")
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | ~Q(state="open") & Q(closed_at__isnull=False),
                name="opt_out_offers_closed",
            ),
            models.CheckConstraint(
                condition=~Q(state="dismissed") | ~Q(reason=""), name="opt_out_offers_dismissed_with_reason"
            ),
        ]
        # Few are open at a time, so this is all that lists and counts read.
        indexes = [
            models.Index(
                fields=["organization", "-created_at", "-id"],
                name="opt_out_offers_open",
                condition=Q(state="open"),
                include=["due_at", "message"],
            )
        ]
