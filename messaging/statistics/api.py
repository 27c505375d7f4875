"""/api/stats: what the dashboard shows."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from chatrooms.fields import VisibleRelatedField
from chatrooms.models import Chatroom
from messagehub.api import conventions
from messagehub.api.schema import operation
from messaging.models import Platform
from messaging.statistics import queries

DAYS, MOST_DAYS = 30, 366
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)


class DayField(serializers.DateField):
    """A day that messages may have been sent on."""

    def to_internal_value(self, value) -> date:
        given = super().to_internal_value(value)
        if not EARLIEST <= given <= LATEST:
            raise serializers.ValidationError("Give a day of this century.")
        return given


class StatsFilters(serializers.Serializer):
    """Which days are counted, both included, and which chatroom; otherwise the last 30 and all of them."""

    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False)

    def get_fields(self) -> dict:
        return {"from": DayField(required=False), "to": DayField(required=False), **super().get_fields()}


class CountsSerializer(serializers.Serializer):
    """Messages, and the tokens that they cost after refunds."""

    inbound = serializers.IntegerField()
    outbound = serializers.IntegerField()
    delivered = serializers.IntegerField()
    failed = serializers.IntegerField()
    tokens_spent = serializers.IntegerField()


class TotalsSerializer(CountsSerializer):
    """All days together, and the median time to the first answer (null where nothing was answered)."""

    first_response_seconds = serializers.FloatField(allow_null=True)


class PlatformCountsSerializer(CountsSerializer):
    """The messages of one platform."""

    platform = serializers.ChoiceField(choices=Platform.choices)


class DayCountsSerializer(CountsSerializer):
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


class StatsView(APIView):
    """Messages and tokens, day by day."""

    @operation(
        "Read statistics",
        description="Days are those of the organization's time zone; a year at most.",
        query=StatsFilters,
        answers={200: StatsSerializer},
    )
    def get(self, request):
        given = conventions.filters(StatsFilters, request)
        zone = request.user.organization.time_zone
        last = given.get("to") or datetime.now(ZoneInfo(zone)).date()
        first = given.get("from") or last - timedelta(days=DAYS - 1)
        if not 0 <= (last - first).days < MOST_DAYS:
            raise serializers.ValidationError({"from": [f"Ask for 1 to {MOST_DAYS} days."]})
        rooms = Chatroom.objects.visible_to(request.user)
        if "chatroom_id" in given:
            rooms = rooms.filter(pk=given["chatroom_id"].pk)
        return Response(queries.statistics(rooms.values_list("pk", flat=True), first, last, zone))
