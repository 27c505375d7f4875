"""Filters by person."""

from drf_spectacular.utils import extend_schema_field

from accounts.models import User
from messagehub.api.filters import VisibleFilter


@extend_schema_field({"type": "string", "format": "uuid"})
class ColleagueFilter(VisibleFilter):
    """An id of somebody in the caller's organization."""

    def __init__(self, **options):
        super().__init__(queryset=User.objects.all(), **options)

    def get_queryset(self, request):
        return self.queryset.filter(organization_id=request.user.organization_id)
