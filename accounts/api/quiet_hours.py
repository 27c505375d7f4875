"""Quiet hours as the API has them: of an organization, or of one chatroom."""

from datetime import time
from typing import Protocol

from rest_framework import serializers

from messagehub.api.serializers import WholeSerializer


class Quietable(Protocol):
    quiet_from: time | None
    quiet_until: time | None


class QuietHoursSerializer(WholeSerializer):
    """Over midnight where `from` is later than `until`."""

    until = serializers.TimeField(input_formats=["%H:%M"], format="%H:%M")

    def get_fields(self) -> dict:
        clock = serializers.TimeField(input_formats=["%H:%M"], format="%H:%M")
        return {"from": clock, **super().get_fields()}  # `from` is a word of the language

    def validate(self, data: dict) -> dict:
        if data["from"] == data["until"]:
            raise serializers.ValidationError({"until": ["Choose an end that differs from the start."]})
        return data


def describe_quiet_hours(owner: Quietable) -> dict[str, str] | None:
    if owner.quiet_from is None or owner.quiet_until is None:
        return None
    return {"from": f"{owner.quiet_from:%H:%M}", "until": f"{owner.quiet_until:%H:%M}"}


def read_quiet_hours(given: dict | None) -> dict[str, time | None]:
    """As columns of whoever has them."""
    given = given or {}
    return {"quiet_from": given.get("from"), "quiet_until": given.get("until")}
