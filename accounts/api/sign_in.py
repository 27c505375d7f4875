"""/api/auth/: signing in and out, and who one is."""

from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import sessions, team
from accounts.api.schema import SignedInSerializer, UserSerializer
from accounts.api.serializers import LoginSerializer, MeSerializer, user_shape
from messagehub import tenancy
from messagehub.api.schema import operation


@method_decorator(csrf_exempt, name="dispatch")
class LoginView(APIView):
    """Sign in: a bearer token for clients and a session cookie for browsers, ended together by logout."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @operation(
        "Sign in",
        description="One message for every wrong pair. Send the token as `Authorization: Bearer <token>` from then on.",
        body=LoginSerializer,
        answers={200: SignedInSerializer, 401: None, 403: None, 429: None, 503: None},
        examples=[
            {
                "name": "An agent",
                "value": {"email": "maya@northbeam.example", "password": "a long password"},
                "request_only": True,
            }
        ],
    )
    def post(self, request):
        given = LoginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        signed_in = sessions.sign_in(request._request, **given.validated_data)
        with tenancy.organization(signed_in.user.organization_id):
            user = user_shape(signed_in.user)
        return Response({"token": signed_in.token, "expires_at": signed_in.expires_at, "user": user})


class LogoutView(APIView):
    """Sign out: this token and cookie stop working at once and their sockets close."""

    @operation("Sign out", answers={204: None})
    def post(self, request):
        sessions.sign_out(request._request)
        return Response(status=204)


class MeView(APIView):
    """The person who asks."""

    @operation("Read who one is", answers={200: UserSerializer})
    def get(self, request):
        return Response(user_shape(request.user))

    @operation(
        "Change one's name or password",
        description="A new password ends every sign-in, this one too.",
        body=MeSerializer,
        answers={200: UserSerializer},
    )
    def patch(self, request):
        given = MeSerializer(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        if "name" in given.validated_data:
            team.change(request.user, by=request.user, name=given.validated_data["name"])
        if "password" in given.validated_data:
            sessions.change_password(request.user, given.validated_data["password"])
        return Response(user_shape(request.user))
