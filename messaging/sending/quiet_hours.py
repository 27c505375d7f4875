"""Quiet hours, by the recipient's local time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType
from phonenumbers.timezone import time_zones_for_geographical_number, time_zones_for_number

from accounts.models import Organization

# Types of number whose prefix says where the person is. phonenumbers lists a toll-free number with every time zone of
# its country code, 42 for +1, so that nearly every hour is quiet in one of them.
IN_A_PLACE = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
# Ten digits of +1 are a number as they stand, and phonenumbers takes 15 microseconds to find that out.
NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{9}")
DAYS = 3  # ends of quiet hours are tried on so many days: even over a change of clocks they repeat after that


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours in force: in which zone, and when they end in all zones of the number."""

    zone: ZoneInfo
    is_recipients: bool
    opens_at: datetime | None  # None where no hour is allowed in all zones


def find_quiet(organization: Organization, phone: str, at: datetime) -> Quiet | None:
    """Quiet hours at the time `at` in any zone that the number may be in, or None."""
    start, until = organization.quiet_from, organization.quiet_until
    if start is None or until is None:
        return None
    return _find_in_zones(tuple(list_zones(phone)), ZoneInfo(organization.time_zone), at, start, until)


@lru_cache(maxsize=1000)  # a campaign has a hundred thousand numbers in a few zones, asked about one moment
def _find_in_zones(
    number_zones: tuple[ZoneInfo, ...], own_zone: ZoneInfo, at: datetime, start: time, until: time
) -> Quiet | None:
    zones = number_zones or (own_zone,)
    refusing = next((zone for zone in zones if _is_within(at, zone, start, until)), None)
    if refusing is None:
        return None
    return Quiet(refusing, bool(number_zones), _find_opening(zones, at, start, until))


def list_zones(phone: str) -> list[ZoneInfo]:
    """Time zones that a number may be in, by its prefix. Empty for a number without a place."""
    try:
        number = _parse_number(phone)
    except phonenumbers.NumberParseException:
        return []
    kind = phonenumbers.number_type(number)
    if kind not in IN_A_PLACE:
        return []
    # time_zones_for_number would find out the type, which is most of the work, once more.
    is_geographical = phonenumbers.is_number_type_geographical(kind, number.country_code or 0)
    names = time_zones_for_geographical_number(number) if is_geographical else time_zones_for_number(number)
    return [ZoneInfo(name) for name in names if name != "Etc/Unknown"]


def _parse_number(phone: str) -> PhoneNumber:
    """Raises NumberParseException."""
    if NORTH_AMERICAN.fullmatch(phone):
        return PhoneNumber(country_code=1, national_number=int(phone[2:]))
    return phonenumbers.parse(phone)


def _find_opening(zones: Sequence[ZoneInfo], at: datetime, start: time, until: time) -> datetime | None:
    """The first end of quiet hours in one zone at which no other zone has any."""
    ends = sorted(
        datetime.combine(at.astimezone(zone).date() + timedelta(days=day), until, zone).astimezone(ZoneInfo("UTC"))
        for zone in zones
        for day in range(DAYS)
    )
    return next(
        (end for end in ends if end > at and not any(_is_within(end, zone, start, until) for zone in zones)), None
    )


def _is_within(at: datetime, zone: ZoneInfo, start: time, until: time) -> bool:
    local_time = at.astimezone(zone).time()
    # Quiet hours may go over midnight: from 21:00 until 8:00.
    return start <= local_time < until if start < until else local_time >= start or local_time < until
