"""Input of /api/messages."""

from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers

from chatrooms import contacts, phones
from chatrooms.fields import VisibleRelatedField, only_chatroom
from chatrooms.models import Chatroom, Contact
from integrations.models import Channel, Platform
from integrations.providers import count_most_characters, name_platform, read_limits
from messagehub import datetimes, languages
from messagehub.api.serializers import KnownValueField
from messaging.conversations.serializers import NOT_AHEAD, AheadField
from messaging.media.serializers import MediaField, require_total
from messaging.message_templates.serializers import ELSEWHERE, VariablesField
from messaging.models import Conversation, Message, MessageTemplate


def require_length(platform: str, field: str, text: str) -> None:
    """Raises ValidationError for a text that is longer than the platform takes."""
    limits = read_limits(platform)
    if not limits.fits(text):
        sentence = (
            _("{platform} takes at most {n} bytes in one message.")
            if limits.counts_bytes
            else _("{platform} takes at most {n} characters in one message.")
        )
        longest = languages.format_number(limits.longest_text)
        explanation = sentence.format(platform=name_platform(platform), n=longest)
        raise serializers.ValidationError({field: [explanation]})


class SendSerializer(serializers.Serializer):
    """A message to send: to one of three kinds of recipient, with a text, media or both."""

    to = serializers.CharField(max_length=64, required=False)
    contact_id = VisibleRelatedField(queryset=Contact.objects.all(), required=False)
    conversation_id = VisibleRelatedField(queryset=Conversation.objects.all(), required=False)
    content = serializers.CharField(
        max_length=count_most_characters(), required=False, allow_blank=True, trim_whitespace=False, default=""
    )
    template_id = VisibleRelatedField(queryset=MessageTemplate.objects.all(), required=False)
    used_template_id = VisibleRelatedField(
        queryset=MessageTemplate.objects.all(),
        required=False,
        help_text="The template that `content` was made from, to count as used. `template_id` counts by itself.",
    )
    variables = VariablesField(required=False)
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False)
    sender_number_id = VisibleRelatedField(queryset=Channel.objects.filter(platform=Platform.SMS), required=False)
    media = MediaField(
        required=False,
        default=list,
        help_text="Uploads and https addresses. SMS takes ten, beside a text or alone; Messenger and Instagram one "
        "instead of a text.",
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

    def validate(self, data: dict) -> dict:
        recipient_fields = [name for name in ("to", "contact_id", "conversation_id") if name in data]
        if len(recipient_fields) != 1:
            raise serializers.ValidationError({"to": [_("Set exactly one of to, contact_id and conversation_id.")]})
        if "template_id" in data and data["content"]:
            raise serializers.ValidationError({"template_id": [_("Set either content or template_id, not both.")]})
        if "template_id" in data and "used_template_id" in data:
            raise serializers.ValidationError({"used_template_id": [_("It goes with content, not with template_id.")]})
        if "template_id" not in data and not data["content"].strip() and not data["media"]:
            raise serializers.ValidationError({"content": [_("Set content, template_id or media.")]})
        require_total(data["media"], data.get("template_id"))
        room = self._find_chatroom(data)
        for name in ("chatroom_id", "sender_number_id", "template_id", "used_template_id"):
            row = data.get(name)
            row_chatroom_id = row.pk if name == "chatroom_id" and row else getattr(row, "chatroom_id", None)
            if row_chatroom_id not in (None, room.pk):
                raise serializers.ValidationError({name: [ELSEWHERE]})
        if (
            "send_at" in data
            and not datetimes.is_ahead(data["send_at"])
            and not self._is_repeated(data.get("client_id"))
        ):
            raise serializers.ValidationError({"send_at": [NOT_AHEAD]})
        if "contact_id" in data and not data["contact_id"].addresses.exists():
            raise serializers.ValidationError({"contact_id": [_("This contact has no phone number.")]})
        platform = data["conversation_id"].platform if "conversation_id" in data else Platform.SMS
        require_length(platform, "content", data["content"])
        if "to" in data:
            data["to"] = self._normalize_recipient(data["to"], room)
        return {**data, "chatroom": room}

    def _normalize_recipient(self, number: str, room: Chatroom) -> str:
        """The number in E.164, or as it is where a contact of the chatroom has it."""
        # Such a contact may be a short code of five digits or a name like SUPPORT, which phonenumbers calls impossible.
        if contacts.has_number(room, number):
            return number
        try:
            return phones.normalize_phone(number, room.organization.default_country)
        except phones.ImpossibleNumber as error:
            raise serializers.ValidationError({"to": [str(error)]}) from None

    def _is_repeated(self, client_id: UUID | None) -> bool:
        # A repeated request gets its first answer, even where its `send_at` has passed since.
        user = self.context["request"].user
        return client_id is not None and Message.objects.filter(client_id=client_id, sent_by=user).exists()

    def _find_chatroom(self, data: dict) -> Chatroom:
        target = data.get("conversation_id") or data.get("contact_id")
        if target is not None:
            return target.chatroom
        if "chatroom_id" in data:
            return data["chatroom_id"]
        if "sender_number_id" in data:
            return data["sender_number_id"].chatroom
        return only_chatroom(self.context["request"].user)


class ScheduledSerializer(serializers.Serializer):
    """Changes to a scheduled message."""

    content = serializers.CharField(max_length=count_most_characters(), required=False, trim_whitespace=False)
    send_at = AheadField(required=False)

    def validate_content(self, content: str) -> str:
        if not content.strip():
            raise serializers.ValidationError(_("Set content, template_id or media."))
        return content


class SettleSerializer(serializers.Serializer):
    """What a person found in the provider's log."""

    outcome = KnownValueField(choices=["accepted", "not_sent"])
