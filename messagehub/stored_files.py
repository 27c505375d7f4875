"""Deleting files that rows named, once the rows are gone."""

from collections.abc import Iterable

from django.core.files.storage import default_storage
from django.db import transaction


def delete_after_commit(files: Iterable[str]) -> None:
    """Delete files once the surrounding transaction has committed, each for itself: one that can't be deleted is
    logged, and keeps neither the others nor what else was to happen then."""
    for file in files:

        def delete(file: str = file) -> None:
            default_storage.delete(file)

        transaction.on_commit(delete, robust=True)
