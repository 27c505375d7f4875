"""What /api/conversations, /api/messages, labels, notes and templates answer, declared for the OpenAPI document.

The hot lists are built by `messaging.shapes`, because a nested serializer costs more than the query; tests hold the
two together.
"""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.serializers import PersonSerializer
from integrations.providers import count_most_media
from messagehub import names
from messagehub.api.serializers import KnownValueField, RowSerializer
from messaging import payloads
from messaging.models import Attachment, Color, Conversation, Message, MessageTemplate, Note, Platform

# "unsupported" is something that only the provider's own app shows.
ATTACHMENT_KINDS = ["image", "audio", "video", "file", "sticker", "story", "share", "unsupported"]


MEDIA_ITEM = {
    "oneOf": [
        {"type": "string", "format": "uri", "maxLength": 2000, "pattern": "^https://"},
        {
            "type": "object",
            "properties": {"id": {"type": "string", "format": "uuid"}},
            "required": ["id"],
            "additionalProperties": False,
        },
    ]
}


@extend_schema_field({"type": "array", "items": MEDIA_ITEM, "maxItems": count_most_media()})
class MediaListField(serializers.ListField):
    """Uploads by their id, and addresses of files elsewhere."""

    child = serializers.JSONField()


class MessageErrorSerializer(serializers.Serializer):
    """Why a message did not arrive."""

    code = serializers.CharField()
    message = serializers.CharField()


class AttachmentSerializer(serializers.Serializer):
    """Something that came with a message."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ATTACHMENT_KINDS)
    content_type = serializers.CharField()
    size = serializers.IntegerField(allow_null=True)
    url = serializers.URLField(help_text="Our own copy; 404 while there is none.")
    state = serializers.ChoiceField(choices=Attachment.State.choices)
    name = serializers.CharField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)


class ReactionSerializer(serializers.Serializer):
    """A sign that somebody put on a message."""

    emoji = serializers.CharField()
    by = serializers.CharField()


class MessageSerializer(serializers.Serializer):
    """One message, in or out."""

    id = serializers.UUIDField()
    conversation_id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    contact_id = serializers.UUIDField()
    direction = serializers.ChoiceField(choices=Message.Direction.choices)
    is_from_business = serializers.BooleanField()
    platform = serializers.ChoiceField(choices=Platform.choices)
    content = serializers.CharField()
    status = serializers.ChoiceField(choices=Message.Status.choices)
    error = MessageErrorSerializer(allow_null=True)
    attachments = AttachmentSerializer(many=True)
    segments = serializers.IntegerField()
    sent_by = PersonSerializer(allow_null=True)
    campaign_id = serializers.UUIDField(allow_null=True)
    automatic = serializers.ChoiceField(
        choices=Message.Automatic.choices, allow_null=True, help_text="What it answers by itself, if nobody wrote it."
    )
    provider_id = serializers.CharField(allow_null=True)
    client_id = serializers.UUIDField(allow_null=True)
    retry_of = serializers.UUIDField(allow_null=True)
    reply_to = serializers.UUIDField(allow_null=True)
    reactions = ReactionSerializer(many=True)
    edited_at = serializers.DateTimeField(allow_null=True)
    deleted_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    send_at = serializers.DateTimeField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)


class SentSerializer(serializers.Serializer):
    """A message that is paid and queued, and the tokens left (null for admins)."""

    message = MessageSerializer()
    remaining_tokens = serializers.IntegerField(allow_null=True)


class LabelSerializer(RowSerializer):
    """A label for organizing conversations."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=40, validators=[names.validate_name])
    color = KnownValueField(choices=Color.choices, required=False)


class ConversationContactSerializer(serializers.Serializer):
    """Whom a conversation is with."""

    id = serializers.UUIDField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    phone = serializers.CharField(allow_null=True)
    profile_pic_url = serializers.URLField(allow_null=True)


class ConversationSerializer(serializers.Serializer):
    """An exchange with a contact over one channel, with its newest message."""

    id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    platform = serializers.ChoiceField(choices=Platform.choices)
    status = serializers.ChoiceField(choices=Conversation.Status.choices)
    assigned_to = PersonSerializer(allow_null=True)
    last_message_at = serializers.DateTimeField()
    snoozed_until = serializers.DateTimeField(allow_null=True)
    waiting_since = serializers.DateTimeField(allow_null=True)
    unread_count = serializers.IntegerField()
    labels = LabelSerializer(many=True)
    contact = ConversationContactSerializer()
    messages = MessageSerializer(many=True)


class NoteSerializer(RowSerializer):
    """What a colleague wrote about a conversation."""

    id = serializers.UUIDField()
    conversation_id = serializers.UUIDField()
    author = PersonSerializer(allow_null=True)
    content = serializers.CharField()
    mentions = serializers.ListField(child=serializers.UUIDField())
    created_at = serializers.DateTimeField()

    def represent_rows(self, rows: list[Note]) -> list[dict]:
        return [payloads.describe_note(row) for row in rows]


class TemplateSerializer(RowSerializer):
    """A text to write often: of a chatroom, personal, or the whole organization's."""

    id = serializers.UUIDField()
    scope = serializers.ChoiceField(choices=MessageTemplate.Scope.choices)
    chatroom_id = serializers.UUIDField(allow_null=True)
    label_id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    body = serializers.CharField()
    media = MediaListField()
    archived = serializers.BooleanField()
    uses = serializers.IntegerField(
        help_text=f"Messages made from it, whatever became of them; at most {payloads.MOST_USES:,} are counted."
    )
    last_used_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()

    def represent_rows(self, rows: list[MessageTemplate]) -> list[dict]:
        uses_of = payloads.count_template_uses(row.pk for row in rows)
        return [
            {
                "media": payloads.describe_media(row.media_urls),
                "uses": uses_of[row.pk]["count"],
                "last_used_at": uses_of[row.pk]["last_used_at"],
                **{name: getattr(row, name) for name in self.names if name not in ("media", "uses", "last_used_at")},
            }
            for row in rows
        ]


class RenderedSerializer(serializers.Serializer):
    """A template's text for one contact, and what it would be cut into."""

    content = serializers.CharField()
    segments = serializers.IntegerField()
    footer = serializers.CharField(
        allow_blank=True, help_text="What sending adds, where it is the first SMS to the contact."
    )
    segments_with_footer = serializers.IntegerField()


class UnicodeCharacterSerializer(serializers.Serializer):
    """A character outside the SMS alphabet; `plain` is what may stand for it, null where nothing can."""

    character = serializers.CharField(trim_whitespace=False)
    name = serializers.CharField()
    plain = serializers.CharField(allow_null=True, allow_blank=True, trim_whitespace=False)


class PreviewedSerializer(serializers.Serializer):
    """A text as it would be sent by SMS, and as it would be in plain characters."""

    content = serializers.CharField(allow_blank=True)
    missing = serializers.ListField(child=serializers.CharField())
    encoding = serializers.ChoiceField(choices=["GSM-7", "UCS-2"])
    segments = serializers.IntegerField()
    unicode_characters = UnicodeCharacterSerializer(many=True)
    plain_content = serializers.CharField(allow_blank=True)
    plain_segments = serializers.IntegerField()
    footer = serializers.CharField(allow_blank=True, help_text="What sending adds to a first SMS.")
    segments_with_footer = serializers.IntegerField()


class EventsSerializer(serializers.Serializer):
    """Events as the socket sends them, and the cursor after the last one."""

    results = serializers.ListField(child=serializers.DictField())
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    cursor = serializers.CharField()
