"""What goes in and out at /api/opt-out-offers."""

from rest_framework import serializers

from accounts.api.serializers import PersonSerializer
from messagehub.api.serializers import RowSerializer
from messaging import payloads
from messaging.models import OptOutOffer

LONGEST_REASON = 300


class OptOutOfferSerializer(RowSerializer):
    """A customer's sentence that seems to ask for no more messages. `text` is empty once the customer unsent it."""

    id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    conversation_id = serializers.UUIDField()
    contact_id = serializers.UUIDField()
    channel_id = serializers.UUIDField()
    address = serializers.CharField(help_text="The customer's.")
    message_id = serializers.UUIDField()
    text = serializers.CharField()
    written_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(help_text="Ten business days after the message, by the organization's clock.")
    state = serializers.ChoiceField(choices=OptOutOffer.State.choices)
    closed_at = serializers.DateTimeField(allow_null=True)
    closed_by = PersonSerializer(allow_null=True, help_text="Null where the customer opted out by themselves.")
    reason = serializers.CharField()

    def represent_rows(self, rows: list[OptOutOffer]) -> list[dict]:
        return [payloads.describe_offer(row) for row in rows]


class AcceptedOfferSerializer(serializers.Serializer):
    """Why the customer is opted out; their own words are kept in any case."""

    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, allow_blank=True, default="")


class DismissedOfferSerializer(serializers.Serializer):
    """Why the customer did not mean it."""

    reason = serializers.CharField(max_length=LONGEST_REASON)
