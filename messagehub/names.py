"""What counts as a name."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Drawn as nothing or as a space, though Unicode calls them letters and symbols
# (https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point, and the Braille pattern without dots).
BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def is_visible(text: str) -> bool:
    """Whether something of the text can be seen: more than spaces, control characters, marks and the like."""
    # Unicode categories: C is control and format, M marks, Z separators. Newer emoji than this Python knows are Cn.
    return any(
        char not in BLANKS and (unicodedata.category(char)[0] not in "CMZ" or unicodedata.category(char) == "Cn")
        for char in text
    )


def validate_name(name: str) -> None:
    """Raises ValidationError for a name of which nothing can be seen."""
    if name and not is_visible(name):
        raise ValidationError(_("Enter a name with letters that can be seen."))


def fold_keyword(text: str) -> str:
    """The text without case, accents, spaces, punctuation and invisible characters.

    Symbols stay, so that a text with an emoji is no keyword.
    """
    # Unicode categories: C is control and format, M marks, P punctuation, Z separators.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in plain if unicodedata.category(char)[0] not in "CMPZ")
