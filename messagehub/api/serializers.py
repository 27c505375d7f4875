"""Serializers that write a page at once, and serializers of requests."""

from collections.abc import Sequence
from functools import cached_property

from django.utils.translation import gettext_lazy
from rest_framework import serializers


class PageSerializer(serializers.ListSerializer):
    def to_representation(self, data) -> list:
        return self.child.represent_rows(list(data))


class RowSerializer(serializers.Serializer):
    """Writes rows by their plain attributes; the renderer knows UUIDs and times.

    Declared fields say what is in them, for the OpenAPI document. Going through them costs more than most queries: a
    page of 50 takes a third of the time this way. Subclasses whose rows need more override `represent_rows`, which
    gets a whole page, so that what it looks up is one query.
    """

    class Meta:
        list_serializer_class = PageSerializer

    @cached_property
    def names(self) -> list[str]:
        return [name for name, field in self.fields.items() if not field.write_only]

    def represent_rows(self, rows: Sequence) -> list[dict]:
        return [{name: getattr(row, name) for name in self.names} for row in rows]

    def to_representation(self, row) -> dict:
        (payload,) = self.represent_rows([row])
        return payload


class WholeSerializer(serializers.Serializer):
    """A part of a body that is given whole, also where the rest of the row may be left out: PATCH makes DRF treat the
    fields of every part as optional."""

    def to_internal_value(self, data) -> dict:
        given = super().to_internal_value(data)
        left_out = [name for name, field in self.fields.items() if field.required and name not in given]
        if left_out:
            raise serializers.ValidationError(
                {name: [self.fields[name].error_messages["required"]] for name in left_out}
            )
        return given


class InputSerializer(serializers.Serializer):
    """What a request brings. It is answered as `answer_class` writes the row that came of it."""

    answer_class: type[serializers.Serializer]

    def to_representation(self, row) -> dict:
        return self.answer_class(context=self.context).to_representation(row)


class KnownValueField(serializers.ChoiceField):
    """One of a few values, which are named where another is refused."""

    default_error_messages = {"invalid_choice": gettext_lazy("Unknown value. Allowed: {allowed}.")}

    def fail(self, key: str, **values):
        super().fail(key, allowed=", ".join(map(str, self.choices)), **values)
