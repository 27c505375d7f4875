"""The filters of campaigns and of their recipients."""

import django_filters

from messagehub.api.filters import FilterSet
from messaging.models import CampaignRecipient


class RecipientFilterSet(FilterSet):
    outcome = django_filters.ChoiceFilter(choices=CampaignRecipient.Outcome.choices)
