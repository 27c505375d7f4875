"""When nobody is written to first, by the recipient's clock."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from accounts.models import Organization


def quiet_until(organization: Organization, phone: str, at: datetime) -> datetime | None:
    """When the quiet hours at `at` end in every zone that this number may be in; None outside of them."""
    start, until = organization.quiet_from, organization.quiet_until
    where = zones(organization, phone)
    if start is None or until is None or not any(_within(at.astimezone(zone).time(), start, until) for zone in where):
        return None
    ends = sorted(_next(at, until, zone) for zone in where)
    for end in ends:
        if not any(_within(end.astimezone(zone).time(), start, until) for zone in where):
            return end
    return ends[-1]  # a number of no certain place, and no hour is right everywhere


def zones(organization: Organization, phone: str) -> list[ZoneInfo]:
    """Where a number may be, by its prefix; the organization's own zone where that says nothing."""
    try:
        names = time_zones_for_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        names = ()
    known = [name for name in names if name != "Etc/Unknown"]
    return [ZoneInfo(name) for name in known] or [ZoneInfo(organization.time_zone)]


def _within(now: time, start: time, end: time) -> bool:
    return start <= now < end if start < end else now >= start or now < end


def _next(at: datetime, clock: time, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    then = datetime.combine(local.date(), clock, zone)
    return (then if then > local else datetime.combine(local.date() + timedelta(days=1), clock, zone)).astimezone(
        ZoneInfo("UTC")
    )
