"""Lists on pages: a filter bar made from the API's FilterSet, pages by position, and a selection for bulk actions.

A view calls `build_list` and draws `list` with the templates of `ui/lists/`. Everything works by links and forms;
`static/ui/lists.js` adds to it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Model
from django.http import Http404, HttpRequest, QueryDict
from django.utils.functional import Promise

from messagehub import languages
from messagehub.api.filters import DayFilter, FilterSet
from messagehub.api.pagination import Position, fetch_page

Words = str | Promise
MOST_SELECTED = 200  # rows by id; more are selected by their filter
CHOSEN_CONTACTS = "chosen_contacts"  # of the browser's session: selected in the list, for the page that comes next


class NothingSelected(Exception):
    """The form of a bulk action came without a row."""


@dataclass(frozen=True)
class ListDefinition:
    """What a list is filtered by. `labels` names the filters that the bar offers, in their order.

    `links_only` are filters that addresses may have and the bar does not offer, as there are too many to choose from.
    """

    model: type[Model]
    filterset_class: type[FilterSet]
    labels: Mapping[str, Words]
    search_label: Words = ""
    links_only: Mapping[str, Words] = field(default_factory=dict)
    page_size: int = 50


@dataclass(frozen=True)
class Choice:
    value: str
    words: Words
    is_chosen: bool


@dataclass(frozen=True)
class FilterField:
    """One field of the bar. One with a list of choices is a select, any other is an input of a type."""

    name: str
    label: Words
    value: str
    choices: Sequence[Choice]
    input_type: str
    errors: Sequence[str]

    @property
    def words(self) -> Words:
        """What is chosen, as people read it."""
        if self.input_type == "date" and not self.errors:
            return languages.format_day(date.fromisoformat(self.value), "j F Y")
        return next((choice.words for choice in self.choices if choice.is_chosen), self.value)


@dataclass(frozen=True)
class Chip:
    """A filter that is on, and the address of the list without it."""

    label: Words
    words: Words
    url: str


@dataclass(frozen=True)
class ListPage:
    """What the templates of `ui/lists/` draw."""

    path: str
    rows: Sequence
    search: str
    search_label: Words
    fields: Sequence[FilterField]
    chips: Sequence[Chip]
    query: str  # of the filters alone: what "all that match" means
    older_url: str
    newer_url: str
    first_url: str

    @property
    def is_filtered(self) -> bool:
        return bool(self.query)

    @property
    def errors(self) -> list[str]:
        return [error for field in self.fields for error in field.errors]

    @property
    def status(self) -> int:
        return 422 if self.errors else 200

    @property
    def has_other_pages(self) -> bool:
        return bool(self.older_url or self.newer_url)


@dataclass(frozen=True)
class Selection:
    """The rows that a bulk action is for: some ids, or where these are None all rows that match `filters`."""

    ids: list[UUID] | None
    filters: dict


def build_list(
    request: HttpRequest,
    definition: ListDefinition,
    fetch: Callable[..., Sequence],
    position_of: Callable[[Any], Position],
    *,
    fixed: Mapping[str, Any] | None = None,
) -> ListPage:
    """A page of the list that the address asks for. Raises Http404 for a filter by what the viewer may not see.

    `fetch` is called with `limit`, `after`, `before` and the values of the filters by their `field_name`, and with
    those of `fixed`, which the address can't change.
    """
    filterset = _read_filterset(definition, request.GET, request)
    fields = [*_build_fields(filterset, definition.labels), *_build_links(filterset, definition.links_only)]
    search = filterset.data.get("search", "") if "search" in filterset.filters else ""
    chosen = {field.name: field.value for field in fields if field.value}
    query = {**({"search": search} if search else {}), **chosen}
    page = None
    if filterset.form.is_valid():
        values = {**filterset.values, **(fixed or {})}
        try:
            page = fetch_page(
                lambda **place: fetch(**place, **values),
                position_of,
                size=definition.page_size,
                cursor=request.GET.get("cursor", ""),
            )
        except ValueError:
            raise BadRequest("There is no such place in the list.") from None
    return ListPage(
        path=request.path,
        rows=page.rows if page else [],
        search=search,
        search_label=definition.search_label,
        fields=fields,
        chips=[
            Chip(field.label, field.words, _address(request, {**query, field.name: ""}))
            for field in fields
            if field.value and not field.errors
        ],
        query=urlencode(query),
        older_url=_address(request, {**query, "cursor": page.next_cursor}) if page and page.next_cursor else "",
        newer_url=_address(request, {**query, "cursor": page.previous_cursor}) if page and page.previous_cursor else "",
        first_url=_address(request, query),
    )


def read_selection(request: HttpRequest, definition: ListDefinition) -> Selection:
    """The rows that a form of `ui/lists/bulk.html` names. Raises NothingSelected, BadRequest and Http404."""
    if request.POST.get("all"):
        return Selection(None, read_query(QueryDict(request.POST.get("query", "")), definition, request))
    try:
        ids = [UUID(text) for text in request.POST.getlist("selected")]
    except ValueError:
        raise BadRequest("There is no such row.") from None
    if not ids:
        raise NothingSelected
    if len(ids) > MOST_SELECTED:
        raise BadRequest("Too many rows at once.")
    return Selection(ids, {})


def read_query(query: QueryDict, definition: ListDefinition, request: HttpRequest) -> dict:
    """The values of the filters in a query, for what takes all that match. Raises BadRequest and Http404."""
    filterset = _read_filterset(definition, query, request)
    if not filterset.form.is_valid():
        raise BadRequest("There is no such filter.")
    return filterset.values


def say_undoable(request: HttpRequest, words: str, undo_url: str) -> None:
    """A notice on the next page, with a button that takes back what was done."""
    messages.success(request, words, extra_tags=undo_url)


def _read_filterset(definition: ListDefinition, query: QueryDict, request: HttpRequest) -> FilterSet:
    data = query.copy()
    if "search" in data:
        data["search"] = data["search"].replace("\0", "").strip()[:200]
    # The values are used by statements written by hand: nothing is filtered by the FilterSet itself.
    filterset = definition.filterset_class(data, queryset=definition.model._base_manager.none(), request=request)
    for name in filterset.form.errors:
        if isinstance(filterset.form.fields[name], forms.ModelChoiceField):
            raise Http404
    return filterset


def _build_fields(filterset: FilterSet, labels: Mapping[str, Words]) -> Iterable[FilterField]:
    for name, label in labels.items():
        bound = filterset.form[name]
        value = str(bound.value() or "").replace("\0", "").strip()[:200]
        choices = [
            Choice(str(choice), words, str(choice) == value)
            for choice, words in getattr(bound.field, "choices", ())
            if str(choice)
        ]
        # With one chatroom, or without any group, there is nothing to choose.
        is_row = isinstance(bound.field, forms.ModelChoiceField)
        if is_row and not value and len(choices) < (2 if name == "chatroom_id" else 1):
            continue
        yield FilterField(
            name=name,
            label=label,
            value=value,
            choices=choices,
            input_type="date" if isinstance(filterset.filters[name], DayFilter) else "text",
            errors=bound.errors,
        )


def _build_links(filterset: FilterSet, labels: Mapping[str, Words]) -> Iterable[FilterField]:
    """Only those that are on."""
    for name, label in labels.items():
        if filterset.form.is_valid() and (chosen := filterset.form.cleaned_data[name]):
            value = str(filterset.form[name].value())
            yield FilterField(name, label, value, [Choice(value, str(chosen), True)], "hidden", [])


def _address(request: HttpRequest, query: Mapping[str, str]) -> str:
    kept = {name: value for name, value in query.items() if value}
    return f"{request.path}?{urlencode(kept)}" if kept else request.path
