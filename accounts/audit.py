"""Who did what to whom: written by the operations themselves, in their own transaction, and never changed."""

import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from accounts.models import AuditEntry, User
from messagehub import tenancy

NAMED = re.compile(r"[\w.-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the request that is being answered came from."""

    address: str | None = None
    request_id: str = ""


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


class OriginMiddleware:
    """Remembers the request's address and id for what is recorded while it is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if NAMED.fullmatch(given) else str(uuid4())
        before = _origin.set(Origin(request.META.get("REMOTE_ADDR") or None, request_id))
        try:
            response = self.get_response(request)
        finally:
            _origin.reset(before)
        response["X-Request-ID"] = request_id
        return response


def record_action(
    action: str, *, actor: User | None, target: Model | None = None, before: Any = None, after: Any = None
) -> None:
    """Write one line, `noun.verb`. `before` and `after` say what changed and never hold a secret.

    It belongs to the target's organization, or else to the actor's.
    """
    organization_id = _organization_of(target) or _organization_of(actor)
    origin = _origin.get()
    with tenancy.organization(organization_id) if organization_id else tenancy.system():
        AuditEntry.objects.create(
            organization_id=organization_id,
            actor=actor,
            action=action,
            target_type=str(target._meta.model_name) if target is not None else "",
            target_id=str(target.pk) if target is not None else "",
            before=before,
            after=after,
            address=origin.address,
            request_id=origin.request_id,
        )


def least_id_at(moment: datetime) -> UUID:
    """The smallest id that an entry of this moment can have, for finding entries by time in the index of their ids."""
    # The first 48 bits of a UUIDv7 are milliseconds (https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7).
    return UUID(int=max(int(moment.timestamp() * 1000), 0) << 80)


def _organization_of(row: Model | None):
    if row is None:
        return None
    if row._meta.model_name == "organization":
        return row.pk
    own = getattr(row, "organization_id", None)
    return own or getattr(getattr(row, "user", None), "organization_id", None)
