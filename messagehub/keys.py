"""Primary keys: UUIDv7, made by us for objects and by PostgreSQL for set-based inserts."""

from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7


class UUIDv7(models.Func):
    """PostgreSQL's own `uuidv7()`."""

    function = "uuidv7"
    output_field = models.UUIDField()


class Row(models.Model):
    """What every table has: a time-ordered key and the moment its row was made."""

    # Both defaults on purpose: with the database's alone, bulk_create leaves the key unresolved.
    id = models.UUIDField(primary_key=True, default=uuid7, db_default=UUIDv7(), editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
