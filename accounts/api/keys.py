"""/api/keys: one's own API keys."""

from django.utils import timezone
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import keys
from accounts.models import ApiKey
from messagehub.api import conventions
from messagehub.api.schema import operation


class KeySerializer(serializers.Serializer):
    """A key as it is listed: its secret is not kept, only how it begins."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(ApiKey.Scope.values), allow_empty=False, max_length=len(ApiKey.Scope)
    )
    prefix = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Without it the key never ends.")

    def validate_scopes(self, given: list[str]) -> list[str]:
        if ApiKey.Scope.ADMIN in given and not self.context["request"].user.is_admin:
            raise serializers.ValidationError("A key can't do more than you: `admin` is for admins.")
        return given

    def validate_expires_at(self, given):
        if given and given <= timezone.now():
            raise serializers.ValidationError("This has passed already.")
        return given


class NewKeySerializer(KeySerializer):
    """A key that was just made. The secret is shown this once."""

    secret = serializers.CharField(read_only=True)


def shape(key: ApiKey) -> dict:
    names = ("id", "name", "scopes", "prefix", "created_at", "last_used_at", "expires_at")
    return {name: getattr(key, name) for name in names}


class KeysView(APIView):
    """One's own API keys."""

    @operation("List your API keys", answers={200: [KeySerializer]})
    def get(self, request):
        conventions.known_only(request, ())
        return conventions.page(
            request,
            conventions.keyset(ApiKey.objects.filter(user=request.user), "created_at"),
            lambda key: (key.created_at, key.pk),
            lambda found: [shape(key) for key in found],
        )

    @operation(
        "Make an API key",
        description="Send it as `Authorization: Bearer <secret>`. A key does what its scopes say and never more than "
        "you may: `read` everything, `send` and handle conversations, change `contacts`, groups, templates and labels, "
        "and do what takes an `admin`.",
        body=KeySerializer,
        answers={201: NewKeySerializer},
        examples=[
            {"name": "For reports", "value": {"name": "Weekly report", "scopes": ["read"]}, "request_only": True},
        ],
    )
    def post(self, request):
        data = conventions.validated(KeySerializer, request, request.data)
        key, secret = keys.create(request.user, data["name"], data["scopes"], data.get("expires_at"))
        key.refresh_from_db()
        return conventions.created(request, shape(key) | {"secret": secret})


class KeyView(APIView):
    """One of one's own API keys."""

    @operation("Read an API key", answers={200: KeySerializer})
    def get(self, request, pk):
        return Response(shape(conventions.found(ApiKey.objects.filter(user=request.user), pk)))

    @operation("Delete an API key", description="It stops working at once.", answers={204: None})
    def delete(self, request, pk):
        keys.delete(conventions.found(ApiKey.objects.filter(user=request.user), pk), by=request.user)
        return Response(status=204)
