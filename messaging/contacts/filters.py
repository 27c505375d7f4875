"""Filters of contacts: of the API's list, of the page, of the export, and of what is done to all that match."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field

from chatrooms.filters import ContactFilterSet, InChatroomFilterSet
from chatrooms.models import Group
from messagehub.api.filters import KnownValueFilter, SearchFilter, TruthFilter, VisibleFilter, VisibleFormField
from messaging.models import ACTIVITY, Platform

CONSENT = [("opted_in", _("Opted in")), ("opted_out", _("Opted out")), ("unknown", _("Unknown"))]


class GroupFormField(VisibleFormField):
    """Groups of several chatrooms may have one name."""

    def label_from_instance(self, group: Group) -> str:
        return f"{group.name} ({group.chatroom.name})"


@extend_schema_field({"type": "string", "format": "uuid"})
class GroupFilter(VisibleFilter):
    field_class = GroupFormField

    def get_queryset(self, request: Any) -> QuerySet:
        return super().get_queryset(request).select_related("chatroom").order_by("name", "pk")


class ContactListFilterSet(ContactFilterSet):
    group_id = GroupFilter(queryset=Group.objects.all(), field_name="group")
    platform = KnownValueFilter(choices=Platform.choices)
    consent = KnownValueFilter(choices=CONSENT)
    activity = KnownValueFilter(choices=ACTIVITY, help_text="When the contact last wrote.")
    blocked = TruthFilter()


class GroupListFilterSet(InChatroomFilterSet):
    search = SearchFilter(field_name="name", lookup_expr="icontains")
