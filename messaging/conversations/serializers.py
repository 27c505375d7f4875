"""What goes in at /api/conversations, /api/messages and /api/templates."""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.models import User
from chatrooms import membership
from chatrooms.fields import ColleagueField, PhoneField, VisibleListField, VisibleRelatedField, only_chatroom
from chatrooms.models import Chatroom, Contact
from integrations.models import SenderNumber
from integrations.providers import MOST_MEDIA
from messagehub import datetimes
from messaging.message_templates import templates
from messaging.models import Campaign, Conversation, Label, Message, MessageTemplate
from messaging.sending import enqueue

NOT_AHEAD = "Give a time in the future, within a year."
ELSEWHERE = "This belongs to another chatroom."


class AheadField(serializers.DateTimeField):
    """A time that is still to come, within a year."""

    def to_internal_value(self, value):
        given = super().to_internal_value(value)
        if not datetimes.is_ahead(given):
            raise serializers.ValidationError(NOT_AHEAD)
        return given


class VariablesField(serializers.DictField):
    """Values for a template's places, by name."""

    child = serializers.CharField(max_length=500, allow_blank=True)

    def to_internal_value(self, data) -> dict:
        given = super().to_internal_value(data)
        unknown = {name: ["There is no variable of this name."] for name in given if name not in templates.VARIABLES}
        if unknown:
            raise serializers.ValidationError(unknown)
        return given


class SendSerializer(serializers.Serializer):
    """A message to send: to one of three kinds of recipient, with a text, media or both."""

    to = PhoneField(required=False)
    contact_id = VisibleRelatedField(queryset=Contact.objects.all(), required=False)
    conversation_id = VisibleRelatedField(queryset=Conversation.objects.all(), required=False)
    content = serializers.CharField(
        max_length=enqueue.LONGEST, required=False, allow_blank=True, trim_whitespace=False, default=""
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
        help_text="The newest message that the sender has looked at: 409 `newer_messages` if more came in.",
    )
    allow_duplicate = serializers.BooleanField(
        default=True, help_text="False refuses the text that went to the same person within the last minute."
    )
    client_id = serializers.UUIDField(required=False)

    def validate_media(self, given: list[str]) -> list[str]:
        if any(not url.startswith("https://") for url in given):
            raise serializers.ValidationError("Media must be reachable over https.")
        return given

    def validate(self, data: dict) -> dict:
        named = [name for name in ("to", "contact_id", "conversation_id") if name in data]
        if len(named) != 1:
            raise serializers.ValidationError({"to": ["Give exactly one of to, contact_id and conversation_id."]})
        if "template_id" in data and data["content"]:
            raise serializers.ValidationError({"template_id": ["Give content or template_id, not both."]})
        if "template_id" not in data and not data["content"].strip() and not data["media"]:
            raise serializers.ValidationError({"content": ["Write something to send."]})
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
        return {**data, "chatroom": room}

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

    content = serializers.CharField(max_length=enqueue.LONGEST, required=False, trim_whitespace=False)
    send_at = AheadField(required=False)

    def validate_content(self, given: str) -> str:
        if not given.strip():
            raise serializers.ValidationError("Write something to send.")
        return given


class SettleSerializer(serializers.Serializer):
    """What somebody found at the provider."""

    outcome = serializers.ChoiceField(choices=["accepted", "not_sent"])


class ReadSerializer(serializers.Serializer):
    """How far a conversation has been read."""

    up_to = VisibleRelatedField(queryset=Message.objects.all())


class PeopleField(VisibleListField):
    """Ids of people who may see the conversation."""

    def __init__(self, **options):
        super().__init__(queryset=User.objects.all(), **options)

    def get_queryset(self):
        return _people(self)


class AssigneeField(ColleagueField):
    """An id of somebody active who may see the conversation."""

    def get_queryset(self):
        return _people(self)


def _people(field) -> QuerySet[User]:
    """Whoever works elsewhere is refused like somebody made up."""
    return membership.people(field.context["conversation"].chatroom).filter(is_active=True)


class ConversationChangeSerializer(serializers.Serializer):
    """What people do with a conversation. `labels` replaces all of them; a `snoozed_until` alone snoozes."""

    status = serializers.ChoiceField(choices=Conversation.Status.choices, required=False)
    assigned_to = AssigneeField(required=False, allow_null=True)
    labels = VisibleListField(queryset=Label.objects.all(), required=False, max_length=50)
    snoozed_until = AheadField(required=False, allow_null=True)

    def validate(self, data: dict) -> dict:
        if data.get("snoozed_until") and data.get("status", "SNOOZED") != "SNOOZED":
            raise serializers.ValidationError({"snoozed_until": ["Only a snoozed conversation wakes."]})
        return data


class NewNoteSerializer(serializers.Serializer):
    """A note to write, and the colleagues whom it names."""

    content = serializers.CharField(max_length=5000)
    mentions = PeopleField(required=False, max_length=50)


class NewTemplateSerializer(serializers.Serializer):
    """A template to write; without `chatroom_id` it is for the whole organization, which only admins may."""

    name = serializers.CharField(max_length=80)
    body = serializers.CharField(max_length=enqueue.LONGEST, trim_whitespace=False)
    chatroom_id = VisibleRelatedField(
        queryset=Chatroom.objects.all(), required=False, allow_null=True, default=None, source="chatroom"
    )


class TemplateChangeSerializer(serializers.Serializer):
    """What people may change about a template."""

    name = serializers.CharField(max_length=80, required=False)
    body = serializers.CharField(max_length=enqueue.LONGEST, trim_whitespace=False, required=False)


class RenderSerializer(serializers.Serializer):
    """Whom a template is to be filled in for."""

    contact_id = VisibleRelatedField(queryset=Contact.objects.all(), source="contact")
    variables = VariablesField(required=False)

    def validate_contact_id(self, contact: Contact) -> Contact:
        if self.context["template"].chatroom_id not in (None, contact.chatroom_id):
            raise serializers.ValidationError(ELSEWHERE)
        return contact


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
    campaign_id = VisibleRelatedField(queryset=Campaign.objects.all(), required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    search = serializers.CharField(max_length=200, required=False)


class EventFilters(serializers.Serializer):
    """The query parameters of the log."""

    after = serializers.CharField(required=False, help_text="The last cursor that was seen.")
