"""When nobody is written to first, by the recipient's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers.timezone import time_zones_for_number

from accounts.models import Organization

# Of these a prefix says where the person is. A toll-free number, say, is listed with every zone of its country.
IN_A_PLACE = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
DAYS = 3  # of which the ends of quiet hours are tried: whatever the clocks do at night, they repeat after that


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours that refuse: in which zone, whether that is the recipient's, and when they end in every zone."""

    zone: ZoneInfo
    is_recipients: bool
    opens_at: datetime | None  # None where no hour is right in all of them


def find_quiet(organization: Organization, phone: str, at: datetime) -> Quiet | None:
    """The quiet hours at `at` of any zone that this number may be in; None outside of them."""
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
    """Where a number may be, by its prefix. Empty for a number that says nothing of a place."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return []
    if phonenumbers.number_type(number) not in IN_A_PLACE:
        return []
    return [ZoneInfo(name) for name in time_zones_for_number(number) if name != "Etc/Unknown"]


def _find_opening(zones: Sequence[ZoneInfo], at: datetime, start: time, until: time) -> datetime | None:
    """The first end of a zone's quiet hours at which no other zone has any."""
    ends = sorted(
        datetime.combine(at.astimezone(zone).date() + timedelta(days=day), until, zone).astimezone(ZoneInfo("UTC"))
        for zone in zones
        for day in range(DAYS)
    )
    return next(
        (end for end in ends if end > at and not any(_is_within(end, zone, start, until) for zone in zones)), None
    )


def _is_within(at: datetime, zone: ZoneInfo, start: time, until: time) -> bool:
    now = at.astimezone(zone).time()
    return start <= now < until if start < until else now >= start or now < until
