"""What goes in at /api/conversations, /api/messages and /api/templates."""

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.models import User
from chatrooms import membership
from chatrooms.fields import ColleagueField, VisibleListField, VisibleRelatedField
from chatrooms.models import Chatroom
from messagehub import datetimes
from messaging.models import Conversation, Label, Message

NOT_AHEAD = "Give a time in the future, within a year."


class AheadField(serializers.DateTimeField):
    """A time that is still to come, within a year."""

    def to_internal_value(self, value):
        given = super().to_internal_value(value)
        if not datetimes.is_ahead(given):
            raise serializers.ValidationError(NOT_AHEAD)
        return given


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


class ConversationFilters(serializers.Serializer):
    """The query parameters of the inbox list."""

    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False)
    platform = serializers.ChoiceField(choices=["SMS", "MESSENGER", "INSTAGRAM"], required=False)
    status = serializers.ChoiceField(choices=Conversation.Status.choices, required=False)
    assigned_to = serializers.CharField(required=False)
    unread = serializers.BooleanField(required=False)
    search = serializers.CharField(max_length=200, required=False)
