"""What colleagues want somebody to look at."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Organization, User
from chatrooms.models import Chatroom
from messagehub.keys import Row
from messaging.models.conversations import Conversation, Note


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, user: User) -> Self:
        """Their own, of conversations that they may still see."""
        rooms = Chatroom.objects.visible_to(user).values("pk")
        return self.filter(user=user, conversation__chatroom__in=rooms)


class Notification(Row):
    """Somebody was mentioned in a note, or was assigned a conversation by a colleague."""

    class Kind(models.TextChoices):
        MENTION = "mention"
        ASSIGNMENT = "assignment"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+", db_constraint=False)
    note = models.ForeignKey(Note, models.CASCADE, null=True, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    seen_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        db_table = "notifications"
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


class PushSubscription(Row):
    """A browser that is told what waits for its user also while none of our pages is open (Web Push, RFC 8030)."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False)
    # Ends with it. No constraint: a sign-in ends outside of every organization.
    sign_in_id = models.UUIDField(unique=True, help_text="The browser's.")
    endpoint = models.URLField(max_length=2000, help_text="Where the browser's push service takes messages for it.")
    p256dh = models.CharField(max_length=100, help_text="The browser's public key, base64url.")
    auth = models.CharField(max_length=32, help_text="Its secret for the encryption, base64url.")
    chatrooms = ArrayField(models.UUIDField(), default=list, db_default=[], help_text="Whose waiting customers ring.")
    rung = models.JSONField(default=dict, db_default={}, help_text="What has rung lately: its key -> since when.")
    failing_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "push_subscriptions"
