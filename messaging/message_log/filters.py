"""Filters of the message log."""

import django_filters
from django.utils.translation import gettext_lazy as _

from messagehub.api.filters import DayFilter, KnownValueFilter
from messaging.conversations.filters import MessageFilterSet

STATES = [
    ("unknown", _("Delivery unknown")),
    ("failed", _("Failed")),
    ("stuck", _("Stuck for 10 minutes")),
    ("waiting", _("Waiting")),
    ("sent", _("Sent")),
    ("delivered", _("Delivered")),
    ("canceled", _("Canceled")),
    ("received", _("Received")),
]
DIRECTIONS = [("inbound", _("Received by us")), ("outbound", _("Sent by us"))]


class MessageLogFilterSet(MessageFilterSet):
    """The API's filters, with groups of statuses, and days on the viewer's calendar. `search` finds more than text."""

    direction = KnownValueFilter(choices=DIRECTIONS)
    state = KnownValueFilter(choices=STATES)
    error_code = django_filters.CharFilter(max_length=32)
    since = DayFilter()
    until = DayFilter()
