"""Filters by person, and of the list of people."""

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema_field

from accounts.models import User
from messagehub.api.filters import FilterSet, KnownValueFilter, SearchFilter, VisibleFilter

# What an admin looks for; `pending` was invited and has not joined.
STATES = {
    "active": Q(is_active=True, joined_at__isnull=False),
    "pending": Q(is_active=True, joined_at=None),
    "deactivated": Q(is_active=False),
}


@extend_schema_field({"type": "string", "format": "uuid"})
class ColleagueFilter(VisibleFilter):
    """An id of somebody in the caller's organization."""

    def __init__(self, **options):
        super().__init__(queryset=User.objects.all(), **options)

    def get_queryset(self, request):
        return self.queryset.filter(organization_id=request.user.organization_id)


class UserFilterSet(FilterSet):
    """Of the people of an organization."""

    search = SearchFilter(method="filter_search", help_text="Part of a name or an email address.")
    role = KnownValueFilter(choices=User.Role.choices)
    state = KnownValueFilter(
        method="filter_state",
        choices=[(name, name) for name in STATES],
        help_text="`pending` was invited and has not joined yet.",
    )

    def filter_search(self, users: QuerySet, name: str, value: str) -> QuerySet:
        return users.filter(Q(name__icontains=value) | Q(email__icontains=value))

    def filter_state(self, users: QuerySet, name: str, value: str) -> QuerySet:
        return users.filter(STATES[value])
