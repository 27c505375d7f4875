"""What is done to many contacts at once: adding to groups, and imports; and lists that people keep."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Organization, validate_country
from chatrooms.models import Chatroom, Group, InChatroomQuerySet
from messagehub.keys import Row


class GroupChange(Row):
    """Contacts that one action added to a group or removed from it, so that it can be undone."""

    class Kind(models.TextChoices):
        ADDED = "added"
        REMOVED = "removed"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_constraint=False)
    group = models.ForeignKey(Group, models.CASCADE, related_name="+", db_constraint=False)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    contact_ids = ArrayField(models.UUIDField())
    undone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "group_changes"
        indexes = [models.Index(fields=["created_at"], name="group_changes_oldest")]


class ContactImport(Row):
    """A CSV file of contacts. Its rows are kept until they are imported; what became of each is an ImportRow."""

    class State(models.TextChoices):
        UPLOADED = "uploaded"
        QUEUED = "queued"
        DONE = "done"
        UNDOING = "undoing"
        UNDONE = "undone"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    chatroom = models.ForeignKey(Chatroom, models.CASCADE, related_name="+", db_constraint=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    file_name = models.CharField(max_length=200)
    content = models.TextField(help_text="The file, until it is imported.")
    columns = models.JSONField(default=list, help_text="What each column becomes; empty for one that is left out.")
    country = models.CharField(
        max_length=2,
        default="",
        validators=[validate_country],
        help_text="ISO 3166 code, of numbers without a country code. Empty: the organization's.",
    )
    group = models.ForeignKey(Group, models.SET_NULL, null=True, related_name="+", db_constraint=False)
    state = models.CharField(max_length=8, choices=State.choices, default="uploaded")
    total = models.PositiveIntegerField(help_text="Rows of the file, without the line of names.")
    handled = models.PositiveIntegerField(default=0)
    created_count = models.PositiveIntegerField(default=0)
    existing_count = models.PositiveIntegerField(default=0)
    skipped_count = models.PositiveIntegerField(default=0)
    kept_count = models.PositiveIntegerField(default=0, help_text="Contacts that undoing left, as they were in use.")

    objects = InChatroomQuerySet.as_manager()

    class Meta:
        db_table = "contact_imports"
        constraints = [models.UniqueConstraint(fields=["organization", "id"], name="contact_imports_organization_id")]
        indexes = [models.Index(fields=["chatroom", "-created_at", "-id"], name="contact_imports_newest")]

    def __str__(self) -> str:
        return self.file_name


class ImportRow(Row):
    """What became of a row of an imported file."""

    class Outcome(models.TextChoices):
        CREATED = "created"
        EXISTING = "existing"
        SKIPPED = "skipped"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+", db_index=False)
    contact_import = models.ForeignKey(
        ContactImport, models.CASCADE, related_name="rows", db_constraint=False, db_index=False
    )
    number = models.PositiveIntegerField(help_text="Its line in the file; the first has the names.")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    contact_id = models.UUIDField(null=True, help_text="Merged or deleted since, where there is none.")
    joined = models.BooleanField(default=False, help_text="The import added the contact to its group.")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "import_rows"
        constraints = [models.UniqueConstraint(fields=["contact_import", "number"], name="import_rows_once")]
        indexes = [
            models.Index(
                fields=["contact_import", "number"],
                name="import_rows_skipped",
                condition=models.Q(outcome="skipped"),
            )
        ]
