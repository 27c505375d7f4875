"""Files that people upload in order to send them."""

from django.conf import settings
from django.db import models

from accounts.models import Organization
from chatrooms.models import Chatroom, InChatroomQuerySet
from messagehub import names
from messagehub.keys import Row

UPLOAD_SCHEME = "upload:"  # begins what refers to one in `media_urls`


class Upload(Row):
    """A file to send: stored once, however many messages carry it along."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="uploads", db_constraint=False, db_index=False)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    name = models.CharField(max_length=200, validators=[names.validate_name], help_text="What the file was called.")
    content_type = models.CharField(max_length=100, help_text="By its own bytes.")
    size = models.PositiveIntegerField(help_text="In bytes.")
    width = models.PositiveIntegerField(null=True, help_text="In pixels, of pictures.")
    height = models.PositiveIntegerField(null=True)
    file = models.FileField(max_length=100)

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "uploads"
        constraints = [models.UniqueConstraint(fields=["organization", "id"], name="uploads_organization_id")]
        indexes = [models.Index(fields=["chatroom", "-created_at", "-id"], name="uploads_newest")]

    def __str__(self) -> str:
        return self.name
