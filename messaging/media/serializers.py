"""What goes in and out at /api/media."""

from collections.abc import Sequence

from rest_framework import serializers

from chatrooms.fields import VisibleRelatedField, only_chatroom
from chatrooms.models import Chatroom
from integrations.models import Platform
from integrations.providers import count_most_media, list_takers
from messagehub.api.serializers import InputSerializer, RowSerializer
from messaging.media import fitting, links, uploads
from messaging.models import MessageTemplate, Upload
from messaging.payload_schema import MediaListField


class MediaField(MediaListField):
    """Files to carry along: `{"id": …}` of uploads, and https addresses. Gives uploads and texts."""

    address = serializers.URLField(max_length=2000)

    def to_internal_value(self, data) -> list[Upload | str]:
        if isinstance(data, list) and len(data) > count_most_media():
            raise serializers.ValidationError(fitting.say_too_many())
        items = super().to_internal_value(data)
        keys = [links.read_id(item.get("id")) if isinstance(item, dict) else None for item in items]
        found = uploads.find_sendable(self.context["request"].user, filter(None, keys))
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


class StoredMediaField(MediaField):
    """The same for `media_urls` of templates and campaigns, which keep them as messages do."""

    def __init__(self, **options):
        super().__init__(required=False, source="media_urls", **options)

    def to_internal_value(self, data) -> list[str]:
        return links.build_addresses(super().to_internal_value(data))


def require_total(own: Sequence, template: MessageTemplate | None) -> None:
    """Raises ValidationError for more files than any message carries, with those of its template."""
    if len(own) + len(template.media_urls if template else ()) > count_most_media():
        raise serializers.ValidationError({"media": [fitting.say_too_many()]})


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
