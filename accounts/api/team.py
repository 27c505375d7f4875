"""/api/users: the people of the organization, for its admins."""

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


class UserChangeSerializer(InputSerializer):
    """What an admin may change about a person."""

    answer_class = UserSerializer

    name = serializers.CharField(max_length=120, required=False, validators=[names.validate_name])
    role = KnownValueField(User.Role.values, required=False)
    is_active = serializers.BooleanField(required=False)


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
        serializer.instance = team.change_user(serializer.instance, by=self.request.user, **serializer.validated_data)

    def perform_destroy(self, user):
        team.deactivate_user(user, by=self.request.user)
