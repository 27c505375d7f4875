"""Input of /api/conversations, and fields that other rooms' serializers share."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.models import User
from chatrooms import membership
from chatrooms.fields import ColleagueField, VisibleListField, VisibleRelatedField
from messagehub import datetimes
from messagehub.api.serializers import InputSerializer, KnownValueField
from messaging.models import Conversation, Label, Message
from messaging.payload_schema import ConversationSerializer

NOT_AHEAD = gettext_lazy("Choose a time in the future, within a year.")


class AheadField(serializers.DateTimeField):
    """A time in the future, within a year."""

    def to_internal_value(self, value):
        moment = super().to_internal_value(value)
        if not datetimes.is_ahead(moment):
            raise serializers.ValidationError(NOT_AHEAD)
        return moment


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
    # A colleague without access gets the same error as an id that does not exist.
    return membership.people_of(field.context["conversation"].chatroom).filter(is_active=True)


class ConversationChangeSerializer(InputSerializer):
    """Changes to a conversation. `labels` replaces all of them; a `snoozed_until` alone snoozes."""

    answer_class = ConversationSerializer

    status = KnownValueField(choices=Conversation.Status.choices, required=False)
    assigned_to = AssigneeField(required=False, allow_null=True)
    labels = VisibleListField(queryset=Label.objects.all(), required=False, max_length=50)
    snoozed_until = AheadField(required=False, allow_null=True)

    def validate(self, data: dict) -> dict:
        if data.get("snoozed_until") and self.context["request"].data.get("status", "SNOOZED") != "SNOOZED":
            raise serializers.ValidationError(
                {"snoozed_until": [_("Only a snoozed conversation can have snoozed_until.")]}
            )
        return data


class NewNoteSerializer(serializers.Serializer):
    """A note to add, and the colleagues whom it mentions."""

    content = serializers.CharField(max_length=5000)
    mentions = PeopleField(required=False, max_length=50)
