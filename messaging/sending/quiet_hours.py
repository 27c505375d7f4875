"""Quiet hours and holidays, by the recipient's local time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from accounts.models import Organization
from chatrooms.models import Chatroom
from messagehub import languages
from messaging.sending import number_zones

# Ends of quiet hours are tried on so many days after the last holiday in sight: even over a change of clocks they
# repeat then.
DAYS = 5
EARLIEST = timedelta(hours=14)  # so far before UTC does a day begin somewhere


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """When nobody is written to first: times of day, over midnight where `start` is later, and days with their names.

    `zone` is the clock of numbers without a place. Compared by identity, so that looking one up costs nothing.
    """

    zone: ZoneInfo
    start: time | None = None
    until: time | None = None
    holidays: dict[date, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quiet:
    """What is in force: in which zone, and when it ends in all zones of the number."""

    zone: ZoneInfo
    is_recipients: bool
    opens_at: datetime | None  # None where no hour is allowed in all zones
    holiday: str = ""


def choose_hours(organization: Organization, chatroom: Chatroom, *, for_campaign: bool) -> Hours | None:
    """What holds for messages of this chatroom: its own hours, else the organization's; None where nothing does.

    Holidays hold for campaigns. What people write is held only where the organization wants that.
    """
    if not (for_campaign or organization.quiet_hours_for_people):
        return None
    start, until = chatroom.quiet_from, chatroom.quiet_until
    if start is None or until is None:
        start, until = organization.quiet_from, organization.quiet_until
    holidays = organization.holidays if for_campaign else []
    if not holidays and (start is None or until is None):
        return None
    return _make_hours(organization.time_zone, start, until, tuple((each["date"], each["name"]) for each in holidays))


@lru_cache(maxsize=1000)
def _make_hours(zone: str, start: time | None, until: time | None, holidays: tuple[tuple[str, str], ...]) -> Hours:
    """One for the same rules, however many messages ask: what was found out about it is found again."""
    return Hours(ZoneInfo(zone), start, until, {date.fromisoformat(day): name for day, name in holidays})


def find_quiet(hours: Hours | None, phone: str, at: datetime) -> Quiet | None:
    """Quiet hours or a holiday at the time `at` in any zone that the number may be in, or None."""
    return _find_in_zones(hours, number_zones.list_zones(phone), at) if hours else None


def describe_quiet(quiet: Quiet, at: datetime) -> tuple[str, str]:
    """Why nobody is written to at the time `at`, and what to do about it."""
    if quiet.holiday and quiet.is_recipients:
        words = _("It's {day} in the customer's time zone ({place}), which is a holiday of yours ({holiday}).")
    elif quiet.holiday:
        words = _("It's {day} in your time zone ({place}), which is a holiday of yours ({holiday}).")
    elif quiet.is_recipients:
        words = _("It's {time} in the customer's time zone ({place}), which is within your quiet hours.")
    else:
        words = _("It's {time} in your time zone ({place}), which is within your quiet hours.")
    local, place = at.astimezone(quiet.zone), quiet.zone.key.rsplit("/", 1)[-1].replace("_", " ")
    day = languages.format_day(local, "j F Y")
    message = words.format(time=f"{local:%H:%M}", day=day, place=place, holiday=quiet.holiday)
    if quiet.opens_at:
        return message, _("Send it later.")
    return message, _(
        "The number may be in several time zones, and no hour is outside your quiet hours in all of them."
    )


@lru_cache(maxsize=1000)  # a campaign has a hundred thousand numbers in a few zones, asked about one moment
def _find_in_zones(hours: Hours, number_zones: tuple[ZoneInfo, ...], at: datetime) -> Quiet | None:
    zones = number_zones or (hours.zone,)
    refusing = next((zone for zone in zones if _is_within(hours, at.astimezone(zone))), None)
    if refusing is None:
        return None
    holiday = hours.holidays.get(at.astimezone(refusing).date(), "")
    return Quiet(refusing, bool(number_zones), _find_opening(hours, zones, at), holiday)


def _find_opening(hours: Hours, zones: Sequence[ZoneInfo], at: datetime) -> datetime | None:
    """The first end of quiet hours or of a day in one zone at which it is quiet in no zone."""
    if hours.holidays and hours.start and not _find_opening(replace(hours, holidays={}), zones, at):
        return None  # nor is there one on any other day
    for end in _list_ends(hours, zones, at):
        if end > at and not any(_is_within(hours, end.astimezone(zone)) for zone in zones):
            return end
    return None


def _list_ends(hours: Hours, zones: Sequence[ZoneInfo], at: datetime) -> Iterator[datetime]:
    """In their order, a day at a time: a long list of holidays costs only who has to wait for its end."""
    clocks = {hours.until or time(), time()} if hours.holidays else {hours.until or time()}
    day = at.astimezone(UTC).date() - timedelta(days=1)  # which it may still be somewhere
    ends: set[datetime] = set()
    left = DAYS
    while left:
        ends |= {datetime.combine(day, clock, zone).astimezone(UTC) for zone in zones for clock in clocks}
        left = DAYS if day in hours.holidays else left - 1
        day += timedelta(days=1)
        earliest = datetime.combine(day, time(), UTC) - EARLIEST  # of the ends that are still to come
        yield from sorted(end for end in ends if end < earliest)
        ends = {end for end in ends if end >= earliest}
    yield from sorted(ends)


def _is_within(hours: Hours, local: datetime) -> bool:
    if local.date() in hours.holidays:
        return True
    if hours.start is None or hours.until is None:
        return False
    clock = local.time()
    # Quiet hours may go over midnight: from 21:00 until 8:00.
    if hours.start < hours.until:
        return hours.start <= clock < hours.until
    return clock >= hours.start or clock < hours.until
