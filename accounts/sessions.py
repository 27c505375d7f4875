"""Signing in and out: a session cookie for browsers and a bearer token for clients, made and ended together."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from django.contrib.auth import authenticate, get_user, login, logout
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import urlsafe_base64_decode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from knox.crypto import hash_token
from knox.models import get_token_model

from accounts import audit, keys, second_factor, tasks
from accounts.models import ApiKey, SignIn, User
from messagehub import bus, limits, session_store, tenancy

SIGN_IN, SECOND_FACTOR, HALF = "sign_in", "second_factor", "half_signed_in"  # keys of a browser's session
HALF_SECONDS = 300
SEEN_EVERY, MOST_NOTED = 60, 10_000
_noted: dict[str, float] = {}  # when this process last wrote down that a sign-in was used
BACKEND = "django.contrib.auth.backends.ModelBackend"


class WrongCredentials(Exception):
    """One message for every wrong pair, so that nobody learns which addresses exist."""

    def __init__(self) -> None:
        super().__init__(_("Incorrect email or password."))


class SecondFactorOwed(Exception):
    """Email and password are right, and the code is missing."""

    def __init__(self, user: User) -> None:
        self.user = user
        super().__init__(
            _(
                "Send the `code` from your authenticator app, or a recovery code. Set up two-factor authentication at "
                "/me/."
            )
        )


class OperatorsUseAdmin(Exception):
    """Operators work in the back office only."""

    def __init__(self) -> None:
        super().__init__(_("Operators can only use the back office at /admin/."))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new sign-in. Only a digest of the token is stored."""

    user: User
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """What a socket signed in with, to check it again later."""

    token: str = field(default="", repr=False)
    session_key: str = field(default="", repr=False)


def sign_in(request: HttpRequest, email: str, password: str, code: str = "", *, in_browser: bool = False) -> SignedIn:
    """Sign a user in with email, password and, where they have a second factor, a code.

    Sets the session's cookie and returns a token. Raises WrongCredentials, SecondFactorOwed, OperatorsUseAdmin,
    limits.TooMany and limits.Unavailable.
    """
    # Without Valkey attempts can't be counted, so nobody gets in. Browsers also admit operators and users who have yet
    # to set up their second factor: GateMiddleware lets them no further.
    email = email.strip().lower()
    _count_attempt("login", email, request)
    user = authenticate(request, username=email, password=password)
    if user is None:
        raise WrongCredentials
    if user.organization_id is None and not in_browser:
        raise OperatorsUseAdmin
    if second_factor.is_set_up(user):
        if not code:
            raise SecondFactorOwed(user)
        check_code(request, user, code)
        return start_session(request, user, second_factor_done=True)
    if not in_browser and _owes(user):
        raise SecondFactorOwed(user)
    return start_session(request, user)


def check_code(request: HttpRequest, user: User, code: str) -> None:
    """Use a code of the second factor. Raises WrongCredentials and limits.TooMany."""
    _count_attempt("code", str(user.pk), request)
    try:
        second_factor.use_code(user, code)
    except second_factor.WrongCode:
        audit.record_action("second_factor.fail", actor=user, target=user)
        raise WrongCredentials from None


def check_current_password(request: HttpRequest, password: str) -> bool:
    """Whether this is the current user's password, counted like an attempt to sign in.

    Raises limits.TooMany and limits.Unavailable.
    """
    user = cast(User, request.user)
    _count_attempt("login", user.email, request)
    return user.check_password(password)


def _count_attempt(kind: str, account: str, request: HttpRequest) -> None:
    """Count an attempt by address, by account and address, and by account. Raises limits.TooMany."""
    # The limit of an account from everywhere is wide, and does not apply to addresses where the account is signed in,
    # so that strangers can't lock the owner out.
    address = request.META.get("REMOTE_ADDR", "")
    limits.count_attempt("login_per_address", address)
    limits.count_attempt(f"{kind}_per_account", f"{account} {address}")
    try:
        limits.count_attempt(f"{kind}_per_account_anywhere", account)
    except limits.TooMany:
        if not _is_known(account, address):
            raise


def _is_known(account: str, address: str) -> bool:
    conditions = {"user__email": account} if "@" in account else {"user_id": account}
    return bool(address) and SignIn.objects.filter(**conditions, address=address).exists()


def _owes(user: User) -> bool:
    with tenancy.organization(user.organization_id):
        return second_factor.is_owed(user)


