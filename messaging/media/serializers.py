"""What goes in and out at /api/media."""

from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chatrooms.fields import VisibleRelatedField, only_chatroom
from chatrooms.models import Chatroom
from integrations.models import Platform
from integrations.providers import count_most_media, list_takers
from messagehub.api.serializers import InputSerializer, RowSerializer
from messaging.models import Upload

ITEM = {
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


@extend_schema_field({"type": "array", "items": ITEM, "maxItems": count_most_media()})
class MediaField(serializers.ListField):
    """Files to carry along: `{"id": …}` of uploads, and https addresses. Gives uploads and texts."""

    child = serializers.JSONField()
    address = serializers.URLField(max_length=2000)

    def to_internal_value(self, data) -> list[Upload | str]:
        items = super().to_internal_value(data)
        keys = [_read_id(item) for item in items]
        visible = Upload.objects.visible_to(self.context["request"].user)
        found = visible.in_bulk([key for key in keys if key]) if any(keys) else {}
        values: list[Upload | str] = []
        problems: dict[int, list[str] | dict] = {}
        for place, (item, key) in enumerate(zip(items, keys, strict=True)):
            if isinstance(item, dict):
                if key in found and item.keys() == {"id"}:
                    values.append(found[key])
                else:
                    problems[place] = {"id": ["Not found."]}
            else:
                try:
                    values.append(self.address.run_validation(item))
                except serializers.ValidationError as error:
                    problems[place] = error.detail
        if problems:
            raise serializers.ValidationError(problems)
        if any(isinstance(value, str) and not value.startswith("https://") for value in values):
            raise serializers.ValidationError("Media URLs must use https.")
        return values


def _read_id(item: object) -> UUID | None:
    text = item.get("id") if isinstance(item, dict) else None
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


class UploadSerializer(RowSerializer):
    """A file to send."""

    id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    name = serializers.CharField()
    content_type = serializers.CharField(help_text="By the file's own bytes.")
    size = serializers.IntegerField(help_text="In bytes.")
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    platforms = serializers.ListField(
        child=serializers.ChoiceField(choices=Platform.choices),
        help_text="Those that take a file of this type and size.",
    )
    created_at = serializers.DateTimeField()

    def represent_rows(self, rows: list[Upload]) -> list[dict]:
        own = [name for name in self.names if name != "platforms"]
        return [
            {name: getattr(row, name) for name in own} | {"platforms": list_takers(row.content_type, row.size)}
            for row in rows
        ]


class NewUploadSerializer(InputSerializer):
    """A file. `chatroom_id` may be left out by users of a single chatroom."""

    answer_class = UploadSerializer
    file = serializers.FileField(help_text="JPEG, PNG, GIF, WebP, PDF, vCard, audio or video, up to 25 MB.")
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False, source="chatroom")

    def validate(self, data: dict) -> dict:
        return data if "chatroom" in data else {**data, "chatroom": only_chatroom(self.context["request"].user)}
