"""The people of an organization: invited by mail, given a role, deactivated."""

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from accounts import audit, invitations, keys, rights, second_factor, sessions, tasks
from accounts.models import Organization, User
from messagehub import limits
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
    """The organization would be left without an active admin."""

    def __init__(self) -> None:
        super().__init__(_("This is the last active admin. Make someone else an admin first."))


class OwnRole(Exception):
    """An admin would shut themselves out by mistake."""

    def __init__(self) -> None:
        super().__init__(_("You can't change your own role or deactivate yourself. Ask another admin."))


class SuccessorUnavailable(Exception):
    """Whoever takes over conversations has to be an active colleague."""

    def __init__(self) -> None:
        self.fields = {"hand_over_to": [_("Choose an active colleague to take over the conversations.")]}
        super().__init__(self.fields["hand_over_to"][0])


class AlreadyJoined(Exception):
    """The invitation was accepted meanwhile, so there is nothing left to send or to withdraw."""

    def __init__(self) -> None:
        super().__init__(_("This person has already joined."))


class OwnSecondFactor(Exception):
    """One's own second factor is changed with the password, at /me/."""

    def __init__(self) -> None:
        super().__init__(_("You can't reset your own two-factor authentication here. Change it at /me/."))


@transaction.atomic
def invite_user(organization: Organization, email: str, *, name: str, role: str, by: User | None) -> User:
    """Mail somebody a link by which they join. Raises AlreadyHere.

    An address of another organization is invited like any other: only what is mailed differs. Somebody whose invitation
    was withdrawn is the same person again. `by` is None for the command line.
    """
    withdrawn = User.objects.filter(organization=organization, joined_at=None, is_active=False)
    user = withdrawn.select_for_update(no_key=True, of=("self",)).filter(email=email.strip().lower()).first()
    if user:
        user.name, user.role, user.is_active = name, role, True
        user.save(update_fields=["name", "role", "is_active"])
    else:
        with translate_violation("users_organization_email", AlreadyHere()):
            user = User.objects.create_user(email, name=name, role=role, organization=organization)
    audit.record_action("user.invite", actor=by, target=user, after={"email": user.email, "name": name, "role": role})
    _mail_invitation(user, by)
    return user


@transaction.atomic
def mail_invitation_again(user: User, *, by: User | None) -> None:
    """For somebody whose invitation is pending; links that were mailed before stay valid for their week.

    Raises AlreadyJoined.
    """
    if user.joined_at:
        raise AlreadyJoined
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
    hold_admins(user)
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


@transaction.atomic
def deactivate_user(user: User, *, by: User, hand_over_to: User | None = None) -> None:
    """They keep what they wrote and can't sign in any more. Raises OwnRole, LastAdmin and SuccessorUnavailable.

    Their open conversations go to `hand_over_to`, as far as that person may see them; the others become unassigned.
    """
    if hand_over_to:
        if hand_over_to.pk == user.pk or not hand_over_to.is_active or not hand_over_to.joined_at:
            raise SuccessorUnavailable
        # `messaging` knows what they have in hand. Before the change, which takes it away from them.
        moved = sum(import_string(path)(user, hand_over_to, by=by) for path in settings.HANDOVER_FOLLOWERS)
        after = {"to": str(hand_over_to.pk), "name": hand_over_to.name, "conversations": moved}
        audit.record_action("user.hand_over", actor=by, target=user, after=after)
    change_user(user, by=by, is_active=False)


@transaction.atomic
def withdraw_invitation(user: User, *, by: User) -> None:
    """End the links that were mailed to somebody who has not joined, until they are invited anew. Raises AlreadyJoined.

    The row stays, as those of everybody do: ledger and audit log may refer to it.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if user.joined_at:
        raise AlreadyJoined
    if not user.is_active:
        return
    user.is_active = False
    user.save(update_fields=["is_active"])
    audit.record_action("user.withdraw", actor=by, target=user, before={"email": user.email, "name": user.name})


@transaction.atomic
def reset_second_factor(user: User, *, by: User) -> None:
    """Remove a colleague's second factor and end their sign-ins, for a lost phone. They are told by mail.

    Where they owe one, they set it up at the next sign-in. Raises OwnSecondFactor.
    """
    if user.pk == by.pk:
        raise OwnSecondFactor
    deleted, _by_model = Authenticator.objects.filter(user=user).delete()
    if not deleted:
        return
    sessions.end_all_sign_ins(user)
    audit.record_action("second_factor.reset", actor=by, target=user)
    tasks.mail_second_factor_reset.defer(user_id=str(user.pk), reset_by=by.name)


@transaction.atomic
def mail_password_reset(user: User, *, by: User) -> None:
    """Mail a colleague a link to set a new password. Raises limits.TooMany and limits.Unavailable."""
    limits.count_attempt("reset_per_account", user.email)
    audit.record_action("password.mail_reset", actor=by, target=user)
    tasks.mail_password_reset.defer(email=user.email)


def hold_admins(user: User, *others: User) -> None:
    """Lock the admins of the user's organization, and these people, until the commit.

    Two admins who demote each other at once must not both succeed.
    """
    people = User.objects.admins_of(user.organization_id)
    if others:
        people = people | User.objects.filter(pk__in=[user.pk, *(other.pk for other in others)])
    list(people.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _is_last_admin(user: User) -> bool:
    others = User.objects.admins_of(user.organization_id).exclude(pk=user.pk)
    return bool(user.is_admin and user.is_active and user.joined_at and not others.exists())
