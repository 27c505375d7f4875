"""What goes in and out at /api/chatrooms and /api/user-chatrooms."""

from rest_framework import serializers

from accounts.api.quiet_hours import QuietHoursSerializer, describe_quiet_hours
from accounts.api.serializers import PersonSerializer, describe_person
from chatrooms import unread
from chatrooms.fields import ColleagueField, VisibleRelatedField
from chatrooms.models import Chatroom, UserChatroom
from messagehub import names
from messagehub.api.serializers import RowSerializer


class RoomNumberSerializer(serializers.Serializer):
    """A phone number of a chatroom."""

    id = serializers.UUIDField()
    phone = serializers.CharField()
    name = serializers.CharField()


class RoomPageSerializer(serializers.Serializer):
    """A Facebook page of a chatroom, or an Instagram account."""

    id = serializers.UUIDField(help_text="As in /api/facebook-pages.")
    page_id = serializers.CharField(allow_null=True, help_text="Null where only an Instagram account is here.")
    page_name = serializers.CharField()


class RoomChannelSerializer(serializers.Serializer):
    """What a chatroom sends from and is reached at: a number, a page or an Instagram account."""

    id = serializers.UUIDField()
    platform = serializers.CharField(help_text="SMS, MESSENGER or INSTAGRAM.")
    address = serializers.CharField(help_text="A phone number, or Meta's id of the page or account.")
    name = serializers.CharField()


class ChatroomSerializer(RowSerializer):
    """A chatroom as the caller sees it."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=80, validators=[names.validate_name])
    sender_numbers = RoomNumberSerializer(many=True, read_only=True)
    facebook_pages = RoomPageSerializer(many=True, read_only=True)
    channels = RoomChannelSerializer(many=True, read_only=True)
    unread_count = serializers.IntegerField(read_only=True)
    quiet_hours = QuietHoursSerializer(
        required=False, allow_null=True, help_text="Its own, in place of the organization's. Null where it has none."
    )

    def represent_rows(self, rows: list[Chatroom]) -> list[dict]:
        viewer = self.context["request"].user
        counts = unread.count_unread(viewer, [room.pk for room in rows])
        return [
            {
                "id": room.pk,
                "name": room.name,
                "sender_numbers": [
                    {"id": channel.pk, "phone": channel.address, "name": channel.name}
                    for channel in room.channels.all()
                    if channel.platform == "SMS"
                ],
                "facebook_pages": describe_room_pages(room),
                "channels": [
                    {"id": channel.pk, "platform": channel.platform, "address": channel.address, "name": channel.name}
                    for channel in sorted(room.channels.all(), key=lambda channel: channel.pk)
                ],
                "unread_count": counts.get(room.pk, 0),
                "quiet_hours": describe_quiet_hours(room),
            }
            for room in rows
        ]


def describe_room_pages(room: Chatroom) -> list[dict]:
    """The pages of the chatroom's channels, each once: Messenger and Instagram may both be here."""
    channel_of: dict = {}
    for channel in room.channels.all():
        if channel.platform == "MESSENGER" or (
            channel.platform == "INSTAGRAM" and channel.account_id not in channel_of
        ):
            channel_of[channel.account_id] = channel
    return [
        {
            "id": account_id,
            "page_id": channel.address if channel.platform == "MESSENGER" else None,
            "page_name": channel.name,
        }
        for account_id, channel in channel_of.items()
    ]


class AssignmentSerializer(serializers.Serializer):
    """Somebody works in a chatroom."""

    user_id = ColleagueField(source="user")
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), source="chatroom")


class AssignedSerializer(RowSerializer):
    """An assignment as it stands."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    assigned_by = PersonSerializer(allow_null=True)
    created_at = serializers.DateTimeField()

    def represent_rows(self, rows: list[UserChatroom]) -> list[dict]:
        return [
            {
                "id": row.pk,
                "user_id": row.user_id,
                "chatroom_id": row.chatroom_id,
                "assigned_by": describe_person(row.assigned_by),
                "created_at": row.created_at,
            }
            for row in rows
        ]
