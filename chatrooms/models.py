"""Chatrooms, who works in them, and the customers they talk with."""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models.functions import Lower

from accounts.models import Organization, User
from messagehub import names
from messagehub.keys import Row


class ChatroomQuerySet(models.QuerySet["Chatroom"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Admins see every chatroom of their organization, agents those that they are assigned to."""
        if not user.is_active or user.organization_id is None:
            return self.none()
        rooms = self.filter(organization_id=user.organization_id, archived_at=None)
        return rooms if user.is_admin else rooms.filter(user_chatrooms__user=user)


class InChatroomQuerySet(models.QuerySet):
    """For rows of a chatroom, which are visible exactly when their chatroom is."""

    # By a subquery: joins would repeat rows and need distinct().

    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(chatroom__in=Chatroom.objects.visible_to(user).values("pk"))


class Chatroom(Row):
    """A workspace that owns numbers, contacts and conversations."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="chatrooms")
    name = models.CharField(max_length=80, validators=[names.validate_name])
    color = models.CharField(max_length=12, default="petrol")
    last_seq = models.BigIntegerField(default=0, db_default=0, help_text="Number of the newest event in the log.")
    archived_at = models.DateTimeField(null=True, blank=True)
    # In place of the organization's, in the recipient's local time.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)

    objects = ChatroomQuerySet.as_manager()

    class Meta:
        db_table = "chatrooms"
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("name"),
                name="chatrooms_name",
                condition=models.Q(archived_at=None),
                violation_error_message="There is a chatroom with this name already.",
            ),
            models.UniqueConstraint(fields=["organization", "id"], name="chatrooms_organization_id"),
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False)
                & ~models.Q(quiet_from=models.F("quiet_until")),
                name="chatrooms_quiet_hours",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class UserChatroom(Row):
    """An agent may work in a chatroom."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="user_chatrooms",
        db_constraint=False,
    )
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="user_chatrooms", db_constraint=False)
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "user_chatrooms"
        constraints = [models.UniqueConstraint(fields=["user", "chatroom"], name="user_chatrooms_once")]


class ReadVersion(Row):
    """Counts how often a person's read markers in a chatroom have changed. A trigger of the database counts."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_constraint=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False)
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="+", db_constraint=False)
    number = models.BigIntegerField(default=1, db_default=1)

    class Meta:
        db_table = "read_versions"
        constraints = [models.UniqueConstraint(fields=["user", "chatroom"], name="read_versions_once")]


class Contact(Row):
    """A customer, as one chatroom knows them."""

    class NameSource(models.TextChoices):
        NONE = "none"
        PROVIDER = "provider"
        STAFF = "staff"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="contacts", db_constraint=False)
    first_name = models.CharField(max_length=80, blank=True, db_default="", validators=[names.validate_name])
    last_name = models.CharField(max_length=80, blank=True, db_default="", validators=[names.validate_name])
    name_source = models.CharField(max_length=8, choices=NameSource.choices, default="none", db_default="none")
    email = models.EmailField(blank=True, db_default="")
    # E.164, or what the network gave instead: a short code or a name such as SUPPORT.
    phone = models.CharField(max_length=32, null=True, blank=True)
    profile_picture_url = models.URLField(max_length=1000, blank=True, db_default="")
    last_activity_at = models.DateTimeField(null=True, blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    phone_refused = models.CharField(
        max_length=16, blank=True, db_default="", help_text="The provider's code for: no SMS can reach this number."
    )

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "contacts"
        constraints = [
            models.UniqueConstraint(fields=["chatroom", "phone"], name="contacts_phone"),
            models.UniqueConstraint(fields=["organization", "id"], name="contacts_organization_id"),
        ]
        indexes = [models.Index(fields=["chatroom", "-created_at", "-id"], name="contacts_newest")]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.phone or "Unknown"


class ContactActivity(Row):
    """A line of a contact's timeline. What happened more than once in a place carries another reference."""

    class Kind(models.TextChoices):
        CREATED = "created"
        CONVERSATION_OPENED = "conversation_opened"
        CHANGED = "changed"
        BLOCKED = "blocked"
        UNBLOCKED = "unblocked"
        MERGED = "merged"
        REFERRED = "referred"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="activities", db_constraint=False)
    kind = models.CharField(max_length=24, choices=Kind.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reference = models.UUIDField(help_text="What the line is about, or an id of its own.")
    about = models.CharField(max_length=200, blank=True, db_default="", help_text="What was there before, in words.")

    class Meta:
        db_table = "contact_activities"
        verbose_name_plural = "contact activities"
        constraints = [models.UniqueConstraint(fields=["contact", "kind", "reference"], name="contact_activities_once")]
        indexes = [models.Index(fields=["contact", "-created_at", "-id"], name="contact_activities_newest")]


class ContactAddress(Row):
    """Where a contact can be reached: a phone number, or the id by which a page or an Instagram account knows them.

    What comes in from any of them is the contact's. `Contact.phone` is the primary phone number; a trigger of the
    database keeps the two the same.
    """

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="+", db_constraint=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="addresses", db_constraint=False)
    platform = models.CharField(max_length=9, default="SMS", db_default="SMS")
    address = models.CharField(max_length=64)
    is_primary = models.BooleanField(default=False, db_default=False)
    channel = models.ForeignKey(
        "integrations.Channel",
        models.CASCADE,
        null=True,
        related_name="+",
        db_constraint=False,
        help_text="The only one that knows a scoped id; empty for phone numbers.",
    )

    class Meta:
        db_table = "contact_addresses"
        verbose_name_plural = "contact addresses"
        constraints = [
            models.UniqueConstraint(fields=["chatroom", "platform", "address"], name="contact_addresses_once"),
            models.UniqueConstraint(
                fields=["contact", "platform"], name="contact_addresses_primary", condition=models.Q(is_primary=True)
            ),
        ]

    def __str__(self) -> str:
        return self.address


class Group(Row):
    """Contacts of a chatroom under a name, to write to together."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="groups", db_constraint=False)
    name = models.CharField(max_length=80, validators=[names.validate_name])
    contacts = models.ManyToManyField(Contact, through="GroupMember", related_name="groups")

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "groups"
        constraints = [
            models.UniqueConstraint("chatroom", Lower("name"), name="groups_name"),
            models.UniqueConstraint(fields=["organization", "id"], name="groups_organization_id"),
        ]

    def __str__(self) -> str:
        return self.name


class GroupMember(Row):
    """A contact is in a group."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, models.CASCADE, related_name="members", db_constraint=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="memberships", db_constraint=False)

    class Meta:
        db_table = "group_members"
        constraints = [models.UniqueConstraint(fields=["group", "contact"], name="group_members_once")]
        indexes = [models.Index(fields=["group", "-created_at", "-id"], name="group_members_newest")]