def start_session(request: HttpRequest, user: User, *, second_factor_done: bool = False) -> SignedIn:
    """Sign in an authenticated user. Raises WrongCredentials where the password was changed meanwhile."""
    with transaction.atomic():
        # A concurrent change of the password either waits for this sign-in, and ends it, or is seen here.
        locked_user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if (locked_user.password, locked_user.token_version, locked_user.is_active) != (
            user.password,
            user.token_version,
            True,
        ):
            raise WrongCredentials
        return _start(request, user, second_factor_done)


def _start(request: HttpRequest, user: User, second_factor_done: bool) -> SignedIn:
    request.session.flush()  # a new sign-in never continues an older session
    login(request, user, backend=BACKEND)
    stored_token, token = get_token_model().objects.create(user=user)
    sign_in_ = SignIn.objects.create(
        user=user,
        token_digest=stored_token.digest,
        session_digest=session_store.digest_session_key(request.session.session_key),
        address=request.META.get("REMOTE_ADDR") or None,
        user_agent=request.META.get("HTTP_USER_AGENT", "")[:300],
        second_factor=second_factor_done,
        last_seen_at=timezone.now(),
    )
    request.session[SIGN_IN] = str(sign_in_.pk)
    request.session[SECOND_FACTOR] = second_factor_done
    audit.record_action("sign_in.start", actor=user, target=sign_in_, after={"second_factor": second_factor_done})
    return SignedIn(user, token, stored_token.expiry)


# ---------------------------------------------------------------- between the password and the code
def remember_half_sign_in(request: HttpRequest, user: User) -> None:
    """Remember that the password was right, for HALF_SECONDS, while the code is asked for."""
    request.session[HALF] = [str(user.pk), user.get_session_auth_hash(), timezone.now().timestamp()]


def read_half_sign_in(request: HttpRequest) -> User | None:
    """The user who gave the right password in this browser and owes the code."""
    pk, proof, since = request.session.get(HALF, ("", "", 0))
    if timezone.now().timestamp() - since > HALF_SECONDS:
        return None
    user = User.objects.filter(pk=pk, is_active=True).first()
    return user if user and constant_time_compare(proof, user.get_session_auth_hash()) else None


def finish_sign_in(request: HttpRequest, user: User, code: str) -> SignedIn:
    """Sign in a user who gave the password before, by their code. Raises WrongCredentials and limits.TooMany."""
    check_code(request, user, code)
    return start_session(request, user, second_factor_done=True)


def sign_out(request: HttpRequest) -> None:
    """End this sign-in: its session, its token and its sockets."""
    user, token = cast(User, request.user), getattr(request, "token", None)
    if token is not None:
        sign_ins = SignIn.objects.filter(token_digest=token.digest)
    else:
        sign_ins = SignIn.objects.filter(session_digest=session_store.digest_session_key(request.session.session_key))
    for sign_in_ in list(sign_ins):
        audit.record_action("sign_in.end", actor=user, target=sign_in_)
        _delete_sign_in(sign_in_)
    if token is not None:
        get_token_model().objects.filter(digest=token.digest).delete()
    logout(request)
    bus.access_changed([user.pk])


def end_all_sign_ins(user: User) -> None:
    """End all sign-ins of a user, from the next request on and on open sockets."""
    user.token_version += 1
    user.save(update_fields=["token_version"])
    get_token_model().objects.filter(user=user).delete()
    for sign_in_ in user.sign_ins.all():
        session_store.SessionStore.end(sign_in_.session_digest)
    user.sign_ins.all().delete()
    bus.access_changed([user.pk])


def end_sign_ins_without_factor(user: User) -> None:
    """End sign-ins without a code, for a user who owes a second factor from now on."""
    # Sockets of API keys are checked again too: `lacks_second_factor` says which may stay open.
    for sign_in_ in user.sign_ins.filter(second_factor=False):
        _delete_sign_in(sign_in_)
    bus.access_changed([user.pk])


def end_sign_in(sign_in_: SignIn, *, by: User) -> None:
    """End one sign-in: its session, its token and its sockets."""
    audit.record_action("sign_in.end", actor=by, target=sign_in_)
    _delete_sign_in(sign_in_)
    bus.access_changed([sign_in_.user_id])


def _delete_sign_in(sign_in_: SignIn) -> None:
    get_token_model().objects.filter(digest=sign_in_.token_digest).delete()
    session_store.SessionStore.end(sign_in_.session_digest)
    sign_in_.delete()


