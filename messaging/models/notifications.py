"""What colleagues want somebody to look at."""

from typing import Self

from django.conf import settings
from django.db import models

from accounts.models import Organization, User
from chatrooms.models import Chatroom
from messagehub.keys import Row
from messaging.models.campaigns import Campaign
from messaging.models.conversations import Conversation, Note


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, user: User) -> Self:
        """Their own, of conversations and campaigns that they may still see."""
        rooms = Chatroom.objects.visible_to(user).values("pk")
        return self.filter(
            models.Q(conversation__chatroom__in=rooms) | models.Q(campaign__chatroom__in=rooms), user=user
        )


class Notification(Row):
    """Somebody was mentioned in a note, was assigned a conversation by a colleague, or is to approve a campaign."""

    class Kind(models.TextChoices):
        MENTION = "mention"
        ASSIGNMENT = "assignment"
        APPROVAL = "approval"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, null=True, related_name="+", db_constraint=False)
    campaign = models.ForeignKey(Campaign, models.CASCADE, null=True, related_name="+", db_constraint=False)
    note = models.ForeignKey(Note, models.CASCADE, null=True, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    seen_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        db_table = "notifications"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(conversation=None, campaign__isnull=False)
                | models.Q(conversation__isnull=False, campaign=None),
                name="notifications_subject",
            )
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="notifications_newest"),
            models.Index(
                fields=["user", "conversation"], name="notifications_unseen", condition=models.Q(seen_at=None)
            ),
            models.Index(
                fields=["created_at"],
                name="notifications_to_mail",
                condition=models.Q(seen_at=None, mailed_at=None),
            ),
        ]
