"""/api/users: the people of the organization, for its admins."""

from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers

from accounts import team
from accounts.api.permissions import IsAdmin
from accounts.api.serializers import UserSerializer
from accounts.models import User
from messagehub.api.schema import operation
from messagehub.api.serializers import InputSerializer
from messagehub.api.viewsets import TenantModelViewSet


class InviteSerializer(InputSerializer):
    """Whom to invite, as what."""

    answer_class = UserSerializer

    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=120)
    role = serializers.ChoiceField(User.Role.values)


class UserChangeSerializer(InputSerializer):
    """What an admin may change about a person."""

    answer_class = UserSerializer

    name = serializers.CharField(max_length=120, required=False)
    role = serializers.ChoiceField(User.Role.values, required=False)
    is_active = serializers.BooleanField(required=False)


@extend_schema_view(
    list=operation("List users"),
    retrieve=operation("Read a user"),
    create=operation(
        "Invite somebody",
        description="They are mailed a link, valid for seven days, by which they choose a password.",
        refuses=[409],
        examples=[
            {"name": "An agent", "value": {"email": "noor@northbeam.example", "name": "Noor Haddad", "role": "agent"}},
        ],
    ),
    partial_update=operation(
        "Change a user",
        description="A role or state counts from their next request on, and on open sockets. The last active admin "
        "stays one, and nobody changes their own role: 409.",
        refuses=[409],
    ),
    destroy=operation(
        "Deactivate a user",
        description="Their sign-ins and keys stop working and their sockets close. What they wrote is kept.",
        refuses=[409],
    ),
)
class UserViewSet(TenantModelViewSet):
    """Everybody of the organization, people who are only invited included."""

    permission_classes = [IsAdmin]
    queryset = User.objects.select_related("organization", "token_account")
    serializer_class = UserSerializer
    input_classes = {"create": InviteSerializer, "partial_update": UserChangeSerializer}

    def get_queryset(self):
        return self.queryset.filter(organization_id=self.request.user.organization_id)

    def perform_create(self, serializer):
        organization = self.request.user.organization
        serializer.instance = team.invite(organization, **serializer.validated_data, by=self.request.user)

    def perform_update(self, serializer):
        serializer.instance = team.change(serializer.instance, by=self.request.user, **serializer.validated_data)

    def perform_destroy(self, user):
        team.deactivate(user, by=self.request.user)
