"""What goes in and out at /api/contacts and /api/groups."""

from rest_framework import serializers

from chatrooms.fields import PhoneField, VisibleListField, VisibleRelatedField, only_chatroom
from chatrooms.models import Chatroom, Contact
from messagehub import names
from messagehub.api.serializers import InputSerializer, RowSerializer
from messaging import payloads

MOST_MEMBERS = 1000  # added by one request


class ContactGroupSerializer(serializers.Serializer):
    """A group that a contact is in."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class ContactSerializer(RowSerializer):
    """A customer, as one chatroom knows them."""

    id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    phone = serializers.CharField(allow_null=True)
    email = serializers.CharField()
    messenger_psid = serializers.CharField(allow_null=True)
    instagram_sid = serializers.CharField(allow_null=True)
    profile_pic_url = serializers.URLField(allow_null=True)
    consent = serializers.ChoiceField(choices=["opted_in", "opted_out", "unknown"])
    blocked = serializers.BooleanField()
    groups = ContactGroupSerializer(many=True)
    created_at = serializers.DateTimeField()

    def represent_rows(self, rows: list[Contact]) -> list[dict]:
        return payloads.describe_contacts(rows)


class ContactChangeSerializer(InputSerializer):
    """What people may change about a contact."""

    answer_class = ContactSerializer

    first_name = serializers.CharField(
        max_length=80, allow_blank=True, required=False, validators=[names.validate_name]
    )
    last_name = serializers.CharField(max_length=80, allow_blank=True, required=False, validators=[names.validate_name])
    phone = PhoneField()
    email = serializers.EmailField(allow_blank=True, required=False)
    blocked = serializers.BooleanField(required=False)


class NewContactSerializer(ContactChangeSerializer):
    """A contact to add. `chatroom_id` may be left out by users who work in a single chatroom."""

    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False, source="chatroom")

    def validate(self, data: dict) -> dict:
        return data if "chatroom" in data else {**data, "chatroom": only_chatroom(self.context["request"].user)}


class GroupSerializer(RowSerializer):
    """A named group of a chatroom's contacts."""

    id = serializers.UUIDField(read_only=True)
    chatroom_id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=80, validators=[names.validate_name])
    created_at = serializers.DateTimeField(read_only=True)


class NewGroupSerializer(InputSerializer):
    """A group to create. `chatroom_id` may be left out by users who work in a single chatroom."""

    answer_class = GroupSerializer

    name = serializers.CharField(max_length=80, validators=[names.validate_name])
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False, source="chatroom")

    validate = NewContactSerializer.validate


class MembersSerializer(serializers.Serializer):
    """Contacts to add to a group."""

    contact_ids = VisibleListField(
        queryset=Contact.objects.all(), source="contacts", allow_empty=False, max_length=MOST_MEMBERS
    )

    def validate_contact_ids(self, contacts: list[Contact]) -> list[Contact]:
        group = self.context["group"]
        elsewhere = {
            place: ["This belongs to another chatroom."]
            for place, contact in enumerate(contacts)
            if contact.chatroom_id != group.chatroom_id
        }
        if elsewhere:
            raise serializers.ValidationError(elsewhere)
        return contacts


class AddedSerializer(serializers.Serializer):
    """The number of contacts that were not in the group before."""

    added = serializers.IntegerField()


class MemberSerializer(serializers.Serializer):
    """A contact to remove from a group."""

    contact_id = VisibleRelatedField(queryset=Contact.objects.all(), source="contact")
