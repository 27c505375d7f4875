"""Pages by position: no COUNT and no OFFSET, so that every page costs the same however long the list is."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.response import Response

Position = tuple[datetime, UUID]


class KeysetPagination(BasePagination):
    """Newest first by (`ordering`, id), 50 a page and 200 at most.

    `paginate_rows` does the same for statements written by hand: it calls them with `limit`, `after` and `before`.
    """

    ordering = "created_at"
    page_size, max_page_size = 50, 200
    parameters = frozenset({"cursor", "page_size"})

    def paginate_queryset(self, queryset: QuerySet, request, view=None) -> list:
        return self.paginate_rows(partial(self.fetch_rows, queryset), attrgetter(self.ordering, "pk"), request)

    def paginate_rows(self, fetch: Callable[..., Sequence], position_of: Callable[[Any], Position], request) -> list:
        size = read_page_size(request, self.page_size, self.max_page_size)
        page = fetch_page(fetch, position_of, size=size, cursor=read_cursor(request))
        self.next_link = cursor_link(request, page.next_cursor)
        self.previous_link = cursor_link(request, page.previous_cursor)
        return page.rows

    def get_paginated_response(self, data: Sequence) -> Response:
        return Response({"results": data, "next": self.next_link, "previous": self.previous_link})

    def fetch_rows(self, queryset: QuerySet, *, limit: int, after: Position | None, before: Position | None) -> list:
        field = self.ordering
        rows = queryset.order_by(f"-{field}", "-pk")
        if after:
            rows = rows.filter(Q(**{f"{field}__lt": after[0]}) | Q(**{field: after[0], "pk__lt": after[1]}))
        if before:
            rows = queryset.order_by(field, "pk")
            rows = rows.filter(Q(**{f"{field}__gt": before[0]}) | Q(**{field: before[0], "pk__gt": before[1]}))
        return list(rows[:limit])[:: -1 if before else 1]


class KeyPagination(KeysetPagination):
    """Newest first by the time-ordered key alone, for tables whose key is indexed and whose time is not."""

    def fetch_rows(self, queryset: QuerySet, *, limit: int, after: Position | None, before: Position | None) -> list:
        if before:
            return list(queryset.filter(pk__gt=before[1]).order_by("pk")[:limit])[::-1]
        rows = queryset.filter(pk__lt=after[1]) if after else queryset
        return list(rows.order_by("-pk")[:limit])


def read_page_size(request, default: int, largest: int) -> int:
    text = request.query_params.get("page_size", str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= largest):
        raise ValidationError({"page_size": [_("Use a number from 1 to {largest}.").format(largest=largest)]})
    return int(text)


def read_cursor(request) -> str:
    """The cursor that the request asks for, empty for the first page. Raises ValidationError for one of no list."""
    cursor = request.query_params.get("cursor")
    if cursor is None:
        return ""
    try:
        decode_cursor(cursor)
    except ValueError:
        raise ValidationError({"cursor": [_("Invalid cursor for this list.")]}) from None
    return cursor


def cursor_link(request, cursor: str) -> str | None:
    """The address of the page at a cursor."""
    if not cursor:
        return None
    params = [(name, value) for name, value in request.query_params.items() if name != "cursor"]
    return request.build_absolute_uri(f"{request.path}?{urlencode([*params, ('cursor', cursor)])}")


# ---------------------------------------------------------------- for the API and for pages
@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows of a list, and the cursors of the pages beside them; empty where there are none."""

    rows: list
    next_cursor: str
    previous_cursor: str


def fetch_page(
    fetch: Callable[..., Sequence], position_of: Callable[[Any], Position], *, size: int, cursor: str
) -> RowPage:
    """Call `fetch` with `limit`, `after` and `before`, of which one position at most is set. Raises ValueError."""
    after, before = decode_cursor(cursor) if cursor else (None, None)
    rows = list(fetch(limit=size + 1, after=after, before=before))  # one more tells whether there is another page
    has_more = len(rows) > size
    rows = (rows[1:] if before else rows[:-1]) if has_more else rows
    has_next, has_previous = (bool(rows), has_more) if before else (has_more, bool(after))
    return RowPage(
        rows,
        encode_cursor("a", position_of(rows[-1])) if rows and has_next else "",
        encode_cursor("b", position_of(rows[0])) if rows and has_previous else "",
    )


def encode_cursor(direction: str, position: Position) -> str:
    """The page after (`a`) or before (`b`) a position, as opaque text."""
    text = f"{direction}|{position[0].isoformat()}|{position[1]}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[Position | None, Position | None]:
    """Where the page begins, as (after, before). Raises ValueError."""
    try:
        direction, at, key = base64.urlsafe_b64decode(cursor.encode() + b"==").decode().split("|")
        moment, pk = datetime.fromisoformat(at), UUID(key)
        position = moment.astimezone(UTC), pk
    except OverflowError as error:
        raise ValueError("No year has this number.") from error
    if direction not in ("a", "b") or moment.tzinfo is None:
        raise ValueError("This is no cursor.")
    return (position, None) if direction == "a" else (None, position)
