"""How an organization comes into being, and what it decides for itself."""

from dataclasses import dataclass
from datetime import time
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.text import slugify

from accounts import audit, second_factor, sessions, team
from accounts.models import Organization, User
from messagehub import tenancy


class OrganizationExists(Exception):
    """The name is taken by an organization in which this address can't be made the first admin."""


class AddressInUse(Exception):
    """An address belongs to one person of one organization."""

    def __init__(self, email: str) -> None:
        super().__init__(f"{email} already signs in with another account. Use another address.")


@dataclass(frozen=True, slots=True)
class Creation:
    """What became of it: `is_new`, or it was there; `is_mailed` says whether an invitation is on its way."""

    organization: Organization
    admin: User
    is_new: bool
    is_mailed: bool

    def __str__(self) -> str:
        name, email = self.organization.name, self.admin.email
        if self.is_new:
            return f"{name} was created. An invitation is being mailed to {email}; it expires in seven days."
        if self.is_mailed:
            return f"{name} already exists. The invitation is being mailed again to {email}, who hasn't joined yet."
        return f"{name} already exists, and {email} is one of its admins. Nothing was mailed."


class OwnSecondFactorFirst(Exception):
    """Who asks it of others has it."""

    def __init__(self) -> None:
        self.fields = {"require_mfa_for_admins": ["Set up your own two-factor authentication first, at /me/."]}
        super().__init__(self.fields["require_mfa_for_admins"][0])


# One at a time: neither the name nor the address of the first admin is unique in the database.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('create_organization', 0))"


@transaction.atomic
def create_organization(
    name: str, admin_email: str, *, by: User | None, default_country: str = "US", time_zone: str = "UTC"
) -> Creation:
    """Make an organization and invite its first admin. `by` is None for the command line, else an operator.

    With the same name and address again it changes nothing, and mails again while the invitation is pending. Raises
    ValidationError for what the fields refuse, OrganizationExists and AddressInUse.
    """
    name, admin_email = name.strip(), admin_email.strip().lower()
    with connection.cursor() as cursor:
        cursor.execute(ONE_AT_A_TIME)
    with tenancy.system():
        organization = Organization(name=name, default_country=default_country, time_zone=time_zone)
        validate_new_organization(organization, admin_email)
        namesakes = list(Organization.objects.filter(name__iexact=name))
        if namesakes:
            return _invite_again(namesakes, admin_email, by)
        if User.objects.filter(email=admin_email, joined_at__isnull=False).exists():
            raise AddressInUse(admin_email)
        organization.slug = _free_slug(name)
    with tenancy.organization(organization.pk):
        organization.save(force_insert=True)
        after = {"name": name, "slug": organization.slug, "default_country": default_country, "time_zone": time_zone}
        audit.record_action("organization.create", actor=by, target=organization, after=after)
        admin = team.invite_user(organization, admin_email, name=admin_email.partition("@")[0], role="admin", by=by)
    return Creation(organization, admin, is_new=True, is_mailed=True)


def validate_new_organization(organization: Organization, admin_email: str) -> None:
    """Raises ValidationError with every mistake at once, by the names of the operation's arguments."""
    mistakes: dict[str, list[str]] = {}
    try:
        organization.clean_fields(exclude=["slug"])
    except ValidationError as error:
        mistakes |= error.message_dict
    try:
        User._meta.get_field("email").clean(admin_email, None)
    except ValidationError as error:
        mistakes["admin_email"] = error.messages
    if mistakes:
        raise ValidationError(mistakes)


def _invite_again(namesakes: list[Organization], admin_email: str, by: User | None) -> Creation:
    admin = User.objects.filter(organization__in=namesakes, email=admin_email).select_related("organization").first()
    if admin is None or admin.organization is None:
        raise OrganizationExists(
            f"{namesakes[0]} already exists, and {admin_email} is not in it. Its admins can invite further people. "
            "To create another organization, choose another name."
        )
    if not admin.is_active:
        raise OrganizationExists(
            f"{admin.organization} already exists, and {admin_email} was deactivated there. Its admins can activate "
            "them again."
        )
    if not admin.is_admin:
        raise OrganizationExists(
            f"{admin.organization} already exists, and {admin_email} is an agent there. Its admins can make them an "
            "admin."
        )
    is_pending = admin.joined_at is None
    if is_pending:
        team.mail_invitation_again(admin, by=by)
    return Creation(admin.organization, admin, is_new=False, is_mailed=is_pending)


def _free_slug(name: str) -> str:
    """Latin letters, as part of addresses; a number behind it where another organization has the word."""
    base = slugify(name)[:40].strip("-_") or "organization"
    taken = set(Organization.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    number, slug = 2, base
    while slug in taken:
        number, slug = number + 1, f"{base}-{number}"
    return slug


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
    """Times of day and holidays as they are read."""
    return {name: _write(value, name) for name, value in values.items()}


def _write(value: Any, name: str) -> Any:
    if name == "holidays":
        return [f"{holiday['date']} {holiday['name']}" for holiday in value]
    return f"{value:%H:%M}" if isinstance(value, time) else value
