"""Filters by chatroom and by person, for every list that has them."""

from drf_spectacular.utils import extend_schema_field

from accounts.models import User
from chatrooms.models import Chatroom
from messagehub.api.filters import FilterSet, SearchFilter, VisibleFilter


@extend_schema_field({"type": "string", "format": "uuid"})
class ColleagueFilter(VisibleFilter):
    """An id of somebody in the caller's organization."""

    def __init__(self, **options):
        super().__init__(queryset=User.objects.all(), **options)

    def get_queryset(self, request):
        return self.queryset.filter(organization_id=request.user.organization_id)


class ChatroomFilter(VisibleFilter):
    def __init__(self, **options):
        super().__init__(**{"queryset": Chatroom.objects.all(), "field_name": "chatroom", **options})


class InChatroomFilterSet(FilterSet):
    """For lists that only the chatroom divides."""

    chatroom_id = ChatroomFilter()


class AssignmentFilterSet(InChatroomFilterSet):
    user_id = ColleagueFilter(field_name="user")


class ContactFilterSet(InChatroomFilterSet):
    search = SearchFilter()
