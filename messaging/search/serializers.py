"""What goes in and out at /api/search."""

from rest_framework import serializers

from messaging.contacts.serializers import ContactSerializer
from messaging.payload_schema import ConversationSerializer, MessageSerializer


class SearchQuerySerializer(serializers.Serializer):
    """What to search for."""

    q = serializers.CharField(
        min_length=2, max_length=200, help_text="A part of a name, phone number or email, or words of a message."
    )


class FoundSerializer(serializers.Serializer):
    """A few of what was found, newest first."""

    contacts = ContactSerializer(many=True)
    conversations = ConversationSerializer(many=True)
    messages = MessageSerializer(many=True)
