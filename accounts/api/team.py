"""/api/users: the people of the organization, for its admins."""

from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import team
from accounts.api.permissions import IsAdmin
from accounts.api.schema import UserSerializer
from accounts.api.serializers import user_shapes
from accounts.models import User
from messagehub.api import conventions
from messagehub.api.schema import operation


class InviteSerializer(serializers.Serializer):
    """Whom to invite, as what."""

    email = serializers.EmailField(max_length=254)
    name = serializers.CharField(max_length=120)
    role = serializers.ChoiceField(User.Role.values)


class ChangeSerializer(serializers.Serializer):
    """What an admin may change about a person."""

    name = serializers.CharField(max_length=120, required=False)
    role = serializers.ChoiceField(User.Role.values, required=False)
    is_active = serializers.BooleanField(required=False)


class UsersView(APIView):
    """Everybody of the organization, those who are only invited too."""

    permission_classes = [IsAdmin]

    @operation("List users", answers={200: [UserSerializer]})
    def get(self, request):
        conventions.known_only(request, ())
        return conventions.page(
            request,
            conventions.keyset(colleagues(request), "created_at"),
            lambda user: (user.created_at, user.pk),
            user_shapes,
        )

    @operation(
        "Invite somebody",
        description="They are mailed a link that is valid for seven days, by which they choose a password.",
        body=InviteSerializer,
        answers={201: UserSerializer, 409: None},
        examples=[
            {
                "name": "An agent",
                "value": {"email": "noor@northbeam.example", "name": "Noor Haddad", "role": "agent"},
                "request_only": True,
            }
        ],
    )
    def post(self, request):
        data = conventions.validated(InviteSerializer, request, request.data)
        user = team.invite(request.user.organization, **data, by=request.user)
        return conventions.created(request, user_shapes([user])[0])


class UserView(APIView):
    """One person of the organization."""

    permission_classes = [IsAdmin]

    @operation("Read a user", answers={200: UserSerializer})
    def get(self, request, pk):
        return Response(user_shapes([conventions.found(colleagues(request), pk)])[0])

    @operation(
        "Change a user",
        description="A role or state counts from their next request on, and on open sockets. The last active admin "
        "stays one, and nobody changes their own role: 409.",
        body=ChangeSerializer,
        answers={200: UserSerializer, 409: None},
    )
    def patch(self, request, pk):
        user = conventions.found(colleagues(request), pk)
        data = conventions.validated(ChangeSerializer, request, request.data, partial=True)
        return Response(user_shapes([team.change(user, by=request.user, **data)])[0])

    @operation(
        "Deactivate a user",
        description="Their sign-ins and keys stop working and their sockets close. What they wrote is kept.",
        answers={204: None, 409: None},
    )
    def delete(self, request, pk):
        team.deactivate(conventions.found(colleagues(request), pk), by=request.user)
        return Response(status=204)


def colleagues(request):
    mine = User.objects.filter(organization_id=request.user.organization_id)
    return mine.select_related("organization", "token_account")
