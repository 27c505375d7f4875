"""/api/tokens/: balances and how they are changed."""

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.permissions import IsAdmin
from messagehub.rest import known_only
from tokens import ledger

MOST = 1_000_000_000


class UpdateSerializer(serializers.Serializer):
    """Either the balance that is to stand there, or what is to be added or taken."""

    user_id = serializers.UUIDField()
    balance = serializers.IntegerField(min_value=0, max_value=MOST, required=False)
    delta = serializers.IntegerField(min_value=-MOST, max_value=MOST, required=False)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")

    def validate(self, data: dict) -> dict:
        if ("balance" in data) == ("delta" in data):
            raise serializers.ValidationError("Give either balance or delta.")
        if data.get("delta") == 0:
            raise serializers.ValidationError({"delta": ["This changes nothing."]})
        return data


def colleague(user: User, user_id) -> User:
    """A person of the same organization. Anybody else is refused like a made-up id."""
    found = User.objects.filter(organization_id=user.organization_id, pk=user_id)
    person = found.first() if user.is_admin else found.filter(pk=user.pk).first()
    if person is None:
        raise ValidationError({"user_id": ["Not found."]})
    return person


class GetView(APIView):
    """A balance: admins ask for anybody's in their organization, agents for their own."""

    def get(self, request):
        known_only(request, {"user_id"})
        given = serializers.UUIDField()
        given_id = request.query_params.get("user_id")
        try:
            user_id = given.run_validation(given_id) if given_id is not None else request.user.pk
        except ValidationError:
            raise ValidationError({"user_id": ["Not found."]}) from None
        person = colleague(request.user, user_id)
        return Response({"user_id": str(person.pk), "balance": ledger.balance(person)})


class UpdateView(APIView):
    """Grant or take back tokens; the difference is written down in the ledger."""

    permission_classes = [IsAdmin]

    def patch(self, request):
        given = UpdateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        person = colleague(request.user, data["user_id"])
        try:
            if "balance" in data:
                entry, balance = ledger.set_balance(person, data["balance"], actor=request.user, reason=data["reason"])
            else:
                entry, balance = ledger.adjust(person, data["delta"], actor=request.user, reason=data["reason"])
        except ledger.InsufficientTokens:
            raise ValidationError({"delta": ["The balance can't go below zero."]}) from None
        return Response({"user_id": str(person.pk), "balance": balance, "entry_id": str(entry) if entry else None})
