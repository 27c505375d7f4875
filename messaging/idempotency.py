"""Idempotency keys: a repeated request with the same key and body gets the first answer."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import orjson
from django.utils.translation import gettext as _

from accounts.models import User
from messaging.models import IdempotencyKey


class IdempotencyMismatch(Exception):
    """The key was used with another path or body."""

    def __init__(self) -> None:
        super().__init__(
            _("This Idempotency-Key was already used for a different request. Use a new key for each request.")
        )


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict
    replayed: bool = False


def act_once(user: User, key: str, request_values: dict, act: Callable[[], Answer]) -> Answer:
    """Act, unless the user's key was used before: then return the first answer. Raises IdempotencyMismatch."""
    if not key:
        return act()
    fingerprint = hashlib.sha256(orjson.dumps(request_values, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
    # Written in the request's transaction: ON CONFLICT DO NOTHING waits until a concurrent request with the same key
    # has committed, and a refused request, which is rolled back, leaves no key behind and may be repeated as it is.
    IdempotencyKey.objects.bulk_create(
        [
            IdempotencyKey(
                organization_id=cast(UUID, user.organization_id), user=user, key=key, request_hash=fingerprint
            )
        ],
        ignore_conflicts=True,
    )
    stored_key = IdempotencyKey.objects.get(user=user, key=key)
    if stored_key.request_hash != fingerprint:
        raise IdempotencyMismatch
    if stored_key.status_code is not None and stored_key.response is not None:
        return Answer(stored_key.status_code, stored_key.response, replayed=True)
    answer = act()
    stored_key.status_code, stored_key.response = (
        answer.status,
        orjson.loads(orjson.dumps(answer.body, option=orjson.OPT_UTC_Z)),
    )
    stored_key.save(update_fields=["status_code", "response"])
    return answer
