"""How the OpenAPI document is made: what every operation shares, and a short way to say what is particular to one."""

from collections.abc import Iterable
from functools import cache

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.fields import empty

PAGE_PARAMETERS = [
    OpenApiParameter("cursor", str, description="Opaque position, taken from `next` or `previous` of a page."),
    OpenApiParameter("page_size", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
]
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": 200, "pattern": "^[ -~]*$"},
    OpenApiParameter.HEADER,
    description="Repeating a request with the same key and body returns the first response; another body is 422. Kept "
    "for 24 hours.",
)


class ReasonSerializer(serializers.Serializer):
    """Why a message is refused or delayed, when that ends by itself, and how to fix it."""

    code = serializers.CharField()
    message = serializers.CharField()
    fix = serializers.CharField()
    opens_at = serializers.DateTimeField(allow_null=True)


class ErrorBody(serializers.Serializer):
    """An error. Branch on `code`; `fields` lists invalid fields of the request by dotted path."""

    code = serializers.CharField()
    message = serializers.CharField()
    fields_ = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)
    reasons = ReasonSerializer(many=True, required=False, help_text="Every reason why the message may not be sent.")

    def get_fields(self) -> dict:
        found = super().get_fields()
        found["fields"] = found.pop("fields_")  # `fields` is a name of the class itself
        return found


class Error(serializers.Serializer):
    """The body of every error response."""

    error = ErrorBody()


class Schema(AutoSchema):
    """Knows the envelope of a list, what each action answers with, and the refusals that any request may meet."""

    @property
    def handler(self):
        """The method of the view that the operation is about."""
        return getattr(self.view, getattr(self.view, "action", None) or self.method.lower())

    @property
    def is_page(self) -> bool:
        return getattr(self.handler, "is_page", False)

    @property
    def is_file(self) -> bool:
        return getattr(self.handler, "is_file", False)

    def get_response_serializers(self):
        """Unless `operation` says otherwise: the row, a page of rows, or nothing."""
        if self.method == "DELETE":
            return {"204": None}
        if self.is_file:
            return {("200", "text/csv"): OpenApiTypes.STR}
        input_class = self.view.get_serializer_class()
        answer_class = getattr(input_class, "answer_class", input_class)
        if self.is_page:
            return {"200": page_of(answer_class)}
        return {"201" if self.view.action == "create" else "200": answer_class}

    def _get_response_bodies(self, direction: str = "response") -> dict:
        bodies = super()._get_response_bodies(direction)
        for status in self.refusals():
            bodies.setdefault(status, self._get_response_for_code(Error, status, direction=direction))
        return dict(sorted(bodies.items()))

    def refusals(self) -> list[str]:
        statuses = ["400", "406", "429", *map(str, getattr(self.handler, "refuses", ()))]
        if self.view.permission_classes and self.get_auth():
            statuses += ["401", "403"]
        if "{" in self.path:
            statuses.append("404")
        if self.method in ("POST", "PATCH", "PUT"):
            statuses += ["413", "415"]
        return statuses

    def get_operation_id(self) -> str:
        """As the path and verb say: `chatrooms_list`, `chatrooms_read`, `conversations_notes_create`."""
        words = [part for part in self.path.removeprefix("/api/").split("/") if "{" not in part]
        verb = {"get": "read", "post": "create", "patch": "update", "put": "replace", "delete": "delete"}
        action = "list" if self.is_page else verb[self.method.lower()]
        if self.path.endswith("}") and action == "create":
            action = "post"
        return "_".join([*words, action]).replace("-", "_")

    def get_filter_backends(self) -> list:
        is_filtered = self.method == "GET" and "{" not in self.path and self.view.filterset_class
        return self.view.filter_backends if self.is_page or self.is_file or is_filtered else []

    def _is_list_view(self, serializer=None) -> bool:
        return False  # `page_of` is the envelope; spectacular would put an array around it

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/").split("/")[0]]


class Bearer(OpenApiAuthenticationExtension):
    """A token in the header, or the session cookie together with the CSRF token."""

    target_class = "messagehub.tenancy.RequestAuthentication"
    name = ["bearer", "session"]

    def get_security_definition(self, auto_schema) -> list[dict]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "description": "The `token` returned by /api/auth/login, or an API key.",
            },
            {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "Used by browsers. All methods except GET also need the CSRF token in `X-CSRFToken`.",
            },
        ]


@cache
def page_of(serializer: type) -> type:
    """The envelope of a list."""
    name = serializer.__name__.removesuffix("Serializer")
    return type(
        f"{name}Page",
        (serializers.Serializer,),
        {
            "__doc__": "A page of a list. `next` and `previous` are URLs, null at the ends.",
            "results": serializer(many=True),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
        },
    )


def operation(
    summary: str,
    *,
    description: str = "",
    body=empty,
    answers: dict | None = None,
    refuses: Iterable[int] = (),
    query=None,
    header=None,
    page: bool = False,
    file: bool = False,
):
    """Say what an action is for, and what of it can't be read off its serializers.

    `answers` maps a status to its serializer, None being an empty body; `refuses` are further statuses of errors;
    `page` marks an extra action that answers with a page, `file` one that answers with a CSV file.
    """

    def mark(method):
        method.is_file = file
        method.is_page = page or (method.__name__ == "list" and answers is None)
        method.refuses = tuple(refuses)
        return extend_schema(
            summary=summary,
            description=description or None,
            request=body,
            responses=empty if answers is None else {str(status): answer for status, answer in answers.items()},
            parameters=[
                *([query] if query else []),
                *(PAGE_PARAMETERS if method.is_page else []),
                *([header] if header else []),
            ],
        )(method)

    return mark
