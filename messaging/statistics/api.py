"""/api/stats: what the dashboard shows."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.response import Response

from chatrooms.models import Chatroom
from messagehub import datetimes
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantViewSet
from messaging.models import Message, Platform
from messaging.statistics import queries
from messaging.statistics.filters import StatisticsFilterSet

DAYS, MOST_DAYS = 30, 366


class CountsSerializer(serializers.Serializer):
    """Message counts, the tokens spent on them after refunds, and conversations that were resolved."""

    inbound = serializers.IntegerField()
    outbound = serializers.IntegerField()
    delivered = serializers.IntegerField()
    failed = serializers.IntegerField()
    tokens_spent = serializers.IntegerField()
    resolved = serializers.IntegerField(
        help_text="Conversations that were resolved in this time, and were not reopened since."
    )


class TotalsSerializer(CountsSerializer):
    """Totals, and how long customers waited for an answer: the median, and what nine of ten did not exceed."""

    first_response_seconds = serializers.FloatField(allow_null=True)
    first_response_p90_seconds = serializers.FloatField(allow_null=True)


class PlatformCountsSerializer(CountsSerializer):
    """The messages of one platform."""

    platform = serializers.ChoiceField(choices=Platform.choices)


class DayCountsSerializer(TotalsSerializer):
    """The messages of one day in the organization's time zone."""

    date = serializers.DateField()


class StatsSerializer(serializers.Serializer):
    """The dashboard's numbers."""

    time_zone = serializers.CharField()
    totals = TotalsSerializer()
    platforms = PlatformCountsSerializer(many=True)
    days = DayCountsSerializer(many=True)

    def get_fields(self) -> dict:
        return {"from": serializers.DateField(), "to": serializers.DateField(), **super().get_fields()}


class StatisticsViewSet(TenantViewSet):
    """Messages and tokens, day by day."""

    queryset = Message.objects.all()
    serializer_class = StatsSerializer
    filterset_class = StatisticsFilterSet
    pagination_class = None

    @operation(
        "Get statistics",
        description="Days in the organization's time zone, at most 366. Defaults to the last 30 days.",
        answers={200: StatsSerializer},
    )
    def list(self, request):
        filters = self.read_filters()
        zone = request.user.organization.time_zone
        last = filters.get("to") or datetime.now(datetimes.read_time_zone(zone)).date()
        first = filters.get("from") or last - timedelta(days=DAYS - 1)
        if not 0 <= (last - first).days < MOST_DAYS:
            raise serializers.ValidationError({"from": [_("Choose a range of 1 to {n} days.").format(n=MOST_DAYS)]})
        rooms = Chatroom.objects.visible_to(request.user)
        if "chatroom" in filters:
            rooms = rooms.filter(pk=filters["chatroom"].pk)
        return Response(queries.read_statistics(rooms.values_list("pk", flat=True), first, last, zone))
