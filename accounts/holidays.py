"""Days of an organization on which no campaign goes out, by the recipient's local time."""

from datetime import date

from django.db import transaction

from accounts import organizations
from accounts.models import Organization, User


def add_holiday(organization: Organization, day: date, name: str, *, by: User) -> None:
    """Raises ValidationError where the day is one already, there are too many, or the name can't be seen."""
    with transaction.atomic():
        holidays = _lock(organization)
        added = sorted([*holidays, {"date": day.isoformat(), "name": name}], key=lambda holiday: holiday["date"])
        organizations.change_organization(organization, by=by, holidays=added)


def remove_holiday(organization: Organization, day: date, *, by: User) -> None:
    """Nothing happens where the day is none."""
    with transaction.atomic():
        kept = [holiday for holiday in _lock(organization) if holiday["date"] != day.isoformat()]
        organizations.change_organization(organization, by=by, holidays=kept)


def _lock(organization: Organization) -> list[dict]:
    """The holidays as they are now, until the commit: two admins may each add one."""
    locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    organization.holidays = locked.holidays
    return locked.holidays
