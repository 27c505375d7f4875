"""Whose tokens are asked for."""

from drf_spectacular.utils import extend_schema_field

from chatrooms.filters import ColleagueFilter
from messagehub.api.filters import FilterSet


@extend_schema_field({"type": "string", "format": "uuid"})
class HolderFilter(ColleagueFilter):
    """Admins ask for anybody's tokens in their organization, agents for their own."""

    def get_queryset(self, request):
        colleagues = super().get_queryset(request).select_related("token_account")
        return colleagues if request.user.is_admin else colleagues.filter(pk=request.user.pk)


class HolderFilterSet(FilterSet):
    user_id = HolderFilter(field_name="account__user")
