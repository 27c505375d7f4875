"""How the OpenAPI document is made: what every operation shares, and a short way to say what is particular to one."""

from functools import cache

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers

CURSOR = [
    OpenApiParameter("cursor", str, description="From `next` or `previous` of a page; opaque."),
    OpenApiParameter("page_size", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
]
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": 200, "pattern": "^[ -~]*$"},
    OpenApiParameter.HEADER,
    description="The same key and body get the first answer again; with another body it is 422. Kept for 24 hours.",
)


class ReasonSerializer(serializers.Serializer):
    """Why something may not be sent, or waits: when that ends by itself, and what would change it."""

    code = serializers.CharField()
    message = serializers.CharField()
    fix = serializers.CharField()
    opens_at = serializers.DateTimeField(allow_null=True)


class ErrorBody(serializers.Serializer):
    """What went wrong. Branch on `code`; `fields` names what is wrong in the request, by dotted path."""

    code = serializers.CharField()
    message = serializers.CharField()
    fields_ = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)
    reasons = ReasonSerializer(many=True, required=False, help_text="Why it may not be sent, all of them.")

    def get_fields(self) -> dict:
        found = super().get_fields()
        found["fields"] = found.pop("fields_")  # `fields` is a name of the class itself
        return found


class Error(serializers.Serializer):
    """The shape of every error."""

    error = ErrorBody()


class Schema(AutoSchema):
    """Adds to each operation the refusals that any request may meet."""

    def _get_response_bodies(self, direction: str = "response") -> dict:
        bodies = super()._get_response_bodies(direction)
        for status in self.refusals():
            bodies.setdefault(status, self._get_response_for_code(Error, status, direction=direction))
        return dict(sorted(bodies.items()))

    def refusals(self) -> list[str]:
        found = ["400", "406", "429"]
        if self.view.permission_classes and self.get_auth():
            found += ["401", "403"]
        if "{" in self.path:
            found.append("404")
        if self.method in ("POST", "PATCH", "PUT"):
            found += ["413", "415"]
        return found

    def get_operation_id(self) -> str:
        """As the path and verb say: `chatrooms_list`, `chatrooms_read`, `conversations_notes_create`."""
        words = [part for part in self.path.removeprefix("/api/").split("/") if "{" not in part]
        verb = {"get": "read", "post": "create", "patch": "update", "put": "replace", "delete": "delete"}
        action = verb[self.method.lower()]
        if action == "read" and getattr(getattr(self.view, self.method.lower()), "is_list", False):
            action = "list"
        if self.path.endswith("}") and action == "create":
            action = "post"
        return "_".join([*words, action]).replace("-", "_")

    def _is_list_view(self, serializer=None) -> bool:
        return False  # a list declares its envelope itself; spectacular would put an array around it

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/").split("/")[0]]


class Bearer(OpenApiAuthenticationExtension):
    """A token in the header, or the session cookie together with the CSRF token."""

    target_class = "messagehub.tenancy.RequestAuthentication"
    name = ["bearer", "session"]

    def get_security_definition(self, auto_schema) -> list[dict]:
        return [
            {"type": "http", "scheme": "bearer", "description": "The `token` that /api/auth/login gives."},
            {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "What browsers use. Anything but GET needs the CSRF token in `X-CSRFToken` as well.",
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
            "__doc__": "A page of a list. `next` and `previous` are addresses, null at the ends.",
            "results": serializer(many=True),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
        },
    )


def operation(summary: str, *, answers: dict, body=None, query=None, header=None, examples=(), description: str = ""):
    """Say what a view's method is for. `answers` maps a status to its serializer; None is an empty body.

    A status of 400 or above needs no serializer: Error is meant. `[Serializer]` is a page of a list.
    """
    paged = any(isinstance(answer, list) for answer in answers.values())
    responses = {
        str(status): page_of(answer[0]) if isinstance(answer, list) else Error if status >= 400 else answer
        for status, answer in answers.items()
    }
    parameters = [*([query] if query else []), *(CURSOR if paged else []), *([header] if header else [])]

    def mark(method):
        method.is_list = paged
        return extend_schema(
            summary=summary,
            description=description or None,
            request=body,
            responses=responses,
            parameters=parameters,
            examples=[OpenApiExample(**example) for example in examples],
        )(method)

    return mark
