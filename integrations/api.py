"""/api/sender-numbers: the phone numbers of an organization, for its admins."""

from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts.api.permissions import IsAdmin
from integrations import numbers
from integrations.models import Channel, Platform
from integrations.serializers import (
    NewNumberSerializer,
    NumberChangeSerializer,
    SenderNumberSerializer,
    SyncedSerializer,
    SyncSerializer,
)
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantModelViewSet


@extend_schema_view(
    list=operation("List sender numbers"),
    retrieve=operation("Get a sender number"),
    create=operation(
        "Connect a number",
        description="Checks the number with Twilio and sets its webhook. Returns 400 if Twilio rejects the "
        "credentials or the account doesn't own the number, 503 if Twilio doesn't respond, 409 `claimed` if the "
        "number or account is already connected.",
        refuses=[409, 503],
    ),
    partial_update=operation(
        "Update a sender number",
        description="Open conversations move with a number to another chatroom. A new `auth_token` is checked first; "
        "the one before signs webhooks for another day, or until `revoke_previous_token`.",
        refuses=[503],
    ),
    destroy=operation(
        "Disconnect a number",
        description="Returns 409 `in_use` if conversations use it, unless its account doesn't own it any more.",
        refuses=[409],
    ),
)
class SenderNumberViewSet(TenantModelViewSet):
    """The numbers that chatrooms send from; those of archived chatrooms too, so that they can be moved."""

    permission_classes = [IsAdmin]
    queryset = Channel.objects.select_related("account").defer(
        "account__secret", "account__other_secret"
    )  # one token that can't be decrypted must not close the whole list
    serializer_class = SenderNumberSerializer
    input_classes = {"create": NewNumberSerializer, "partial_update": NumberChangeSerializer}

    def get_queryset(self):
        return self.queryset.filter(organization_id=self.request.user.organization_id, platform=Platform.SMS)

    def perform_create(self, serializer):
        data = serializer.validated_data
        number = numbers.connect_number(data.pop("chatroom"), data.pop("phone"), by=self.request.user, **data)
        serializer.instance = self.get_queryset().get(pk=number.pk)

    def perform_update(self, serializer):
        numbers.change_number(serializer.instance, by=self.request.user, **serializer.validated_data)
        serializer.instance = self.get_object()

    def perform_destroy(self, number):
        numbers.disconnect_number(number, by=self.request.user)

    @operation(
        "Sync with Twilio",
        description="Lists every number of the connected accounts, and points those of chatrooms to our webhook. "
        "Connects the given account first; returns 409 `claimed` if another organization has it.",
        answers={200: SyncedSerializer},
        refuses=[409, 503],
    )
    @action(detail=False, methods=["post"], serializer_class=SyncSerializer)
    def sync(self, request):
        organization = request.user.organization
        if account := self.read_input():
            numbers.connect_account(organization, account["account_sid"], account["auth_token"])
        return Response({"results": numbers.sync_numbers(organization)})
