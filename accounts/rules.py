"""What an organization may choose as holidays and as keywords to join."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from messagehub import datetimes, names

MOST_JOIN_KEYWORDS, LONGEST_JOIN_KEYWORD = 5, 20


def fold_join_keywords(words: Iterable[str]) -> list[str]:
    """As customers' words are compared, each once. Raises ValidationError."""
    folded = sorted({names.fold_keyword(word) for word in words if word.strip()})
    if len(folded) > MOST_JOIN_KEYWORDS or not all(1 <= len(word) <= LONGEST_JOIN_KEYWORD for word in folded):
        words_of = _("Up to {n} keywords, each of up to {length} letters and digits.")
        raise ValidationError(words_of.format(n=MOST_JOIN_KEYWORDS, length=LONGEST_JOIN_KEYWORD))
    return folded


MOST_HOLIDAYS = 100


def validate_holidays(given: object) -> None:
    """A list of objects with `date` (YYYY-MM-DD) and `name`, each day once. Raises ValidationError."""
    if not isinstance(given, list) or len(given) > MOST_HOLIDAYS:
        raise ValidationError(_("At most {n} holidays.").format(n=MOST_HOLIDAYS))
    days = set()
    for each in given:
        is_complete = isinstance(each, dict) and each.keys() == {"date", "name"}
        if not is_complete or not all(isinstance(value, str) for value in each.values()):
            raise ValidationError(_("A holiday has a date and a name."))
        days.add(each["date"])
        if not datetimes.is_day(each["date"]):
            raise ValidationError(_("Enter a date as YYYY-MM-DD."))
        if not names.is_visible(each["name"]) or len(each["name"]) > 80:
            raise ValidationError(_("Enter a name of up to 80 characters that can be seen."))
    if len(days) < len(given):
        raise ValidationError(_("This day is a holiday already."))
