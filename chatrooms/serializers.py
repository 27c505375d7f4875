"""What goes in and out at /api/chatrooms and /api/user-chatrooms."""

from rest_framework import serializers

from accounts.api.schema import PersonSerializer
from chatrooms.fields import ColleagueField, VisibleRelatedField
from chatrooms.models import Chatroom


class RoomNumberSerializer(serializers.Serializer):
    """A phone number of a chatroom."""

    id = serializers.UUIDField()
    phone = serializers.CharField()
    name = serializers.CharField()


class RoomPageSerializer(serializers.Serializer):
    """A Facebook Page of a chatroom."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class ChatroomSerializer(serializers.Serializer):
    """A chatroom as the caller sees it."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=80)
    sender_numbers = RoomNumberSerializer(many=True, read_only=True)
    facebook_pages = RoomPageSerializer(many=True, read_only=True)
    unread_count = serializers.IntegerField(read_only=True)


class AssignmentSerializer(serializers.Serializer):
    """Somebody works in a chatroom."""

    user_id = ColleagueField(source="user")
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), source="chatroom")


class AssignmentFilters(AssignmentSerializer):
    """The query parameters of the list of assignments."""

    user_id = ColleagueField(required=False)
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False)


class AssignedSerializer(serializers.Serializer):
    """An assignment as it stands."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    assigned_by = PersonSerializer(allow_null=True)
    created_at = serializers.DateTimeField()


class InRoomFilters(serializers.Serializer):
    """The query parameters of lists that chatrooms divide."""

    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False, source="chatroom")
