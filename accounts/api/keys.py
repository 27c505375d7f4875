"""/api/keys: one's own API keys."""

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_view
from rest_framework import mixins, serializers

from accounts import keys
from accounts.models import ApiKey
from messagehub import names
from messagehub.api.schema import operation
from messagehub.api.serializers import KnownValueField, RowSerializer
from messagehub.api.viewsets import TenantViewSet


class KeySerializer(RowSerializer):
    """A key as it is listed: its secret is not kept, only how it begins."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=80, validators=[names.validate_name])
    scopes = serializers.ListField(
        child=KnownValueField(ApiKey.Scope.values), allow_empty=False, max_length=len(ApiKey.Scope)
    )
    prefix = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True)
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="If omitted, the key never expires."
    )

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        if ApiKey.Scope.ADMIN in scopes and not self.context["request"].user.is_admin:
            raise serializers.ValidationError(_("Only admins can create a key with the `admin` scope."))
        return scopes

    def validate_expires_at(self, expires_at):
        if expires_at and expires_at <= timezone.now():
            raise serializers.ValidationError(_("Choose a time in the future."))
        return expires_at


class NewKeySerializer(KeySerializer):
    """A key that was just created. The secret is shown this once."""

    secret = serializers.CharField(read_only=True)


@extend_schema_view(
    list=operation("List your API keys"),
    retrieve=operation("Get an API key"),
    destroy=operation("Delete an API key", description="The key stops working immediately."),
    create=operation(
        "Create an API key",
        description="Send it as `Authorization: Bearer <secret>`. Scopes limit a key, and it never exceeds your own "
        "permissions. `read`: read everything you can see; `send`: send messages and manage conversations; `contacts`: "
        "manage contacts, groups, templates and labels; `admin`: full admin access.",
    ),
)
class KeyViewSet(
    TenantViewSet,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.DestroyModelMixin,
):
    """One's own API keys."""

    queryset = ApiKey.objects.all()
    serializer_class = KeySerializer
    input_classes = {"create": NewKeySerializer}

    def get_queryset(self):
        return self.queryset.filter(user=self.request.user)

    def perform_create(self, serializer):
        key, secret = keys.create_key(self.request.user, **serializer.validated_data)
        key.refresh_from_db()
        key.secret = secret
        serializer.instance = key

    def perform_destroy(self, key):
        keys.delete_key(key, by=self.request.user)
