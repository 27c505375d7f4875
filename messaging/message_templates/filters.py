"""The filters of templates."""

from django.utils.translation import gettext_lazy as _

from chatrooms.filters import InChatroomFilterSet
from messagehub.api.filters import KnownValueFilter, SearchFilter, TruthFilter, VisibleFilter
from messaging.models import Label, MessageTemplate


class InScopeFilterSet(InChatroomFilterSet):
    scope = KnownValueFilter(choices=MessageTemplate.Scope.choices, method="filter_scope")
    label_id = VisibleFilter(queryset=Label.objects.all(), field_name="label")

    def filter_scope(self, templates, _name, scope: str):
        return templates.of_scope(scope)


class TemplateFilterSet(InScopeFilterSet):
    archived = TruthFilter(field_name="archived_at", lookup_expr="isnull", exclude=True)


class TemplateListFilterSet(InScopeFilterSet):
    """The page's, which also searches names and texts, and has what is offered without a filter."""

    search = SearchFilter()
    state = KnownValueFilter(choices=[("unused", _("Never used")), ("archived", _("Archived"))])
