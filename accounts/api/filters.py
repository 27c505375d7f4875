"""Filters by person, and of the list of people."""

from datetime import date, datetime, time, timedelta

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field

from accounts import audit
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


# The first word of an action, as `accounts.audit.record_action` writes them.
SUBJECTS = (
    "account", "audit", "campaign", "chatroom", "contact", "key", "label", "message", "number", "organization", "page",
    "password", "second_factor", "sign_in", "tokens", "user", "webhook",
)  # fmt: skip


class AuditFilterSet(FilterSet):
    """Of the audit log. Days are the viewer's."""

    subject = KnownValueFilter(method="filter_subject", choices=[(name, name) for name in SUBJECTS])
    person = SearchFilter(method="filter_person", help_text="Part of the name or address of who did it.")
    from_day = django_filters.DateFilter(method="filter_from")
    to_day = django_filters.DateFilter(method="filter_to")

    def filter_subject(self, entries: QuerySet, name: str, value: str) -> QuerySet:
        return entries.filter(action__startswith=f"{value}.")

    def filter_person(self, entries: QuerySet, name: str, value: str) -> QuerySet:
        colleagues = User.objects.filter(organization_id=self.request.user.organization_id)
        matching = colleagues.filter(Q(name__icontains=value) | Q(email__icontains=value))
        return entries.filter(actor_id__in=list(matching.values_list("pk", flat=True)))

    def filter_from(self, entries: QuerySet, name: str, value: date) -> QuerySet:
        return entries.filter(pk__gte=audit.least_id_at(_midnight(value)))

    def filter_to(self, entries: QuerySet, name: str, value: date) -> QuerySet:
        return entries.filter(pk__lt=audit.least_id_at(_midnight(value + timedelta(days=1))))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
