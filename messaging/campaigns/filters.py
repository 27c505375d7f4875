"""The filters of campaigns and of their recipients."""

from chatrooms.filters import InChatroomFilterSet
from messagehub.api.filters import FilterSet, KnownValueFilter
from messaging.models import Campaign, CampaignRecipient


class CampaignFilterSet(InChatroomFilterSet):
    state = KnownValueFilter(choices=Campaign.State.choices)


class RecipientFilterSet(FilterSet):
    outcome = KnownValueFilter(choices=CampaignRecipient.Outcome.choices)
