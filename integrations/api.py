"""/api/sender-numbers and /api/facebook-pages: the channels of an organization, for its admins."""

from django.db.models import Exists, OuterRef
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.response import Response

from accounts.api.permissions import IsAdmin
from integrations import numbers, pages
from integrations.models import Channel, FacebookPage, Platform
from integrations.serializers import (
    FacebookPageSerializer,
    NewNumberSerializer,
    NewPageSerializer,
    NumberChangeSerializer,
    PageChangeSerializer,
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
        "Connects the given account first; returns 409 `claimed` if another organization has it. What an account "
        "did not answer or take is among the `problems`, and its numbers are left out; where no account answers, it "
        "returns 400 or 503.",
        answers={200: SyncedSerializer},
        refuses=[409, 503],
    )
    @action(detail=False, methods=["post"], serializer_class=SyncSerializer)
    def sync(self, request):
        organization = request.user.organization
        if account := self.read_input():
            numbers.connect_account(organization, account["account_sid"], account["auth_token"])
        comparison = numbers.sync_numbers(organization)
        problems = [{"account_sid": sid, "message": str(problem)} for sid, problem in comparison.problems.items()]
        return Response({"results": comparison.numbers, "problems": problems})


@extend_schema_view(
    list=operation("List Facebook pages"),
    retrieve=operation("Get a Facebook page"),
    create=operation(
        "Connect a page",
        description="Connects the token's page with its Instagram account, or an Instagram account without a page. "
        "Checks the token with Meta and subscribes to the page's events. For a page of yours it replaces the token; "
        "conversations go on. Returns 400 if Meta rejects the token, 503 if Meta doesn't respond, 409 `claimed` if "
        "another organization has the page and its token is still good.",
        refuses=[409, 503],
    ),
    partial_update=operation(
        "Update a Facebook page",
        description="Open conversations move with a page to another chatroom. A new `page_access_token` is checked "
        "first; it must be the same page's.",
        refuses=[503],
    ),
    destroy=operation(
        "Disconnect a page",
        description="Returns 409 `in_use` if conversations or campaigns use it, unless Meta rejects its token.",
        refuses=[409],
    ),
)
class FacebookPageViewSet(TenantModelViewSet):
    """Facebook pages with their Instagram accounts, and Instagram accounts without a page."""

    permission_classes = [IsAdmin]
    queryset = FacebookPage.objects.prefetch_related("channels").defer("secret", "other_secret")
    serializer_class = FacebookPageSerializer
    input_classes = {"create": NewPageSerializer, "partial_update": PageChangeSerializer}

    def get_queryset(self):
        # One that was disconnected keeps its rows for its conversations.
        in_service = Exists(Channel.objects.filter(account=OuterRef("pk")))
        return self.queryset.filter(in_service, organization_id=self.request.user.organization_id)

    def leave_out_unchanged(self, data: dict) -> dict:
        changed_values = super().leave_out_unchanged(data)
        # Instagram follows its page to another chatroom, unless the request says where it is.
        if "chatroom_id" in changed_values and "instagram_chatroom_id" in data:
            changed_values["instagram_chatroom_id"] = data["instagram_chatroom_id"]
        return changed_values

    def perform_create(self, serializer):
        data = serializer.validated_data
        chatroom, token = data.pop("chatroom"), data.pop("page_access_token")
        page = pages.connect_page(chatroom, token, by=self.request.user, **data)
        serializer.instance = self.get_queryset().get(pk=page.pk)

    def perform_update(self, serializer):
        pages.change_page(serializer.instance, by=self.request.user, **serializer.validated_data)
        serializer.instance = self.get_object()

    def perform_destroy(self, page):
        pages.disconnect_page(page, by=self.request.user)
