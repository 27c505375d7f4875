"""The conventions of the API that every endpoint shares: JSON, keyset pages, and filters that are known or refused."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework import parsers, renderers, throttling
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.response import Response

from messagehub import limits
from messagehub.api import conventions

PAGE, LARGEST_PAGE = 50, 200
Position = tuple[datetime, UUID]


class JSONRenderer(renderers.BaseRenderer):
    """JSON by orjson."""

    media_type, format, charset = "application/json", "json", None

    def render(self, data, accepted_media_type=None, renderer_context=None) -> bytes:
        return b"" if data is None else orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z)


class JSONParser(parsers.BaseParser):
    """A JSON object in strict form: no NaN, no lone surrogates, no NUL, no nesting without end, no doubled keys."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        length = parser_context["request"].META.get("CONTENT_LENGTH") or "0"
        if int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:  # Django only guards `body`, not the stream
            raise RequestDataTooBig
        raw = stream.read()
        if not raw:
            return {}
        try:
            orjson.loads(raw)  # refuses NaN, bad UTF-8, lone surrogates and endless nesting
            data = json.loads(raw, object_pairs_hook=_once)
            nul = _has_nul(data)
        except (ValueError, RecursionError):
            raise ParseError("The body is not valid JSON.") from None
        if not isinstance(data, dict):
            raise ParseError("The body must be a JSON object.")
        if nul:
            raise ParseError("The body contains a NUL character.")
        return data


def _once(pairs: list[tuple[str, Any]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("A key stands twice.")
    return found


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(each) for key, each in value.items())
    return isinstance(value, list) and any(_has_nul(each) for each in value)


class Throttle(throttling.BaseThrottle):
    """So many requests a minute for a person, or for an address that is not signed in. Open while Valkey is away."""

    def allow_request(self, request, view) -> bool:
        try:
            if request.user.is_authenticated:
                limits.count("requests_per_user", str(request.user.pk))
            else:
                limits.count("requests_per_address", request.META.get("REMOTE_ADDR", ""))
        except limits.TooMany as error:
            self.seconds = error.retry_after
            return False
        except limits.Unavailable:
            return True
        return True

    def wait(self) -> float:
        return self.seconds


def known_only(request, names, *, paged: bool = True) -> None:
    """Refuse query parameters but these and those of the page. Raises ValidationError."""
    unknown = set(request.query_params) - set(names) - ({"cursor", "page_size"} if paged else set())
    if unknown:
        raise ValidationError({name: ["There is no filter of this name."] for name in sorted(unknown)})


def idempotency_key(request) -> str:
    """The client's own key of this request, empty without one. Raises ValidationError for one that is no header."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 200 or not key.isprintable():
        raise ValidationError({"Idempotency-Key": ["Give at most 200 printable characters."]})
    return key


def validated(serializer_class, request, data, *, partial: bool = False, **context) -> dict:
    """What came in, checked. Raises ValidationError."""
    serializer = serializer_class(data=data, partial=partial, context={"request": request, **context})
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def filters(serializer_class, request) -> dict:
    """The query parameters that were given; unknown ones are refused."""
    known_only(request, serializer_class().fields)
    fields = serializer_class().fields
    given = {name: value for name, value in request.query_params.items() if name in fields}
    wanted = {fields[name].source or name for name in given}
    return {name: value for name, value in validated(serializer_class, request, given).items() if name in wanted}


def found(queryset: QuerySet, pk: UUID):
    """The row with this key, if it is among what the caller may see; otherwise it does not exist."""
    row = queryset.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def created(request, shape: dict) -> Response:
    """201, with the address of what was made below the list that it was posted to."""
    return Response(
        shape, status=201, headers={"Location": request.build_absolute_uri(f"{request.path}/{shape['id']}")}
    )


def page_size(request) -> int:
    """How many a page is to hold; 50 unless asked, 200 at most. Raises ValidationError."""
    given = request.query_params.get("page_size", str(PAGE))
    if not (given.isascii() and given.isdigit() and len(given) < 5 and 1 <= int(given) <= LARGEST_PAGE):
        raise ValidationError({"page_size": [f"Give a number from 1 to {LARGEST_PAGE}."]})
    return int(given)


def position(request) -> tuple[Position | None, Position | None]:
    """Where the page begins, as (after, before); at most one is given. Raises ValidationError."""
    given = request.query_params.get("cursor")
    if given is None:
        return None, None
    try:
        direction, at, key = base64.urlsafe_b64decode(given.encode() + b"==").decode().split("|")
        moment_, pk = datetime.fromisoformat(at), UUID(key)
        if direction not in ("a", "b") or moment_.tzinfo is None:
            raise ValueError
        where = moment_.astimezone(UTC), pk
    except (ValueError, OverflowError):
        raise ValidationError({"cursor": ["This cursor was not given out by this list."]}) from None
    return (where, None) if direction == "a" else (None, where)


def link(request, direction: str, where: Position) -> str:
    """The address of the page after (`a`) or before (`b`) a position."""
    token = base64.urlsafe_b64encode(f"{direction}|{where[0].isoformat()}|{where[1]}".encode()).decode().rstrip("=")
    params = [(name, value) for name, value in request.query_params.items() if name != "cursor"]
    return request.build_absolute_uri(f"{request.path}?{urlencode([*params, ('cursor', token)])}")


def moment(text: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(text)


def page(
    request, fetch: Callable[..., list], where: Callable[[Any], Position], shape: Callable[[list], list]
) -> Response:
    """A page of a list. `fetch(limit=, after=, before=)` reads rows in the list's order, one more than the page holds
    tells whether there is another."""
    size = page_size(request)
    after, before = position(request)
    found = fetch(limit=size + 1, after=after, before=before)
    more = len(found) > size
    found = (found[1:] if before else found[:-1]) if more else found
    following, preceding = (bool(found), more) if before else (more, bool(after))
    return Response(
        {
            "results": shape(found),
            "next": link(request, "a", where(found[-1])) if found and following else None,
            "previous": link(request, "b", where(found[0])) if found and preceding else None,
        }
    )


def keyset(queryset: QuerySet, field: str) -> Callable[..., list]:
    """A `fetch` for `page`: the queryset newest first by (field, id)."""

    def fetch(*, limit: int, after: Position | None, before: Position | None) -> list:
        rows = queryset.order_by(f"-{field}", "-pk")
        if after:
            rows = rows.filter(Q(**{f"{field}__lt": after[0]}) | Q(**{field: after[0], "pk__lt": after[1]}))
        if before:
            rows = queryset.order_by(field, "pk")
            rows = rows.filter(Q(**{f"{field}__gt": before[0]}) | Q(**{field: before[0], "pk__gt": before[1]}))
        return list(rows[:limit])[:: -1 if before else 1]

    return fetch


def newest_keys(queryset: QuerySet) -> Callable[..., list]:
    """A `fetch` for `page`: the queryset newest first by its time-ordered key alone."""

    def fetch(*, limit: int, after: Position | None, before: Position | None) -> list:
        if before:
            return list(queryset.filter(pk__gt=before[1]).order_by("pk")[:limit])[::-1]
        rows = queryset.filter(pk__lt=after[1]) if after else queryset
        return list(rows.order_by("-pk")[:limit])

    return fetch


def newest(row) -> conventions.Position:
    return row.created_at, row.pk
