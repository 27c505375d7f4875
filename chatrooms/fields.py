"""Writable ids: what the caller may not see is refused exactly like what does not exist."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from chatrooms import phones
from chatrooms.models import Chatroom


class VisibleRelatedField(serializers.PrimaryKeyRelatedField):
    """An id of something that the caller may see. Anything else is "not found", a malformed id too."""

    default_error_messages = {"does_not_exist": "Not found.", "incorrect_type": "Not found."}

    def get_queryset(self):
        return super().get_queryset().visible_to(self.context["request"].user)

    def to_internal_value(self, data):
        if not isinstance(data, str):
            self.fail("incorrect_type")
        try:
            return super().to_internal_value(data)
        except (ValueError, TypeError, serializers.DjangoValidationError):
            self.fail("does_not_exist", pk_value="")


class ColleagueField(VisibleRelatedField):
    """An id of somebody in the caller's organization."""

    def __init__(self, **options):
        super().__init__(**({} if options.get("read_only") else {"queryset": User.objects.all()}), **options)

    def get_queryset(self):
        return User.objects.filter(organization_id=self.context["request"].user.organization_id)


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
class VisibleListField(serializers.ListField):
    """Ids of rows that the caller may see, looked up in one query."""

    child = serializers.CharField()

    def __init__(self, *, queryset: QuerySet, **options):
        self.queryset = queryset
        super().__init__(**options)

    def get_queryset(self) -> QuerySet:
        return self.queryset.visible_to(self.context["request"].user)

    def to_internal_value(self, data) -> list:
        texts = super().to_internal_value(data)
        keys = [_uuid(text) for text in texts]
        rows = self.get_queryset().in_bulk([key for key in keys if key])
        missing = {place: ["Not found."] for place, key in enumerate(keys) if key not in rows}
        if missing:
            raise serializers.ValidationError(missing)
        return list({key: rows[key] for key in keys}.values())


class PhoneField(serializers.CharField):
    """A phone number as people write it, stored as E.164; the organization's country is taken where none is given."""

    def __init__(self, **options):
        super().__init__(**{"max_length": 64, **options})

    def to_internal_value(self, data) -> str:
        text = super().to_internal_value(data)
        try:
            return phones.normalize_phone(text, self.context["request"].user.organization.default_country)
        except phones.ImpossibleNumber as error:
            raise serializers.ValidationError(str(error)) from None


def only_chatroom(user: User) -> Chatroom:
    """The only chatroom that the user can see. Raises ValidationError where there are several."""
    rooms = list(Chatroom.objects.visible_to(user)[:2])
    if len(rooms) != 1:
        raise serializers.ValidationError(
            {"chatroom_id": [_("This field is required: you have access to several chatrooms.")]}
        )
    return rooms[0]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
