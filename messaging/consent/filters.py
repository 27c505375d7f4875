"""The filters of the list of offers."""

from chatrooms.filters import ChatroomFilter
from messagehub.api.filters import FilterSet


class OfferFilterSet(FilterSet):
    chatroom_id = ChatroomFilter(field_name="message__chatroom")
