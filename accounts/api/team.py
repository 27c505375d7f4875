"""/api/users: the people of the organization, for its admins."""

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers

from accounts import team
from accounts.api.filters import UserFilterSet
from accounts.api.permissions import IsAdmin
from accounts.api.serializers import UserSerializer
from accounts.models import User
from messagehub import names
from messagehub.api.schema import operation
from messagehub.api.serializers import InputSerializer, KnownValueField
from messagehub.api.viewsets import TenantModelViewSet


class InviteSerializer(InputSerializer):
    """Whom to invite, as what."""

    answer_class = UserSerializer

    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=120, validators=[names.validate_name])
    role = KnownValueField(User.Role.values)


class ColleagueKeyField(serializers.PrimaryKeyRelatedField):
    """An id of somebody in the caller's organization; any other is refused like one that does not exist."""

    default_error_messages = {"does_not_exist": "Not found.", "incorrect_type": "Not found."}

    def get_queryset(self):
        return User.objects.filter(organization_id=self.context["request"].user.organization_id)

    def to_internal_value(self, data):
        try:
            return super().to_internal_value(data if isinstance(data, str) else None)
        except (ValueError, TypeError, DjangoValidationError):
            self.fail("does_not_exist", pk_value="")


class UserChangeSerializer(InputSerializer):
    """What an admin may change about a person."""

    answer_class = UserSerializer

    name = serializers.CharField(max_length=120, required=False, validators=[names.validate_name])
    role = KnownValueField(User.Role.values, required=False)
    is_active = serializers.BooleanField(required=False)
    hand_over_to = ColleagueKeyField(
        queryset=User.objects.all(),
        required=False,
        write_only=True,
        help_text="With `is_active` false: who gets their open conversations. What this person may not see becomes "
        "unassigned, and everything does without it.",
    )

    def validate(self, data: dict) -> dict:
        if "hand_over_to" in data and data.get("is_active") is not False:
            raise serializers.ValidationError({"hand_over_to": [_("Only together with is_active false.")]})
        return data


@extend_schema_view(
    list=operation("List users"),
    retrieve=operation("Get a user"),
    create=operation(
        "Invite a user",
        description="Emails a link, valid for seven days, to join and choose a password.",
        refuses=[409],
    ),
    partial_update=operation(
        "Update a user",
        description="A new role or state applies from the next request, also to open sockets. Returns 409 if this "
        "would remove the last active admin or change your own role.",
        refuses=[409],
    ),
    destroy=operation(
        "Deactivate a user",
        description="Ends their sessions, API keys and open sockets. Their messages are kept.",
        refuses=[409],
    ),
)
class UserViewSet(TenantModelViewSet):
    """All members, including pending invitations."""

    permission_classes = [IsAdmin]
    queryset = User.objects.select_related("organization", "token_account")
    serializer_class = UserSerializer
    filterset_class = UserFilterSet
    input_classes = {"create": InviteSerializer, "partial_update": UserChangeSerializer}

    def get_queryset(self):
        return self.queryset.filter(organization_id=self.request.user.organization_id)

    def perform_create(self, serializer):
        organization = self.request.user.organization
        serializer.instance = team.invite_user(organization, **serializer.validated_data, by=self.request.user)

    def perform_update(self, serializer):
        values, by = dict(serializer.validated_data), self.request.user
        successor = values.pop("hand_over_to", None)
        if successor:
            team.deactivate_user(serializer.instance, by=by, hand_over_to=successor)
        serializer.instance = team.change_user(serializer.instance, by=by, **values)

    def perform_destroy(self, user):
        team.deactivate_user(user, by=self.request.user)
