"""What goes in at /api/events."""

from rest_framework import serializers


class EventFilters(serializers.Serializer):
    """The query parameters of the log."""

    after = serializers.CharField(required=False, help_text="The last cursor that was seen.")
