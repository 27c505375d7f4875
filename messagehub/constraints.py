"""What the database refuses, as exceptions that say it in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _


class NameTaken(Exception):
    """Names are unique where a person has to choose by them."""

    def __init__(self, what: str):
        sentences = {
            "chatroom": _("There is already a chatroom with this name."),
            "group": _("There is already a group with this name."),
            "label": _("There is already a label with this name."),
            "template": _("There is already a template with this name."),
        }
        self.fields = {"name": [sentences[what]]}
        super().__init__(self.fields["name"][0])


@contextmanager
def translate_violation(constraint: str | tuple[str, ...], error: Exception) -> Iterator[None]:
    """Raise `error` where this constraint, or one of these, is violated inside, and undo what was done there."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as violation:
        if _constraint(violation) in ((constraint,) if isinstance(constraint, str) else constraint):
            raise error from None
        raise


def _constraint(violation: IntegrityError) -> str | None:
    diagnosis = getattr(violation.__cause__, "diag", None)
    return diagnosis.constraint_name if diagnosis else None
