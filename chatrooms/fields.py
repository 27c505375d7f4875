"""Writable ids: what the caller may not see is refused exactly like what does not exist."""

from rest_framework import serializers


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
