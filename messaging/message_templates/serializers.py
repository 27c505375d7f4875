"""What goes in at /api/templates."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from chatrooms.fields import VisibleRelatedField
from chatrooms.models import Chatroom, Contact
from integrations import segments
from messagehub import names
from messagehub.api.serializers import InputSerializer, KnownValueField
from messaging.media.serializers import StoredMediaField
from messaging.message_templates import templates
from messaging.models import Label, MessageTemplate
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


class LabelField(VisibleRelatedField):
    def __init__(self, **options):
        super().__init__(
            **{"queryset": Label.objects.all(), "required": False, "allow_null": True, "source": "label", **options}
        )


class NewTemplateSerializer(InputSerializer):
    """A template to write: of a chatroom, personal, or for the whole organization, which only admins may.

    Without `scope` it is of `chatroom_id`, and without that for the whole organization.
    """

    answer_class = TemplateSerializer
    scope = KnownValueField(choices=MessageTemplate.Scope.choices, required=False)
    label_id = LabelField()
    name = serializers.CharField(max_length=80, validators=[names.validate_name])
    body = serializers.CharField(max_length=segments.LONGEST_TEXT, trim_whitespace=False)
    media = StoredMediaField()
    chatroom_id = VisibleRelatedField(
        queryset=Chatroom.objects.all(), required=False, allow_null=True, default=None, source="chatroom"
    )

    def validate(self, data: dict) -> dict:
        has_chatroom = data["chatroom"] is not None
        scope = data.setdefault("scope", MessageTemplate.Scope.CHATROOM if has_chatroom else "organization")
        if has_chatroom != (scope == MessageTemplate.Scope.CHATROOM):
            words = _("Set chatroom_id for a template of one chatroom, and for no other.")
            raise serializers.ValidationError({"chatroom_id": [words]})
        return data


class TemplateChangeSerializer(InputSerializer):
    """What people may change about a template."""

    answer_class = TemplateSerializer
    label_id = LabelField()
    name = serializers.CharField(max_length=80, required=False, validators=[names.validate_name])
    body = serializers.CharField(max_length=segments.LONGEST_TEXT, trim_whitespace=False, required=False)
    media = StoredMediaField()
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
