"""What goes in and out at /api/auth/ and /api/users."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts import sessions
from accounts.models import User
from messagehub import names
from messagehub.api.serializers import InputSerializer, KnownValueField, RowSerializer


class PersonSerializer(serializers.Serializer):
    """Somebody of the organization, by name."""

    id = serializers.UUIDField()
    name = serializers.CharField()


def describe_person(user: User | None) -> dict | None:
    """A person as other payloads name them."""
    return {"id": user.pk, "name": user.name} if user else None


class OrganizationSerializer(serializers.Serializer):
    """Whom somebody works for."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()


class UserSerializer(RowSerializer):
    """A person; `token_balance` is null for admins, who need none."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    role = KnownValueField(choices=User.Role.values)
    organization = OrganizationSerializer()
    chatroom_ids = serializers.ListField(child=serializers.UUIDField())
    token_balance = serializers.IntegerField(allow_null=True)
    is_active = serializers.BooleanField()

    def represent_rows(self, users: list[User]) -> list[dict]:
        """People of one organization: every room for an admin, the assigned ones for an agent.

        By reverse relations, because chatrooms are not known here. Runs inside their organization.
        """
        if not users:
            return []
        organization = users[0].organization
        rooms = list(organization.chatrooms.filter(archived_at=None).order_by("pk").values_list("pk", flat=True))
        assigned: dict = {user.pk: set() for user in users}
        pairs = User.objects.filter(pk__in=assigned, user_chatrooms__isnull=False)
        for user_id, room_id in pairs.values_list("pk", "user_chatrooms__chatroom_id"):
            assigned[user_id].add(room_id)
        return [
            {
                "id": str(user.pk),
                "email": user.email,
                "name": user.name,
                "role": user.role,
                "organization": {"id": str(organization.pk), "name": organization.name, "slug": organization.slug},
                "chatroom_ids": [str(pk) for pk in rooms if user.is_admin or pk in assigned[user.pk]],
                "token_balance": None if user.is_admin else _balance(user),
                "is_active": user.is_active,
            }
            for user in users
        ]


class LoginSerializer(serializers.Serializer):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
    code = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        help_text="Two-factor code; required if you have set up two-factor authentication.",
    )


class MeSerializer(InputSerializer):
    """What people may change about themselves."""

    answer_class = UserSerializer

    name = serializers.CharField(max_length=120, required=False, validators=[names.validate_name])
    password = serializers.CharField(max_length=1000, trim_whitespace=False, required=False)
    current_password = serializers.CharField(max_length=1000, trim_whitespace=False, required=False)

    def validate(self, data: dict) -> dict:
        request = self.context["request"]
        if "password" in data:
            if not sessions.check_current_password(request, data.get("current_password", "")):
                raise serializers.ValidationError({"current_password": [_("This isn't your current password.")]})
            try:
                validate_password(data["password"], request.user)
            except ValidationError as error:
                raise serializers.ValidationError({"password": error.messages}) from None
        return data


class SignedInSerializer(serializers.Serializer):
    """A fresh sign-in: the token is shown this once."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
    user = UserSerializer()


def _balance(user: User) -> int:
    account = getattr(user, "token_account", None)
    return account.balance if account else 0
