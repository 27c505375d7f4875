"""Which days are counted, both included, and which chatroom."""

from datetime import date

import django_filters
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy

from chatrooms.filters import ChatroomFilter
from messagehub.api.filters import FilterSet

THIS_CENTURY = gettext_lazy("Use a date of this century, such as 2026-01-31.")


class DayFilter(django_filters.DateFilter):
    def __init__(self, **options):
        validators = [
            MinValueValidator(date(2000, 1, 1), THIS_CENTURY),
            MaxValueValidator(date(2100, 1, 1), THIS_CENTURY),
        ]
        messages = {"invalid": THIS_CENTURY}
        super().__init__(input_formats=["%Y-%m-%d"], validators=validators, error_messages=messages, **options)


# Made by `type` because `from` is a word of the language.
StatisticsFilterSet = type(
    "StatisticsFilterSet", (FilterSet,), {"chatroom_id": ChatroomFilter(), "from": DayFilter(), "to": DayFilter()}
)
