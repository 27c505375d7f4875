"""Words of an organization: labels that sort conversations, and texts to write often."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models import Organization, User
from chatrooms.models import Chatroom
from messagehub import names
from messagehub.keys import Row


class Color(models.TextChoices):
    """What the interface has a tone for."""

    PETROL = "petrol"
    OCHRE = "ochre"
    MAGENTA = "magenta"
    BLUE = "blue"
    GREEN = "green"


class LabelQuerySet(models.QuerySet["Label"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Labels are the same in every chatroom of an organization."""
        return self.filter(organization_id=user.organization_id) if user.is_active else self.none()


class Label(Row):
    """A label for organizing conversations."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    name = models.CharField(max_length=40, validators=[names.validate_name])
    color = models.CharField(max_length=12, choices=Color.choices, default="petrol", db_default="petrol")

    objects = LabelQuerySet.as_manager()

    class Meta:
        db_table = "labels"
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="labels_name"),
            models.UniqueConstraint(fields=["organization", "id"], name="labels_organization_id"),
        ]

    def __str__(self) -> str:
        return self.name


class MessageTemplateQuerySet(models.QuerySet["MessageTemplate"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of the rooms that one sees, and those of the whole organization."""
        if not user.is_active or user.organization_id is None:
            return self.none()
        rooms = Chatroom.objects.visible_to(user).values("pk")
        return self.filter(Q(organization_id=user.organization_id, chatroom=None) | Q(chatroom__in=rooms))


class MessageTemplate(Row):
    """A text to write often, with places for what is known about a contact. Without chatroom: the organization's."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    chatroom = models.ForeignKey(
        Chatroom, models.CASCADE, null=True, blank=True, related_name="templates", db_constraint=False
    )
    name = models.CharField(max_length=80, validators=[names.validate_name])
    body = models.TextField()
    media_urls = models.JSONField(default=list, db_default=[], help_text="What its messages carry along, as they do.")
    archived_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is not offered any more.")

    objects = MessageTemplateQuerySet.as_manager()

    class Meta:
        db_table = "templates"
        constraints = [
            models.UniqueConstraint(
                "organization", "chatroom", Lower("name"), name="templates_name", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def archived(self) -> bool:
        return self.archived_at is not None
