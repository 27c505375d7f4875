"""What goes in and out at /api/opt-out-offers and /api/contacts/{id}/consent."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.api.serializers import PersonSerializer
from accounts.models import Organization
from chatrooms.fields import VisibleRelatedField
from integrations.models import Channel
from messagehub.api.serializers import KnownValueField, RowSerializer
from messaging import payloads
from messaging.models import ConsentEntry, Message, OptOutOffer, Platform

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


class LastSentSerializer(serializers.Serializer):
    """A message that the provider took or may have taken, and when it was handed over."""

    message_id = serializers.UUIDField()
    text = serializers.CharField()
    status = serializers.ChoiceField(choices=Message.Status.choices)
    at = serializers.DateTimeField()


class StandingSerializer(serializers.Serializer):
    """What holds for a channel and one of the contact's addresses, by which entry, and what was last sent after it."""

    channel_id = serializers.UUIDField()
    channel = serializers.CharField(help_text="The channel's address.")
    platform = serializers.ChoiceField(choices=Platform.choices)
    address = serializers.CharField(help_text="The contact's.")
    may_send = serializers.BooleanField(help_text="As far as consent goes.")
    consent = serializers.ChoiceField(choices=["opted_in", "opted_out", "unknown"])
    since = serializers.DateTimeField(allow_null=True)
    entry_id = serializers.UUIDField(allow_null=True)
    said_to = serializers.CharField(allow_null=True, help_text="Address of the channel that the entry is about.")
    last_sent = LastSentSerializer(allow_null=True)


class WebhookEvidenceSerializer(serializers.Serializer):
    """The signed webhook that brought the words, and when it arrived."""

    id = serializers.UUIDField()
    received_at = serializers.DateTimeField()


class ConsentEntrySerializer(serializers.Serializer):
    """What was said when, and how we know. Words of chatrooms that one does not see are left out."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ConsentEntry.Kind.choices)
    source = serializers.ChoiceField(choices=ConsentEntry.Source.choices)
    said_at = serializers.DateTimeField()
    channel_id = serializers.UUIDField()
    channel = serializers.CharField(help_text="The channel's address.")
    address = serializers.CharField(help_text="The contact's.")
    text = serializers.CharField(help_text="The exact words.")
    message_id = serializers.UUIDField(allow_null=True)
    webhook = WebhookEvidenceSerializer(allow_null=True)
    recorded_by = PersonSerializer(allow_null=True)
    asked_by = serializers.CharField()
    reason = serializers.CharField()


class ConsentSerializer(serializers.Serializer):
    """May the contact be written to, and everything that was said about it, the newest first."""

    opt_out_scope = serializers.ChoiceField(choices=Organization.OptOutScope.choices)
    channels = StandingSerializer(many=True)
    results = ConsentEntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class NewConsentSerializer(serializers.Serializer):
    """What a person, a form or an import says about a contact's consent."""

    kind = KnownValueField(choices=ConsentEntry.Kind.choices)
    channel_id = VisibleRelatedField(
        queryset=Channel.objects.all(),
        source="channel",
        required=False,
        help_text="If omitted, all channels of the contact's chatroom.",
    )
    source = KnownValueField(choices=[(name, name) for name in ("staff", "form", "import")], default="staff")
    reason = serializers.CharField(max_length=LONGEST_REASON)
    asked_by = serializers.CharField(
        max_length=120, required=False, allow_blank=True, help_text="Who asked for it, such as the customer by phone."
    )
    text = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, help_text="The exact words that the customer agreed to."
    )
    said_at = serializers.DateTimeField(required=False, help_text="When it was said. Now, if omitted.")

    def validate_channel_id(self, channel: Channel) -> Channel:
        if channel.chatroom_id != self.context["contact"].chatroom_id:
            raise serializers.ValidationError(_("This belongs to another chatroom."))
        return channel

    def validate_said_at(self, moment: datetime) -> datetime:
        if moment > timezone.now():
            raise serializers.ValidationError(_("Use a time that is not in the future."))
        return moment
