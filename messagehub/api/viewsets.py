"""The one base of the API's endpoints."""

import orjson
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from messagehub.api.filters import FilterBackend
from messagehub.api.pagination import KeysetPagination
from messagehub.api.renderers import JSONRenderer


class TenantViewSet(GenericViewSet):
    """Rows that the caller may see; any other does not exist (404).

    `input_classes` names the serializer of each action that takes another than it answers with.
    """

    lookup_value_converter = "uuid"
    filter_backends = [FilterBackend]
    filterset_class = None
    pagination_class = KeysetPagination
    input_classes: dict[str, type] = {}

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)

    def get_object(self):
        row = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        self.check_object_permissions(self.request, row)
        return row

    def get_serializer_class(self):
        return self.input_classes.get(self.action) or super().get_serializer_class()

    def get_serializer(self, *args, **kwargs):
        if self.action == "partial_update" and "data" in kwargs:
            kwargs["data"] = self.leave_out_unchanged(kwargs["data"])
        return super().get_serializer(*args, **kwargs)

    def leave_out_unchanged(self, data: dict) -> dict:
        """Without the values that GET gives just now. Writing back what was read is no change.

        Providers and the past bring values that no field would take from a person: short codes, a time that is over, an
        archived chatroom.
        """
        shown = orjson.loads(JSONRenderer().render(self.retrieve(self.request, **self.kwargs).data))
        return {name: value for name, value in data.items() if name not in shown or value != shown[name]}

    def get_success_headers(self, data) -> dict:
        return {"Location": self.request.build_absolute_uri(f"{self.request.path}/{data['id']}")}

    def read_input(self, data=None, **context) -> dict:
        """The body (or `data`), validated. Raises ValidationError."""
        data = self.request.data if data is None else data
        serializer = self.get_serializer(data=data, partial=self.action == "partial_update")
        serializer.context.update(context)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def read_filters(self) -> dict:
        """The query of a list whose statement is written by hand, validated. Raises ValidationError."""
        filterset = FilterBackend().get_filterset(self.request, self.queryset, self)
        return filterset.values if filterset else {}

    def answer_page(self, queryset) -> Response:
        """A page of this list, as `serializer_class` writes it."""
        page = self.paginate_queryset(self.filter_queryset(queryset))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class TenantModelViewSet(TenantViewSet, ModelViewSet):
    """List, create, read, change and delete."""


def read_idempotency_key(request) -> str:
    """The client's own key of this request, empty without one. Raises ValidationError for an unprintable one."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 200 or not key.isprintable():
        raise ValidationError({"Idempotency-Key": [_("Use at most 200 printable characters.")]})
    return key
