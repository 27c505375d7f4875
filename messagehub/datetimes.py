"""Moments that people and programs name: as addresses of pages write them, and which lie ahead."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

MOST_DAYS_AHEAD = 365
FIRST_YEAR, LAST_YEAR = 1970, 9998  # so that every zone, and a few minutes more or less, have a name for it


def parse_moment(text: str) -> datetime:
    """A moment with its zone, as `isoformat` writes it. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not FIRST_YEAR < moment.year <= LAST_YEAR:
        raise ValueError("This is no moment with a zone that anything could have happened at.")
    return moment


def is_ahead(moment: datetime) -> bool:
    """Whether it is still to come, within a year."""
    return timedelta() < moment - timezone.now() < timedelta(days=MOST_DAYS_AHEAD)


def format_time(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
