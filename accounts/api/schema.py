"""What /api/auth/ answers, declared for the OpenAPI document."""

from rest_framework import serializers

from accounts.models import User


class PersonSerializer(serializers.Serializer):
    """Somebody of the organization, by name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class OrganizationSerializer(serializers.Serializer):
    """Whom somebody works for."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()


class UserSerializer(serializers.Serializer):
    """A person; `token_balance` is null for admins, who need none."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=User.Role.values)
    organization = OrganizationSerializer()
    chatroom_ids = serializers.ListField(child=serializers.UUIDField())
    token_balance = serializers.IntegerField(allow_null=True)
    is_active = serializers.BooleanField()


class SignedInSerializer(serializers.Serializer):
    """A fresh sign-in: the token is shown this once."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    user = UserSerializer()
