"""What goes in at /api/templates."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from chatrooms.fields import VisibleRelatedField
from chatrooms.models import Chatroom, Contact
from integrations import segments
from messagehub import names
from messagehub.api.serializers import InputSerializer
from messaging.message_templates import templates
from messaging.payload_schema import TemplateSerializer

ELSEWHERE = gettext_lazy("This belongs to another chatroom.")


class VariablesField(serializers.DictField):
    """Values for a template's places, by name."""

    child = serializers.CharField(max_length=500, allow_blank=True)

    def to_internal_value(self, data) -> dict:
        values = super().to_internal_value(data)
        unknown = {name: [_("Unknown variable.")] for name in values if name not in templates.VARIABLES}
        if unknown:
            raise serializers.ValidationError(unknown)
        return values


class NewTemplateSerializer(InputSerializer):
    """A template to write; without `chatroom_id` it is for the whole organization, which only admins may."""

    answer_class = TemplateSerializer
    name = serializers.CharField(max_length=80, validators=[names.validate_name])
    body = serializers.CharField(max_length=segments.LONGEST_TEXT, trim_whitespace=False)
    chatroom_id = VisibleRelatedField(
        queryset=Chatroom.objects.all(), required=False, allow_null=True, default=None, source="chatroom"
    )


class TemplateChangeSerializer(InputSerializer):
    """What people may change about a template."""

    answer_class = TemplateSerializer
    name = serializers.CharField(max_length=80, required=False, validators=[names.validate_name])
    body = serializers.CharField(max_length=segments.LONGEST_TEXT, trim_whitespace=False, required=False)
    archived = serializers.BooleanField(required=False)


class PreviewSerializer(serializers.Serializer):
    """A text that is being written, and whom to fill it in for."""

    body = serializers.CharField(max_length=segments.LONGEST_TEXT, trim_whitespace=False)
    contact_id = VisibleRelatedField(
        queryset=Contact.objects.all(), required=False, allow_null=True, default=None, source="contact"
    )


class RenderSerializer(serializers.Serializer):
    """Whom a template is to be filled in for."""

    contact_id = VisibleRelatedField(queryset=Contact.objects.all(), source="contact")
    variables = VariablesField(required=False)

    def validate_contact_id(self, contact: Contact) -> Contact:
        if self.context["template"].chatroom_id not in (None, contact.chatroom_id):
            raise serializers.ValidationError(ELSEWHERE)
        return contact
