"""What goes in and out at /api/tokens/."""

from rest_framework import serializers

from accounts.api.schema import PersonSerializer
from accounts.models import User
from tokens.models import TokenEntry

MOST = 1_000_000_000


class UpdateSerializer(serializers.Serializer):
    """Either the balance that is to stand there, or what is to be added or taken."""

    user_id = serializers.UUIDField()
    balance = serializers.IntegerField(min_value=0, max_value=MOST, required=False)
    delta = serializers.IntegerField(min_value=-MOST, max_value=MOST, required=False)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")

    def validate(self, data: dict) -> dict:
        if ("balance" in data) == ("delta" in data):
            raise serializers.ValidationError("Give either balance or delta.")
        if data.get("delta") == 0:
            raise serializers.ValidationError({"delta": ["This changes nothing."]})
        return data


class WhoseSerializer(serializers.Serializer):
    """Whose tokens are asked for."""

    user_id = serializers.UUIDField(required=False, error_messages={"invalid": "Not found."})


class BalanceSerializer(serializers.Serializer):
    """Tokens left; null for admins, who need none."""

    user_id = serializers.UUIDField()
    balance = serializers.IntegerField(allow_null=True)
    reserved = serializers.IntegerField(allow_null=True, help_text="Set aside for what is to be paid later.")


class UpdatedSerializer(serializers.Serializer):
    """The balance now, and the entry that explains it (null when nothing was written down)."""

    user_id = serializers.UUIDField()
    balance = serializers.IntegerField()
    entry_id = serializers.UUIDField(allow_null=True)


class HolderSerializer(BalanceSerializer):
    """Somebody and their tokens."""

    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=User.Role.values)
    is_active = serializers.BooleanField()
    is_low = serializers.BooleanField(help_text="Below the organization's limit.")


class EntrySerializer(serializers.Serializer):
    """One change of a balance."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=TokenEntry.Kind.choices)
    amount = serializers.IntegerField()
    balance_after = serializers.IntegerField()
    reference = serializers.CharField()
    reason = serializers.CharField()
    actor = PersonSerializer(allow_null=True)
    created_at = serializers.DateTimeField()
