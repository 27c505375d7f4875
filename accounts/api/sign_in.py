"""/api/auth/: signing in and out, and oneself."""

from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import sessions, team
from accounts.api.serializers import LoginSerializer, MeSerializer, SignedInSerializer, UserSerializer
from messagehub import tenancy
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantViewSet


@method_decorator(csrf_exempt, name="dispatch")
class LoginView(APIView):
    """Sign in: a bearer token for clients and a session cookie for browsers, ended together by logout."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @operation(
        "Sign in",
        description="Send the token as `Authorization: Bearer <token>` with later requests.",
        body=LoginSerializer,
        answers={200: SignedInSerializer},
        refuses=[401, 403, 503],
    )
    def post(self, request):
        serializer = LoginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        signed_in = sessions.sign_in(request._request, **serializer.validated_data)
        with tenancy.organization(signed_in.user.organization_id):
            user = UserSerializer(signed_in.user).data
        return Response({"token": signed_in.token, "expires_at": signed_in.expires_at, "user": user})


class LogoutView(APIView):
    """Sign out: this token and cookie stop working at once and their sockets close."""

    @operation("Sign out", body=None, answers={204: None})
    def post(self, request):
        sessions.sign_out(request._request)
        return Response(status=204)


class MeViewSet(TenantViewSet):
    """The person who asks."""

    serializer_class = UserSerializer
    input_classes = {"partial_update": MeSerializer}

    @operation("Get the current user")
    def retrieve(self, request):
        return Response(self.get_serializer(request.user).data)

    @operation(
        "Update the current user",
        description="Changes your name or password. A new password signs you out everywhere, here too. Wrong "
        "values of `current_password` count as failed sign-ins.",
        refuses=[503],
    )
    def partial_update(self, request):
        changes = self.read_input()
        if "name" in changes:
            team.change_user(request.user, by=request.user, name=changes["name"])
        if "password" in changes:
            sessions.change_password(request.user, changes["password"])
        return Response(UserSerializer(request.user).data)
