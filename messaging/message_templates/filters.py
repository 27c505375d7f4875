"""The filters of templates."""

from django.utils.translation import gettext_lazy as _

from chatrooms.filters import InChatroomFilterSet
from messagehub.api.filters import KnownValueFilter, SearchFilter, TruthFilter


class TemplateFilterSet(InChatroomFilterSet):
    archived = TruthFilter(field_name="archived_at", lookup_expr="isnull", exclude=True)


class TemplateListFilterSet(InChatroomFilterSet):
    """The page's, which also searches names and texts, and has what is offered without a filter."""

    search = SearchFilter()
    state = KnownValueFilter(choices=[("archived", _("Archived"))])
