"""The people of an organization: invited by mail, given a role, deactivated."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit, invitations, keys, rights, second_factor, sessions, tasks
from accounts.models import Organization, User
from messagehub.constraints import translate_violation


class AlreadyHere(Exception):
    """Somebody of the organization has this address."""

    def __init__(self) -> None:
        self.fields = {"email": [_("Someone in your organization already uses this email address.")]}
        super().__init__(self.fields["email"][0])


class AddressTaken(Exception):
    """The address was joined to another organization after the invitation was mailed. Told to its owner only."""

    def __init__(self) -> None:
        super().__init__(
            _("This email address already has an account. Sign in, or ask for an invitation to another address.")
        )


class LastAdmin(Exception):
    """Somebody has to be left who can undo it."""

    def __init__(self) -> None:
        super().__init__(_("This is the last active admin. Make someone else an admin first."))


class OwnRole(Exception):
    """An admin would shut themselves out by mistake."""

    def __init__(self) -> None:
        super().__init__(_("You can't change your own role or deactivate yourself. Ask another admin."))


@transaction.atomic
def invite_user(organization: Organization, email: str, *, name: str, role: str, by: User | None) -> User:
    """Mail somebody a link by which they join. Raises AlreadyHere.

    An address of another organization is invited like any other: only what is mailed differs. `by` is None for the
    command line.
    """
    with translate_violation("users_organization_email", AlreadyHere()):
        user = User.objects.create_user(email, name=name, role=role, organization=organization)
    audit.record_action("user.invite", actor=by, target=user, after={"email": user.email, "name": name, "role": role})
    _mail_invitation(user, by)
    return user


@transaction.atomic
def mail_invitation_again(user: User, *, by: User | None) -> None:
    """For somebody whose invitation is pending; links that were mailed before stay valid for their week."""
    audit.record_action("user.invite_again", actor=by, target=user)
    _mail_invitation(user, by)


def _mail_invitation(user: User, by: User | None) -> None:
    tasks.mail_invitation.defer(user_id=str(user.pk), invited_by=str(by.pk) if by else "")


@transaction.atomic
def accept_invitation(part: str, *, name: str, password: str) -> User:
    """Join: the link has proved the address, so all that is missing is a name and a password.

    Raises invitations.Over, and AddressTaken where another organization was faster.
    """
    invited = invitations.find_invited_user(part)
    user = User.objects.select_for_update(no_key=True).get(pk=invited.pk)
    if user.joined_at:
        raise invitations.InvitationExpired
    user.name, user.joined_at = name, timezone.now()
    user.set_password(password)
    with translate_violation("users_email", AddressTaken()):
        user.save(update_fields=["name", "joined_at", "password"])
    rights.follow_new_rights(user)
    audit.record_action("user.join", actor=user, target=user, after={"name": name})
    return user


@transaction.atomic
def change_user(user: User, *, by: User, **wanted) -> User:
    """Give a person another name, role or state (`is_active`). Raises OwnRole and LastAdmin.

    A new role counts from the next request on and on open sockets. Whoever comes to owe a second factor by it loses the
    sign-ins that were made without one. A deactivated person's sign-ins are refused, their keys revoked, and their
    sockets closed.
    """
    _hold_admins(user)
    user.refresh_from_db(fields=["name", "role", "is_active"])
    before = {name: getattr(user, name) for name, value in wanted.items() if getattr(user, name) != value}
    if not before:
        return user
    power = {"role", "is_active"} & set(before)
    if power and user.pk == by.pk:
        raise OwnRole
    if power and _is_last_admin(user):
        raise LastAdmin
    for name in before:
        setattr(user, name, wanted[name])
    user.save(update_fields=list(before))
    if "is_active" in before:
        keys.revoke_keys(user, by=by)  # at a reactivation those that came into being meanwhile
    if "is_active" in before and user.is_active:
        sessions.end_all_sign_ins(user)  # what was signed in before the pause stays ended
    elif power:
        if second_factor.is_owed(user):
            sessions.end_sign_ins_without_factor(user)
        if user.is_admin and user.is_active:
            rights.follow_new_rights(user)
        rights.follow_rights(user, by=by)  # requests read the rights each time
    audit.record_action(
        "user.change", actor=by, target=user, before=before, after={name: wanted[name] for name in before}
    )
    return user


def deactivate_user(user: User, *, by: User) -> None:
    """They keep what they wrote and can't sign in any more. Raises OwnRole and LastAdmin."""
    change_user(user, by=by, is_active=False)


def _hold_admins(user: User) -> None:
    """Two admins who demote each other at once must not both succeed."""
    list(User.objects.admins_of(user.organization_id).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _is_last_admin(user: User) -> bool:
    others = User.objects.admins_of(user.organization_id).exclude(pk=user.pk)
    return bool(user.is_admin and user.is_active and user.joined_at and not others.exists())
