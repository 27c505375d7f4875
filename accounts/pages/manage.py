"""What the pages beneath /manage/ share: only admins get them, and filters come from the endpoints' own."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from messagehub.api.filters import FilterSet


def admins_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse everybody but admins of an organization, before anything is read."""

    @wraps(view)
    def guarded(request: HttpRequest, *args, **options) -> HttpResponse:
        if not (request.user.is_admin and request.user.organization_id):
            raise PermissionDenied
        return view(request, *args, **options)

    return guarded


def filter_page(request: HttpRequest, filter_class: type[FilterSet], rows: QuerySet) -> QuerySet:
    """The rows that the page's address asks for. Raises BadRequest for values that the endpoint refuses too."""
    filters = filter_class(request.GET, queryset=rows, request=request)
    if not filters.is_valid():
        raise BadRequest("Unknown filter.")
    return filters.qs


def read_position(request: HttpRequest, name: str = "after") -> UUID | None:
    """The row after which the list goes on. Raises BadRequest for what is no id."""
    try:
        return UUID(request.GET[name]) if request.GET.get(name) else None
    except ValueError:
        raise BadRequest("Unknown position.") from None


def cut_page(request: HttpRequest, rows: QuerySet, size: int, field: str = "name") -> tuple[list, str]:
    """A page of rows in the order of a text, and the query string of the next page; empty on the last one."""
    if position := read_position(request):
        last = rows.model.objects.filter(organization_id=request.user.organization_id, pk=position).first()
        if last is None:
            raise BadRequest("Unknown position.")
        text = getattr(last, field)
        rows = rows.filter(Q(**{f"{field}__gt": text}) | Q(**{field: text, "pk__gt": last.pk}))
    page = list(rows.order_by(field, "pk")[: size + 1])
    return page[:size], next_query(request, after=page[size - 1].pk) if len(page) > size else ""


def next_query(request: HttpRequest, **position) -> str:
    """The page's filters with another position."""
    query = request.GET.copy()
    for name, value in position.items():
        query[name] = str(value)
    return query.urlencode()
