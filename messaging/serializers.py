"""What goes in at /api/conversations and /api/messages."""

from django.utils import timezone
from rest_framework import serializers

from chatrooms.fields import PhoneField, VisibleRelatedField, only_chatroom
from chatrooms.models import Chatroom, Contact
from integrations.models import SenderNumber
from integrations.providers import MOST_MEDIA
from messaging import sending
from messaging.models import Conversation, Message

MOST_DAYS_AHEAD = 365


class SendSerializer(serializers.Serializer):
    """A message to send: to one of three kinds of recipient, with a text, media or both."""

    to = PhoneField(required=False)
    contact_id = VisibleRelatedField(queryset=Contact.objects.all(), required=False)
    conversation_id = VisibleRelatedField(queryset=Conversation.objects.all(), required=False)
    content = serializers.CharField(
        max_length=sending.LONGEST, required=False, allow_blank=True, trim_whitespace=False, default=""
    )
    template_id = serializers.UUIDField(required=False)
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False)
    sender_number_id = VisibleRelatedField(queryset=SenderNumber.objects.all(), required=False)
    media = serializers.ListField(
        child=serializers.URLField(max_length=2000), required=False, max_length=MOST_MEDIA, default=list
    )
    send_at = serializers.DateTimeField(required=False)
    client_id = serializers.UUIDField(required=False)

    def validate_template_id(self, given):
        raise serializers.ValidationError("Not found.")  # no organization has templates yet

    def validate_media(self, given: list[str]) -> list[str]:
        if any(not url.startswith("https://") for url in given):
            raise serializers.ValidationError("Media must be reachable over https.")
        return given

    def validate_send_at(self, given):
        ahead = given - timezone.now()
        if ahead.total_seconds() <= 0 or ahead.days >= MOST_DAYS_AHEAD:
            raise serializers.ValidationError("Give a time in the future, within a year.")
        return given

    def validate(self, data: dict) -> dict:
        named = [name for name in ("to", "contact_id", "conversation_id") if name in data]
        if len(named) != 1:
            raise serializers.ValidationError({"to": ["Give exactly one of to, contact_id and conversation_id."]})
        if not data["content"].strip() and not data["media"]:
            raise serializers.ValidationError({"content": ["Write something to send."]})
        room = self._chatroom(data)
        for name in ("chatroom_id", "sender_number_id"):
            given = data.get(name)
            given_room = getattr(given, "chatroom_id", None) or getattr(given, "pk", None)
            if given is not None and given_room != room.pk:
                raise serializers.ValidationError({name: ["This belongs to another chatroom."]})
        if "contact_id" in data and not data["contact_id"].phone:
            raise serializers.ValidationError({"contact_id": ["This contact has no phone number."]})
        return {**data, "chatroom": room}

    def _chatroom(self, data: dict) -> Chatroom:
        target = data.get("conversation_id") or data.get("contact_id")
        if target is not None:
            return target.chatroom
        if "chatroom_id" in data:
            return data["chatroom_id"]
        if "sender_number_id" in data:
            return data["sender_number_id"].chatroom
        return only_chatroom(self.context["request"].user)


class ReadSerializer(serializers.Serializer):
    """How far a conversation has been read."""

    up_to = VisibleRelatedField(queryset=Message.objects.all())


class ConversationFilters(serializers.Serializer):
    """The query parameters of the inbox list."""

    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False)
    platform = serializers.ChoiceField(choices=["SMS", "MESSENGER", "INSTAGRAM"], required=False)
    status = serializers.ChoiceField(choices=Conversation.Status.choices, required=False)
    assigned_to = serializers.CharField(required=False)
    unread = serializers.BooleanField(required=False)
    search = serializers.CharField(max_length=200, required=False)


class MessageFilters(serializers.Serializer):
    """The query parameters of the list of messages."""

    direction = serializers.ChoiceField(choices=Message.Direction.choices, required=False)
    platform = serializers.ChoiceField(choices=["SMS", "MESSENGER", "INSTAGRAM"], required=False)
    status = serializers.ChoiceField(choices=Message.Status.choices, required=False)
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False)
    contact_id = VisibleRelatedField(queryset=Contact.objects.all(), required=False)
    campaign_id = serializers.UUIDField(required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    search = serializers.CharField(max_length=200, required=False)

    def validate_campaign_id(self, given):
        raise serializers.ValidationError("Not found.")  # no organization has campaigns yet
