"""Moments and zones that people and programs name: as addresses of pages write them, and which lie ahead."""

import logging
from datetime import UTC, date, datetime, timedelta
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.core.exceptions import ValidationError
from django.db import DataError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

log = logging.getLogger(__name__)

MOST_DAYS_AHEAD = 365
NO_PLACE = {"localtime", "posixrules", "Factory"}  # files beside the zones that name none
FIRST_YEAR, LAST_YEAR = 1970, 9998  # so that every zone, and a few minutes more or less, have a name for it


def format_position(moment: datetime, pk: UUID) -> str:
    """A place in a list by time, for an address."""
    return f"{moment.isoformat()},{pk}"


def parse_position(text: str) -> tuple[datetime, UUID]:
    """Raises ValueError."""
    moment, _, pk = text.partition(",")
    return parse_moment(moment), UUID(pk)


def parse_moment(text: str) -> datetime:
    """A moment with its zone, as `isoformat` writes it, in UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not FIRST_YEAR < moment.year <= LAST_YEAR:
        raise ValueError("This is no moment with a zone that anything could have happened at.")
    return moment.astimezone(UTC)  # PostgreSQL knows zones of up to 15:59 h from UTC, Python of up to 23:59


def is_day(text: str) -> bool:
    """Whether it is a date as `isoformat` writes it, of a year in which anything could happen."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return day.isoformat() == text and FIRST_YEAR < day.year <= LAST_YEAR


def is_ahead(moment: datetime) -> bool:
    """Whether it is still to come, within a year."""
    return timedelta() < moment - timezone.now() < timedelta(days=MOST_DAYS_AHEAD)


def format_time(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


# ---------------------------------------------------------------- zones
@cache
def list_time_zones() -> frozenset[str]:
    """Names of zones, as this Python has them."""
    return frozenset(available_timezones() - NO_PLACE)


def validate_time_zone(name: str) -> None:
    """A zone that Python and PostgreSQL both know by exactly this name. Raises ValidationError."""
    if name not in list_time_zones() or not _is_known_to_postgres(name):
        raise ValidationError(_("Unknown time zone. Use a name such as Europe/Berlin."))


def _is_known_to_postgres(name: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT timezone(%s, now())", [name])
    except DataError:
        return False
    return True


def read_time_zone(name: str) -> ZoneInfo:
    """The zone of this name, or UTC for one that came past every rule: the page has to open on which it is mended."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        log.error("The time zone %r is unknown; UTC is shown instead.", name)
        return ZoneInfo("UTC")
