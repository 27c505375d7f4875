"""Named API keys: a bearer token of one person that does only what its scopes say."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from knox.crypto import hash_token

from accounts import audit
from accounts.models import ApiKey, User
from messagehub import bus

MARK = "mhk_"
NOTED_EVERY = timedelta(minutes=1)


def is_key(token: str) -> bool:
    return token.startswith(MARK)


@transaction.atomic
def create_key(user: User, name: str, scopes: list[str], expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once and kept only as a digest."""
    secret = MARK + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        user=user,
        name=name,
        scopes=[scope for scope in ApiKey.Scope.values if scope in scopes],
        digest=hash_token(secret),
        prefix=secret[:12],
        expires_at=expires_at,
    )
    audit.record_action("key.create", actor=user, target=key, after={"name": name, "scopes": key.scopes})
    return key, secret


@transaction.atomic
def delete_key(key: ApiKey, *, by: User) -> None:
    """The key stops working at once, on open sockets too."""
    audit.record_action("key.delete", actor=by, target=key, before={"name": key.name, "scopes": key.scopes})
    key.delete()
    bus.access_changed([key.user_id])


def revoke_keys(user: User, *, by: User) -> None:
    """End this person's keys for good. They stay listed, as expired."""
    now = timezone.now()
    for key in user.api_keys.filter(_is_valid(now)):
        audit.record_action("key.revoke", actor=by, target=key, before={"name": key.name, "scopes": key.scopes})
        key.expires_at = now
        key.save(update_fields=["expires_at"])


def _is_valid(now: datetime) -> Q:
    return Q(expires_at=None) | Q(expires_at__gt=now)


def find_key(secret: str) -> ApiKey | None:
    """The key with this secret and its person, if it has not expired; that it was used is noted once a minute.

    A deactivated person's key is returned although it was revoked, so that the caller can tell them why.
    """
    now = timezone.now()
    holds = _is_valid(now) | Q(user__is_active=False)
    key = ApiKey.objects.select_related("user").filter(holds, digest=hash_token(secret)).first()
    if key and key.user.is_active and (key.last_used_at is None or key.last_used_at < now - NOTED_EVERY):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key
