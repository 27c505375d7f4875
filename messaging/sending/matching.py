"""Whether a message that the provider has may be one of ours whose answer is missing: by its text and its time."""

import re
import unicodedata
from datetime import datetime, timedelta

CLOCKS = timedelta(minutes=2)  # how far the provider's clock may be behind ours
# A call begins within 15 s after the claim and ends within 10 s; the rest is for the provider's clock, and for requests
# that it took in and worked off late. The same text later is another message.
LATEST = timedelta(minutes=5)
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)


def fold_text(text: str) -> str:
    """The text without what a provider may change on the way: addresses of links, blanks, invisible characters, forms.

    Texts that are the same folded may be the same message; that of links alone is empty.
    """
    composed_text = unicodedata.normalize("NFKC", LINK.sub("", text))
    return "".join(character for character in composed_text if not _is_blank(character))


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def is_in_time(moment: datetime, since: datetime, attempted_at: datetime | None) -> bool:
    """Whether the provider can have made its message at that moment, by its clock.

    `since` is when ours was handed over at the earliest. Those of before 0.2.0 have no `attempted_at`, and no end.
    """
    return since - CLOCKS <= moment and (attempted_at is None or moment <= attempted_at + LATEST)
