"""Moments as addresses of pages name them."""

from datetime import datetime

FIRST_YEAR, LAST_YEAR = 1970, 9998  # so that every zone, and a few minutes more or less, have a name for it


def read(text: str) -> datetime:
    """A moment with its zone, as `isoformat` writes it. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not FIRST_YEAR < moment.year <= LAST_YEAR:
        raise ValueError("This is no moment with a zone that anything could have happened at.")
    return moment
