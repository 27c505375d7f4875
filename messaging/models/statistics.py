"""How many messages each chatroom had on each day, kept so that nobody has to count them."""

from django.db import models

from accounts.models import Organization
from chatrooms.models import Chatroom
from integrations.models import Platform
from messagehub.keys import Row


class Counts(Row):
    """Messages, tokens and resolved conversations of one chatroom and platform.

    Scheduled and canceled messages do not count.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    platform = models.CharField(max_length=9, choices=Platform.choices)
    inbound = models.IntegerField(default=0)
    outbound = models.IntegerField(default=0, help_text="All that was sent, whatever became of it.")
    delivered = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    tokens_spent = models.BigIntegerField(default=0, help_text="After refunds.")
    resolved = models.IntegerField(
        default=0, db_default=0, help_text="Conversations that were resolved then, and were not reopened since."
    )

    class Meta:
        abstract = True


class DailyCount(Counts):
    """The counts of one day, which begins and ends as the organization's `CountedZone` says."""

    day = models.DateField()

    class Meta:
        db_table = "daily_counts"
        constraints = [models.UniqueConstraint(fields=["chatroom", "day", "platform"], name="daily_counts_of_a_day")]


class CountChange(Counts):
    """What one statement changed in the counts of a quarter of an hour. Written by triggers on `messages` and
    `conversations`."""

    # Adding to the day's row at once would make all writers of a chatroom wait for each other, and would need the time
    # zone in every statement. A quarter of an hour is the finest step that time zones differ by.
    quarter = models.DateTimeField(help_text="When the quarter of an hour begins.")

    class Meta:
        db_table = "count_changes"
        indexes = [models.Index(fields=["organization", "chatroom", "quarter"], name="count_changes_of_room")]


class CountedZone(models.Model):
    """The time zone in whose days an organization's messages are counted."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="+", primary_key=True)
    time_zone = models.CharField(max_length=64)

    class Meta:
        db_table = "counted_zones"
