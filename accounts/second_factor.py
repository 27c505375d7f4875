"""The second factor: codes of an authenticator app (TOTP), or recovery codes. allauth stores and checks them."""

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from messagehub import encryption

Kind = Authenticator.Type
new_secret = generate_totp_secret


class Adapter(DefaultMFAAdapter):
    """Makes allauth encrypt secrets with our keys."""

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text)


class WrongCode(Exception):
    """The code is wrong, expired or used."""

    def __init__(self) -> None:
        super().__init__(_("Invalid or expired code. Try the latest one."))


class StillOwed(Exception):
    """The user must have a second factor, so it can't be removed."""

    def __init__(self) -> None:
        super().__init__(_("Your organization requires two-factor authentication, so you can't turn it off."))


def is_set_up(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type=Kind.TOTP).exists()


def is_owed(user: User) -> bool:
    """Whether the user must have a second factor. Call it inside the organization's tenancy."""
    if user.organization_id is None:
        return True
    return user.is_admin and bool(user.organization and user.organization.require_mfa_for_admins)


@transaction.atomic
def use_code(user: User, code: str) -> None:
    """Use up a code of the authenticator, or a recovery code. Raises WrongCode."""
    authenticator_by_kind = {
        authenticator.type: authenticator
        for authenticator in Authenticator.objects.filter(user=user).select_for_update()
    }
    code = code.replace(" ", "").replace("-", "")
    used_authenticator = _use_digits(authenticator_by_kind.get(Kind.TOTP), code) or _use_recovery_code(
        authenticator_by_kind.get(Kind.RECOVERY_CODES), code
    )
    if used_authenticator is None:
        raise WrongCode
    used_authenticator.last_used_at = timezone.now()
    used_authenticator.save(update_fields=["data", "last_used_at"])


def _use_digits(authenticator: Authenticator | None, code: str) -> Authenticator | None:
    if authenticator is None:
        return None
    # The newest period that was used is stored in the locked row. allauth's own mark is in the cache for one period,
    # and with a tolerance of one period a code could be used again after it.
    counter = _counter(encryption.decrypt(authenticator.data["secret"]), code)
    if counter is None or counter <= authenticator.data.get("used_counter", 0):
        return None
    authenticator.data["used_counter"] = counter
    return authenticator


def _use_recovery_code(authenticator: Authenticator | None, code: str) -> Authenticator | None:
    if authenticator is None:
        return None
    codes = RecoveryCodes(authenticator)
    return codes.instance if codes.validate_code(code) else None


def _counter(secret: str, code: str) -> int | None:
    """The TOTP period (30 s) of a code, if it is the present one or a neighbor."""
    for counter in yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter))):
            return counter
    return None


@transaction.atomic
def set_up_second_factor(user: User, secret: str, code: str) -> list[str]:
    """Replace the user's second factor by this secret; returns recovery codes. Raises WrongCode."""
    counter = _counter(secret, code.replace(" ", ""))
    if counter is None:
        raise WrongCode
    Authenticator.objects.filter(user=user).delete()
    authenticator = TOTP.activate(user, secret).instance
    authenticator.data["used_counter"] = counter
    authenticator.save(update_fields=["data"])
    audit.record_action("second_factor.set_up", actor=user, target=user)
    return RecoveryCodes.activate(user).get_unused_codes()


@transaction.atomic
def renew_recovery_codes(user: User) -> list[str]:
    """Replace the recovery codes."""
    Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).delete()
    audit.record_action("second_factor.new_codes", actor=user, target=user)
    return RecoveryCodes.activate(user).get_unused_codes()


@transaction.atomic
def remove_second_factor(user: User) -> None:
    """Raises StillOwed."""
    if is_owed(user):
        raise StillOwed
    Authenticator.objects.filter(user=user).delete()
    audit.record_action("second_factor.remove", actor=user, target=user)


def count_recovery_codes(user: User) -> int:
    authenticator = Authenticator.objects.filter(user=user, type=Kind.RECOVERY_CODES).first()
    return len(RecoveryCodes(authenticator).get_unused_codes()) if authenticator else 0


def draw_enrollment_code(user: User, secret: str) -> str:
    """The secret as a QR code (SVG)."""
    adapter = get_adapter()
    return adapter.build_totp_svg(adapter.build_totp_url(user, secret))


@transaction.atomic
def begin_enrollment(user: User) -> str:
    """Set up a second factor without a code; returns its secret. Only for the demo."""
    secret = new_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def read_secret(user: User) -> str:
    """The user's secret. Only for the demo, which prints it."""
    return encryption.decrypt(Authenticator.objects.get(user=user, type=Kind.TOTP).data["secret"])
