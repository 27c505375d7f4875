"""The filters of campaigns and of their recipients."""

from messagehub.api.filters import FilterSet, KnownValueFilter
from messaging.models import CampaignRecipient


class RecipientFilterSet(FilterSet):
    outcome = KnownValueFilter(choices=CampaignRecipient.Outcome.choices)
