"""Filters by chatroom and by person, for every list that has them."""

from accounts.api.filters import ColleagueFilter
from chatrooms.models import Chatroom
from messagehub.api.filters import FilterSet, SearchFilter, VisibleFilter


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
