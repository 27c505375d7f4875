"""What goes out at /api/campaigns/{id}/preflight."""

from rest_framework import serializers

from messaging.campaigns.serializers import PausedSerializer


class SkippedSerializer(PausedSerializer):
    """How many contacts are skipped for one reason."""

    count = serializers.IntegerField()


class LaterSerializer(serializers.Serializer):
    """Recipients who wait for the end of quiet hours or of a holiday in their time zone."""

    time_zone = serializers.CharField()
    opens_at = serializers.DateTimeField()
    count = serializers.IntegerField()


class TextContactSerializer(serializers.Serializer):
    """Whose text it is."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class TextSerializer(serializers.Serializer):
    """A text as one recipient gets it."""

    segments = serializers.IntegerField()
    characters = serializers.IntegerField()
    text = serializers.CharField()
    contact = TextContactSerializer()


class TextsSerializer(serializers.Serializer):
    """The segments of all texts, and the two that differ most."""

    total = serializers.IntegerField()
    shortest = TextSerializer(allow_null=True)
    longest = TextSerializer(allow_null=True)


class NeededTokensSerializer(serializers.Serializer):
    """What the campaign would cost you, and how many recipients your balance covers. Admins have no balance."""

    needed = serializers.IntegerField()
    balance = serializers.IntegerField(allow_null=True)
    covered = serializers.IntegerField()


class ObstacleSerializer(serializers.Serializer):
    """Why the campaign can't start, and what to do about it."""

    code = serializers.CharField()
    message = serializers.CharField()
    fix = serializers.CharField()
    opens_at = serializers.DateTimeField(allow_null=True)


class PreflightSerializer(serializers.Serializer):
    """What the campaign would do if you started it now."""

    reasons = ObstacleSerializer(
        many=True, help_text="Why it can't start: each file that its channel can't send. Empty where it can."
    )
    audience = serializers.IntegerField()
    in_several_groups = serializers.IntegerField(help_text="Memberships beyond the first of each contact.")
    left_out = serializers.IntegerField(
        help_text="Contacts of its groups who are not in the audience: in an excluded group, or not as it wants them."
    )
    recipients = serializers.IntegerField(help_text="Contacts who would get a message.")
    skipped = SkippedSerializer(many=True)
    later = LaterSerializer(many=True)
    segments = TextsSerializer()
    tokens = NeededTokensSerializer()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="Null where the channel has no rate of its own.")
