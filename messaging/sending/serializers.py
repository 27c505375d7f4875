"""What goes in at /api/messages."""

from uuid import UUID

from rest_framework import serializers

from chatrooms import contacts, phones
from chatrooms.fields import VisibleRelatedField, only_chatroom
from chatrooms.models import Chatroom, Contact
from integrations import segments
from integrations.channels import MOST_MEDIA
from integrations.models import SenderNumber
from messagehub import datetimes
from messagehub.api.serializers import KnownValueField
from messaging.conversations.serializers import NOT_AHEAD, AheadField
from messaging.message_templates.serializers import ELSEWHERE, VariablesField
from messaging.models import Conversation, Message, MessageTemplate


class SendSerializer(serializers.Serializer):
    """A message to send: to one of three kinds of recipient, with a text, media or both."""

    to = serializers.CharField(max_length=64, required=False)
    contact_id = VisibleRelatedField(queryset=Contact.objects.all(), required=False)
    conversation_id = VisibleRelatedField(queryset=Conversation.objects.all(), required=False)
    content = serializers.CharField(
        max_length=segments.LONGEST_TEXT, required=False, allow_blank=True, trim_whitespace=False, default=""
    )
    template_id = VisibleRelatedField(queryset=MessageTemplate.objects.all(), required=False)
    variables = VariablesField(required=False)
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False)
    sender_number_id = VisibleRelatedField(queryset=SenderNumber.objects.all(), required=False)
    media = serializers.ListField(
        child=serializers.URLField(max_length=2000), required=False, max_length=MOST_MEDIA, default=list
    )
    send_at = serializers.DateTimeField(required=False)
    seen_message_id = VisibleRelatedField(
        queryset=Message.objects.all(),
        required=False,
        help_text="The newest message the sender has seen. Returns 409 `newer_messages` if more arrived since.",
    )
    allow_duplicate = serializers.BooleanField(
        default=True,
        help_text="Set to false to reject a duplicate of a message sent to this contact in the last minute.",
    )
    client_id = serializers.UUIDField(required=False)

    def validate_media(self, given: list[str]) -> list[str]:
        if any(not url.startswith("https://") for url in given):
            raise serializers.ValidationError("Media URLs must use https.")
        return given

    def validate(self, data: dict) -> dict:
        named = [name for name in ("to", "contact_id", "conversation_id") if name in data]
        if len(named) != 1:
            raise serializers.ValidationError({"to": ["Set exactly one of to, contact_id and conversation_id."]})
        if "template_id" in data and data["content"]:
            raise serializers.ValidationError({"template_id": ["Set either content or template_id, not both."]})
        if "template_id" not in data and not data["content"].strip() and not data["media"]:
            raise serializers.ValidationError({"content": ["Set content, template_id or media_urls."]})
        room = self._chatroom(data)
        for name in ("chatroom_id", "sender_number_id", "template_id"):
            given = data.get(name)
            given_room = given.pk if name == "chatroom_id" and given else getattr(given, "chatroom_id", None)
            if given_room not in (None, room.pk):
                raise serializers.ValidationError({name: [ELSEWHERE]})
        if "send_at" in data and not datetimes.is_ahead(data["send_at"]) and not self._was_made(data.get("client_id")):
            raise serializers.ValidationError({"send_at": [NOT_AHEAD]})
        if "contact_id" in data and not data["contact_id"].phone:
            raise serializers.ValidationError({"contact_id": ["This contact has no phone number."]})
        if "to" in data:
            data["to"] = self._number(data["to"], room)
        return {**data, "chatroom": room}

    def _number(self, given: str, room: Chatroom) -> str:
        """E.164, or what the network calls a contact of the chatroom: a short code or a name."""
        if contacts.has_number(room, given):
            return given
        try:
            return phones.normalize_phone(given, room.organization.default_country)
        except phones.ImpossibleNumber as error:
            raise serializers.ValidationError({"to": [str(error)]}) from None

    def _was_made(self, client_id: UUID | None) -> bool:
        """Whether this request is a repeated one: its time may have passed since."""
        user = self.context["request"].user
        return client_id is not None and Message.objects.filter(client_id=client_id, sent_by=user).exists()

    def _chatroom(self, data: dict) -> Chatroom:
        target = data.get("conversation_id") or data.get("contact_id")
        if target is not None:
            return target.chatroom
        if "chatroom_id" in data:
            return data["chatroom_id"]
        if "sender_number_id" in data:
            return data["sender_number_id"].chatroom
        return only_chatroom(self.context["request"].user)


class ScheduledSerializer(serializers.Serializer):
    """What may change about a scheduled message."""

    content = serializers.CharField(max_length=segments.LONGEST_TEXT, required=False, trim_whitespace=False)
    send_at = AheadField(required=False)

    def validate_content(self, given: str) -> str:
        if not given.strip():
            raise serializers.ValidationError("Set content, template_id or media_urls.")
        return given


class SettleSerializer(serializers.Serializer):
    """What somebody found at the provider."""

    outcome = KnownValueField(choices=["accepted", "not_sent"])