# ---------------------------------------------------------------- who owes a second factor
def lacks_second_factor(user: User, *, token: Model | None = None, session: SessionBase | None = None) -> bool:
    """Whether the user owes a second factor and this way in was not proved with a code.

    `token` is an API key or a bearer token; without one the browser's `session` counts. Call it inside the
    organization's tenancy.
    """
    # An API key has no sign-in of its own. It counts while its owner has a second factor, without which they can't sign
    # in either.
    if not second_factor.is_owed(user):
        return False
    if isinstance(token, ApiKey):
        return not second_factor.is_set_up(user)
    if isinstance(token, get_token_model()):
        return not SignIn.objects.filter(token_digest=token.digest, second_factor=True).exists()
    return session is None or not session.get(SECOND_FACTOR)


def note_second_factor(request: HttpRequest) -> None:
    """Mark the sign-in, with its token, as proved with a code."""
    request.session[SECOND_FACTOR] = True
    if sign_in_id := request.session.get(SIGN_IN):
        SignIn.objects.filter(pk=sign_in_id).update(second_factor=True)


def note_seen(request: HttpRequest) -> None:
    """Update the sign-in's `last_seen_at`, once a minute and process at most."""
    # SKIP LOCKED: another request of the same sign-in is writing it, and one of them is enough.
    token = getattr(request, "token", None)
    if isinstance(token, get_token_model()):
        conditions = {"token_digest": token.digest}
    elif token is None and (pk := request.session.get(SIGN_IN)):
        conditions = {"pk": pk}
    else:
        return
    current_time, name = time.monotonic(), str(conditions)
    if _noted.get(name, -SEEN_EVERY) > current_time - SEEN_EVERY:
        return
    if len(_noted) > MOST_NOTED:
        _noted.clear()
    _noted[name] = current_time
    unlocked_rows = SignIn.objects.filter(**conditions).select_for_update(skip_locked=True, no_key=True).values("pk")
    SignIn.objects.filter(pk__in=unlocked_rows).update(last_seen_at=timezone.now())


def change_password(user: User, password: str) -> None:
    """Set a new password, which ends every sign-in."""
    user.set_password(password)
    user.save(update_fields=["password"])
    end_all_sign_ins(user)
    audit.record_action("password.change", actor=user, target=user)


def request_password_reset(email: str, address: str) -> None:
    """Mail a link for resetting the password, if the address is a user's.

    Only the job looks whether it is, so that answers and their times tell a stranger nothing.
    Raises limits.TooMany and limits.Unavailable.
    """
    limits.count_attempt("reset_per_address", address)
    try:
        limits.count_attempt("reset_per_account", email.strip().lower())
    except limits.TooMany:
        return  # enough mails were sent to this address
    tasks.mail_password_reset.defer(email=email, language=get_language())


def find_user_of_reset_link(uid: str, token: str) -> User | None:
    """The user whose password this link may set, for an hour and once; None for an invalid link."""
    try:
        user = User.objects.get(pk=urlsafe_base64_decode(uid).decode(), is_active=True)
    except (ValueError, ValidationError, User.DoesNotExist):
        return None
    return user if default_token_generator.check_token(user, token) else None


def find_signed_in_user(identity: Identity) -> User | None:
    """The user of a sign-in as it is now; None once it has ended. Deactivated users are returned too."""
    if keys.is_key(identity.token):
        key = keys.find_key(identity.token)
        return _unless_owed(key.user, token=key) if key and ApiKey.Scope.READ in key.scopes else None
    if identity.token:
        tokens = get_token_model().objects.select_related("user")
        stored_token = tokens.filter(digest=hash_token(identity.token), expiry__gt=timezone.now()).first()
        return _unless_owed(stored_token.user, token=stored_token) if stored_token else None
    request = HttpRequest()
    request.session = session_store.SessionStore(identity.session_key)
    user = cast(User, get_user(request))
    if not user.is_authenticated:
        return _deactivated(request)
    return _unless_owed(user, session=request.session)


def _unless_owed(user: User, **way_in) -> User | None:
    # GateMiddleware refuses the same to requests.
    with tenancy.organization(user.organization_id):
        return None if user.is_active and lacks_second_factor(user, **way_in) else user


def _deactivated(request: HttpRequest) -> User | None:
    # Django's backend hides deactivated users. Sockets close with 4403 for them, and with 4401 after signing out.
    pk = request.session.get("_auth_user_id")
    return User.objects.filter(pk=pk, is_active=False).first() if pk else None
