"""What an organization decides for itself."""

from datetime import time

from django.db import transaction

from accounts import audit, second_factor, sessions
from accounts.models import Organization, User


class OwnSecondFactorFirst(Exception):
    """Who asks it of others has it."""

    def __init__(self) -> None:
        self.fields = {"require_mfa_for_admins": ["Set up your own two-factor authentication first, at /me/."]}
        super().__init__(self.fields["require_mfa_for_admins"][0])


@transaction.atomic
def change_organization(organization: Organization, *, by: User, **wanted) -> None:
    """Set some of its settings. Raises OwnSecondFactorFirst, and ValidationError for what its fields refuse.

    Where admins come to owe a second factor, the sign-ins of those without one end; with the next they set it up.
    """
    before = {
        name: getattr(organization, name) for name, value in wanted.items() if getattr(organization, name) != value
    }
    if not before:
        return
    after = {name: wanted[name] for name in before}
    if after.get("require_mfa_for_admins") and not second_factor.is_set_up(by):
        raise OwnSecondFactorFirst
    for name, value in after.items():
        setattr(organization, name, value)
    organization.clean_fields(exclude={field.name for field in organization._meta.fields} - set(after))
    organization.save(update_fields=list(after))
    if after.get("require_mfa_for_admins"):
        for admin in User.objects.admins_of(organization.pk):
            sessions.end_sign_ins_without_factor(admin)
    audit.record_action(
        "organization.change", actor=by, target=organization, before=_written(before), after=_written(after)
    )


def _written(values: dict) -> dict:
    """Times of day as they are read."""
    return {name: f"{value:%H:%M}" if isinstance(value, time) else value for name, value in values.items()}
