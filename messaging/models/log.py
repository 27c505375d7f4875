"""The event log and idempotency keys."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.models import Organization
from chatrooms.models import Chatroom, InChatroomQuerySet
from messagehub.keys import Row


class Event(models.Model):
    """A change that a screen can show, numbered by chatroom in the order of commits. Kept for 48 hours."""

    class Type(models.TextChoices):
        MESSAGE_CREATED = "message.created"
        MESSAGE_UPDATED = "message.updated"
        CONVERSATION_UPDATED = "conversation.updated"
        OPT_OUT_OFFER_UPDATED = "opt_out_offer.updated"

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
