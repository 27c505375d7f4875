"""/api/sender-numbers: the phone numbers of an organization, for its admins."""

from collections.abc import Sequence

from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsAdmin
from integrations import health, numbers
from integrations.models import SenderNumber
from integrations.serializers import (
    NewNumberSerializer,
    NumberChangeSerializer,
    SenderNumberSerializer,
    SyncedSerializer,
    SyncSerializer,
)
from messagehub.api import conventions
from messagehub.api.schema import operation


def shapes(found: Sequence[SenderNumber]) -> list[dict]:
    doing = health.of(found)
    return [shape(number, doing[number.pk]) for number in found]


def shape(number: SenderNumber, doing: health.Health) -> dict:
    return {
        "id": number.pk,
        "chatroom_id": number.chatroom_id,
        "phone": number.phone,
        "name": number.name,
        "account_sid": number.twilio_account.account_sid,
        "messaging_service_sid": number.messaging_service_sid,
        "segments_per_second": number.segments_per_second,
        "health": {
            "state": doing.state,
            "until": doing.until,
            "alerts": [
                {"code": alert.code, "message": alert.message, "since": alert.created_at} for alert in doing.alerts
            ],
        },
        "created_at": number.created_at,
    }


def of_organization(request):
    """Those of archived chatrooms too, so that they can be moved."""
    found = SenderNumber.objects.filter(organization_id=request.user.organization_id)
    tokens = ("twilio_account__auth_token", "twilio_account__other_auth_token")  # one that can't be read stays closed
    return found.select_related("twilio_account").defer(*tokens)


def one(request, pk) -> dict:
    (shaped,) = shapes([conventions.found(of_organization(request), pk)])
    return shaped


class SenderNumbersView(APIView):
    """The numbers that chatrooms send from."""

    permission_classes = [IsAdmin]

    @operation("List sender numbers", answers={200: [SenderNumberSerializer]})
    def get(self, request):
        conventions.known_only(request, ())
        return conventions.page(
            request,
            conventions.keyset(of_organization(request), "created_at"),
            lambda number: (number.created_at, number.pk),
            shapes,
        )

    @operation(
        "Connect a number",
        description="Twilio is asked first: 400 when it does not accept the account or does not own the number, 503 "
        "when it does not answer. 409 `claimed` when the number or account is connected already. Its webhook is set.",
        body=NewNumberSerializer,
        answers={201: SenderNumberSerializer, 409: None, 503: None},
    )
    def post(self, request):
        data = conventions.validated(NewNumberSerializer, request, request.data)
        made = numbers.connect(data.pop("chatroom"), data.pop("phone"), by=request.user, **data)
        return conventions.created(request, one(request, made.pk))


class SenderNumberView(APIView):
    """One number."""

    permission_classes = [IsAdmin]

    @operation("Read a sender number", answers={200: SenderNumberSerializer})
    def get(self, request, pk):
        return Response(one(request, pk))

    @operation(
        "Change a sender number",
        description="Moved to another chatroom, it brings new conversations there. A new `auth_token` is tried first.",
        body=NumberChangeSerializer,
        answers={200: SenderNumberSerializer, 503: None},
    )
    def patch(self, request, pk):
        number = conventions.found(of_organization(request), pk)
        given = conventions.validated(NumberChangeSerializer, request, request.data, partial=True)
        numbers.change(number, by=request.user, **given)
        return Response(one(request, pk))

    @operation(
        "Disconnect a number",
        description="409 `in_use` when conversations go over it.",
        answers={204: None, 409: None},
    )
    def delete(self, request, pk):
        numbers.disconnect(conventions.found(of_organization(request), pk), by=request.user)
        return Response(status=204)


class SyncView(APIView):
    """What Twilio knows of the organization's accounts."""

    permission_classes = [IsAdmin]

    @operation(
        "Compare with Twilio",
        description="Lists every number of the connected accounts, and points those of chatrooms to our webhook. "
        "An account that is named is connected first: 409 `claimed` when another organization has it.",
        body=SyncSerializer,
        answers={200: SyncedSerializer, 409: None, 503: None},
    )
    def post(self, request):
        data = conventions.validated(SyncSerializer, request, request.data)
        organization = request.user.organization
        if data:
            numbers.connect_account(organization, data["account_sid"], data["auth_token"])
        return Response({"results": numbers.sync(organization)})
