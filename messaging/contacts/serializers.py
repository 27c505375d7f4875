"""What goes in and out at /api/contacts with its imports, and at /api/groups."""

from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.models import validate_country
from chatrooms.fields import PhoneField, VisibleListField, VisibleRelatedField, only_chatroom
from chatrooms.models import Chatroom, Contact, Group
from messagehub import names
from messagehub.api.serializers import InputSerializer, RowSerializer
from messaging import payloads
from messaging.models import ContactImport, ImportRow

MOST_MEMBERS = 1000  # added by one request
MOST_ERRORS = 1000  # rows of an import that one answer tells
LAST_LINE = 2**31 - 1


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


class NewImportSerializer(serializers.Serializer):
    """A CSV file of contacts. `chatroom_id` may be left out with a `group_id`, and by users of a single chatroom."""

    file = serializers.FileField(help_text="CSV with a line of column titles, up to 4,000 KB.")
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False, source="chatroom")
    group_id = VisibleRelatedField(
        queryset=Group.objects.select_related("chatroom"),
        required=False,
        source="group",
        help_text="A group of the chatroom that all contacts of the file are added to.",
    )
    country = serializers.CharField(
        max_length=2,
        required=False,
        default="",
        validators=[validate_country],
        help_text="ISO 3166 code of numbers without a country code; by default the organization's.",
    )

    def validate(self, data: dict) -> dict:
        group = data.setdefault("group", None)
        if "chatroom" not in data:
            data["chatroom"] = group.chatroom if group else only_chatroom(self.context["request"].user)
        if group and group.chatroom_id != data["chatroom"].pk:
            raise serializers.ValidationError({"group_id": [_("This belongs to another chatroom.")]})
        return data


class StartedImportSerializer(serializers.Serializer):
    """The import that the file became."""

    import_id = serializers.UUIDField()


class ImportQuerySerializer(serializers.Serializer):
    """Which row errors to tell."""

    errors_after = serializers.IntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=LAST_LINE,
        help_text="The last line whose error is known; `errors` begin behind it.",
    )


class RowErrorSerializer(serializers.Serializer):
    """A row that was not imported."""

    line = serializers.IntegerField(help_text="Its row in the file, empty rows not counted; the titles are 1.")
    reason = serializers.CharField()


class ImportSerializer(serializers.Serializer):
    """An import of contacts and how far it is. It is finished when its `state` is `done`."""

    id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    group_id = serializers.UUIDField(allow_null=True)
    file_name = serializers.CharField()
    state = serializers.ChoiceField(choices=ContactImport.State.choices)
    total = serializers.IntegerField(help_text="Rows of the file, without the titles.")
    handled = serializers.IntegerField(help_text="Rows so far: created, existing and skipped ones.")
    created = serializers.IntegerField()
    existing = serializers.IntegerField(help_text="Rows whose number a contact of the chatroom had already.")
    skipped = serializers.IntegerField()
    errors = RowErrorSerializer(many=True, help_text=f"Why rows were skipped, at most {MOST_ERRORS} by their lines.")
    created_at = serializers.DateTimeField()


def describe_import(contact_import: ContactImport, errors: list[ImportRow]) -> dict:
    names = ("chatroom_id", "group_id", "file_name", "state", "total", "handled", "created_at")
    return {
        "id": contact_import.pk,
        **{name: getattr(contact_import, name) for name in names},
        **{name: getattr(contact_import, f"{name}_count") for name in ("created", "existing", "skipped")},
        "errors": [{"line": row.number, "reason": row.reason} for row in errors],
    }


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
            place: [_("This belongs to another chatroom.")]
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
