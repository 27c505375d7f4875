"""Quiet hours, by the recipient's local time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers.timezone import time_zones_for_number

from accounts.models import Organization

# Types of number whose prefix says where the person is. phonenumbers lists a toll-free number with every time zone of
# its country code, 42 for +1, so that nearly every hour is quiet in one of them.
IN_A_PLACE = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
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
    zones = list_zones(phone)
    is_recipients = bool(zones)
    zones = zones or [ZoneInfo(organization.time_zone)]
    refusing = next((zone for zone in zones if _is_within(at, zone, start, until)), None)
    if refusing is None:
        return None
    return Quiet(refusing, is_recipients, _find_opening(zones, at, start, until))


def list_zones(phone: str) -> list[ZoneInfo]:
    """Time zones that a number may be in, by its prefix. Empty for a number without a place."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return []
    if phonenumbers.number_type(number) not in IN_A_PLACE:
        return []
    return [ZoneInfo(name) for name in time_zones_for_number(number) if name != "Etc/Unknown"]


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
