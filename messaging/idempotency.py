"""Repeating a request safely: the same key and body get the first answer again.

The key is written in the request's own transaction. So a second request with the same key waits for the first to
commit, and a refused one leaves no key behind: it changed nothing and may simply be repeated.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import orjson

from accounts.models import User
from messaging.models import IdempotencyKey


class IdempotencyMismatch(Exception):
    """The key was used for something else."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was already used for a different request. Use a new key for each request."
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered, now or the first time."""

    status: int
    body: dict
    replayed: bool = False


def act_once(user: User, key: str, asked: dict, act: Callable[[], Answer]) -> Answer:
    """Act unless this user's key was used; then answer as the first time. Raises Mismatch for another request."""
    if not key:
        return act()
    fingerprint = hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
    # ON CONFLICT DO NOTHING waits for whoever is just using the key.
    IdempotencyKey.objects.bulk_create(
        [
            IdempotencyKey(
                organization_id=cast(UUID, user.organization_id), user=user, key=key, request_hash=fingerprint
            )
        ],
        ignore_conflicts=True,
    )
    kept = IdempotencyKey.objects.get(user=user, key=key)
    if kept.request_hash != fingerprint:
        raise IdempotencyMismatch
    if kept.status_code is not None and kept.response is not None:
        return Answer(kept.status_code, kept.response, replayed=True)
    answer = act()
    kept.status_code, kept.response = answer.status, orjson.loads(orjson.dumps(answer.body, option=orjson.OPT_UTC_Z))
    kept.save(update_fields=["status_code", "response"])
    return answer
