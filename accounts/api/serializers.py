"""What goes in and out at /api/auth/."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from rest_framework import serializers

from accounts.models import User


class LoginSerializer(serializers.Serializer):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
    code = serializers.CharField(
        max_length=32, required=False, allow_blank=True, help_text="Of the second factor, where one is owed."
    )


class MeSerializer(serializers.Serializer):
    """What people may change about themselves."""

    name = serializers.CharField(max_length=120, required=False)
    password = serializers.CharField(max_length=1000, trim_whitespace=False, required=False)
    current_password = serializers.CharField(max_length=1000, trim_whitespace=False, required=False)

    def validate(self, data: dict) -> dict:
        user = self.context["request"].user
        if "password" in data:
            if not user.check_password(data.get("current_password", "")):
                raise serializers.ValidationError({"current_password": ["This is not your current password."]})
            try:
                validate_password(data["password"], user)
            except ValidationError as error:
                raise serializers.ValidationError({"password": error.messages}) from None
        return data


def user_shape(user: User) -> dict:
    """A person as the API shows them. Read inside their organization."""
    return user_shapes([user])[0]


def user_shapes(users: list[User]) -> list[dict]:
    """People of one organization, in as many queries as one of them takes.

    Every room for an admin, the assigned ones for an agent, by reverse relations: chatrooms are not known here.
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


def _balance(user: User) -> int:
    account = getattr(user, "token_account", None)
    return account.balance if account else 0
