"""Whose a bearer token is: knox's of a sign-in, or an API key."""

from django.http import HttpRequest
from django.utils.translation import gettext as _
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from accounts import keys
from accounts.models import User


def authenticate_bearer(request: HttpRequest):
    """The person and their token, or None for another kind of header. Raises AuthenticationFailed."""
    kind, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind.lower() == "bearer" and keys.is_key(token.strip()):
        return _of_key(token.strip())
    return TokenAuthentication().authenticate(request)


def _of_key(secret: str) -> tuple[User, object]:
    key = keys.find_key(secret)
    if key is None:
        raise AuthenticationFailed(_("Invalid token."))
    if not key.user.is_active:
        raise AuthenticationFailed(_("User inactive or deleted."))
    return key.user, key
