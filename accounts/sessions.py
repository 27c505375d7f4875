"""Signing in and out: a session cookie for browsers and a bearer token for clients, made and ended together."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from django.conf import settings
from django.contrib.auth import authenticate, get_user, login, logout
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlsafe_base64_decode
from django.utils.module_loading import import_string
from knox.crypto import hash_token
from knox.models import get_token_model

from accounts import audit, keys, tasks
from accounts.models import ApiKey, SignIn, User
from messagehub import bus, limits

BACKEND = "django.contrib.auth.backends.ModelBackend"
SessionStore = import_string(f"{settings.SESSION_ENGINE}.SessionStore")


class WrongCredentials(Exception):
    """One message for every wrong pair, so that nobody learns which addresses exist."""

    def __init__(self) -> None:
        super().__init__("This email and password don't belong together.")


class OperatorsUseAdmin(Exception):
    """Operators work in the back office only."""

    def __init__(self) -> None:
        super().__init__("Operators work in the back office at /admin/, not here.")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh sign-in: the token is shown this once and kept only as a digest."""

    user: User
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """What a socket signed in with, so that it can be asked again whether it still holds."""

    token: str = field(default="", repr=False)
    session_key: str = field(default="", repr=False)


def sign_in(request: HttpRequest, email: str, password: str) -> SignedIn:
    """Check the pair and give a cookie (on the request's session) and a token.

    Raises WrongCredentials, OperatorsUseAdmin, limits.TooMany, and limits.Unavailable when nothing can be counted:
    then nobody gets in.
    """
    email = email.strip().lower()
    address = request.META.get("REMOTE_ADDR", "")
    limits.count("login_per_address", address)
    limits.count("login_per_account", email)
    user = authenticate(request, username=email, password=password)
    if user is None:
        raise WrongCredentials
    if user.organization_id is None:
        raise OperatorsUseAdmin
    return start(request, user)


def start(request: HttpRequest, user: User) -> SignedIn:
    """Sign somebody in who has proved who they are."""
    login(request, user, backend=BACKEND)
    kept, token = get_token_model().objects.create(user=user)
    made = SignIn.objects.create(
        user=user,
        token_digest=kept.digest,
        session_key=request.session.session_key or "",
        address=request.META.get("REMOTE_ADDR") or None,
        user_agent=request.META.get("HTTP_USER_AGENT", "")[:300],
    )
    audit.record("sign_in.start", actor=user, target=made)
    return SignedIn(user, token, kept.expiry)


def sign_out(request: HttpRequest) -> None:
    """End this sign-in: the cookie and the token that were given together, and the sockets they opened."""
    user, token = cast(User, request.user), getattr(request, "token", None)
    if token is not None:
        ended = SignIn.objects.filter(token_digest=token.digest)
    else:
        ended = SignIn.objects.filter(session_key=request.session.session_key)
    for sign_in_ in list(ended):
        get_token_model().objects.filter(digest=sign_in_.token_digest).delete()
        SessionStore(sign_in_.session_key).delete()
        audit.record("sign_in.end", actor=user, target=sign_in_)
        sign_in_.delete()
    if token is not None:
        get_token_model().objects.filter(digest=token.digest).delete()
    logout(request)
    bus.access_changed([user.pk])


def end_all(user: User) -> None:
    """End every sign-in of this person, on the very next request and on open sockets."""
    user.token_version += 1
    user.save(update_fields=["token_version"])
    get_token_model().objects.filter(user=user).delete()
    for sign_in_ in user.sign_ins.all():
        SessionStore(sign_in_.session_key).delete()
    user.sign_ins.all().delete()
    bus.access_changed([user.pk])


def change_password(user: User, password: str) -> None:
    """Set a new password, which ends every sign-in."""
    user.set_password(password)
    user.save(update_fields=["password"])
    end_all(user)
    audit.record("password.change", actor=user, target=user)


def ask_for_reset(email: str, address: str) -> None:
    """Have a link mailed to this address if somebody signs in with it; it takes as long if nobody does.

    Raises limits.TooMany and limits.Unavailable.
    """
    limits.count("reset_per_address", address)
    try:
        limits.count("reset_per_account", email.strip().lower())
    except limits.TooMany:
        return  # enough was mailed to it; saying so would tell a stranger nothing, and its owner has the mails
    tasks.mail_password_reset.defer(email=email)


def of_reset(uid: str, token: str) -> User | None:
    """Whose password the link of a mail may set: for an hour, and once."""
    try:
        user = User.objects.get(pk=urlsafe_base64_decode(uid).decode(), is_active=True)
    except (ValueError, ValidationError, User.DoesNotExist):
        return None
    return user if default_token_generator.check_token(user, token) else None


def user_of(identity: Identity) -> User | None:
    """The person behind a sign-in as of now; None once it has ended. Deactivated people are returned as such."""
    if keys.is_key(identity.token):
        key = keys.find(identity.token)
        return key.user if key and ApiKey.Scope.READ in key.scopes else None
    if identity.token:
        tokens = get_token_model().objects.select_related("user")
        found = tokens.filter(digest=hash_token(identity.token), expiry__gt=timezone.now()).first()
        return found.user if found else None
    request = HttpRequest()
    request.session = SessionStore(identity.session_key)
    user = get_user(request)
    if user.is_authenticated:
        return user
    return _deactivated(request)


def _deactivated(request: HttpRequest) -> User | None:
    """Django's backend hides a deactivated user; a socket must be told that apart from having signed out."""
    pk = request.session.get("_auth_user_id")
    return User.objects.filter(pk=pk, is_active=False).first() if pk else None
