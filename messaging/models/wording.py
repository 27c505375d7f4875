"""Words of an organization: labels that sort conversations, and texts to write often."""

from typing import Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

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
        """Those of the rooms that one sees, those of the whole organization, and one's own; admins see no other's."""
        if not user.is_active or user.organization_id is None:
            return self.none()
        rooms = Chatroom.objects.visible_to(user).values("pk")
        shared = Q(organization_id=user.organization_id, chatroom=None, owner=None)
        return self.filter(shared | Q(chatroom__in=rooms) | Q(owner=user))

    def of_scope(self, scope: str) -> Self:
        conditions = {
            MessageTemplate.Scope.ORGANIZATION: Q(chatroom=None, owner=None),
            MessageTemplate.Scope.CHATROOM: Q(chatroom__isnull=False),
            MessageTemplate.Scope.PERSONAL: Q(owner__isnull=False),
        }
        return self.filter(conditions[MessageTemplate.Scope(scope)])


class MessageTemplate(Row):
    """A text to write often, with places for what is known about a contact.

    It is of a chatroom or personal; with neither chatroom nor owner it is the organization's.
    """

    class Scope(models.TextChoices):
        ORGANIZATION = "organization", _("All chatrooms")
        CHATROOM = "chatroom", _("One chatroom")
        PERSONAL = "personal", _("Only me")

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    chatroom = models.ForeignKey(
        Chatroom, models.CASCADE, null=True, blank=True, related_name="templates", db_constraint=False
    )
    owner = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="+", db_constraint=False,
        help_text="Who alone sees and uses it.",
    )  # fmt: skip
    label = models.ForeignKey(Label, models.SET_NULL, null=True, blank=True, related_name="+", db_constraint=False)
    name = models.CharField(max_length=80, validators=[names.validate_name])
    body = models.TextField()
    media_urls = models.JSONField(default=list, db_default=[], help_text="What its messages carry along, as they do.")
    archived_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is not offered any more.")

    objects = MessageTemplateQuerySet.as_manager()

    class Meta:
        db_table = "templates"
        constraints = [
            models.UniqueConstraint(
                "organization", "chatroom", "owner", Lower("name"), name="templates_name", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(chatroom=None) | Q(owner=None), name="templates_one_scope"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def archived(self) -> bool:
        return self.archived_at is not None

    @property
    def scope(self) -> str:
        if self.owner_id:
            return self.Scope.PERSONAL
        return self.Scope.CHATROOM if self.chatroom_id else self.Scope.ORGANIZATION

    def get_scope_display(self) -> str:
        return str(self.Scope(self.scope).label)
