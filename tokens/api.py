"""/api/tokens/: balances and how they are changed."""

from django.utils.translation import gettext as _
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from accounts.api.permissions import IsAdmin
from accounts.models import User
from messagehub.api.pagination import KeyPagination
from messagehub.api.schema import IDEMPOTENCY_KEY, operation
from messagehub.api.viewsets import TenantViewSet, read_idempotency_key
from tokens import ledger
from tokens.filters import HolderFilterSet
from tokens.models import TokenEntry
from tokens.serializers import (
    BalanceSerializer,
    EntrySerializer,
    HolderSerializer,
    UpdatedSerializer,
    UpdateSerializer,
)


class TokenViewSet(TenantViewSet):
    """Token balances and the ledger."""

    queryset = TokenEntry.objects.select_related("account", "actor")

    def get_queryset(self):
        entries = self.queryset.filter(organization_id=self.request.user.organization_id)
        return entries if self.request.user.is_admin else entries.filter(account__user=self.request.user)

    @operation("Get a balance")
    @action(
        detail=False,
        url_path="get",
        serializer_class=BalanceSerializer,
        filterset_class=HolderFilterSet,
        pagination_class=None,
    )
    def read_balance(self, request):
        person = self.read_filters().get("account__user", request.user)
        return Response(self.get_serializer(person).data)

    @operation(
        "Update a balance",
        description="Set `balance` or adjust by `delta`. Returns 409 for admins, who don't use tokens. Repeating a "
        "request with the same `Idempotency-Key` returns the first result; a different one is 422 "
        "`idempotency_mismatch`.",
        header=IDEMPOTENCY_KEY,
        answers={200: UpdatedSerializer},
        refuses=[409, 422],
    )
    @action(
        detail=False,
        methods=["patch"],
        url_path="update",
        permission_classes=[IsAdmin],
        serializer_class=UpdateSerializer,
    )
    def update_balance(self, request):
        data = self.read_input()
        person = User.objects.filter(organization_id=request.user.organization_id, pk=data["user_id"]).first()
        if person is None:
            raise ValidationError({"user_id": [_("Not found.")]})
        details = {"actor": request.user, "reason": data["reason"], "idempotency_key": read_idempotency_key(request)}
        try:
            if "balance" in data:
                entry, balance = ledger.set_balance(person, data["balance"], **details)
            else:
                entry, balance = ledger.adjust(person, data["delta"], **details)
        except ledger.InsufficientTokens:
            raise ValidationError({"delta": [_("The balance can't go below zero.")]}) from None
        return Response({"user_id": person.pk, "balance": balance, "entry_id": entry})

    @operation("List balances", page=True)
    @action(detail=False, url_path="list", permission_classes=[IsAdmin], serializer_class=HolderSerializer)
    def list_balances(self, request):
        people = User.objects.filter(organization_id=request.user.organization_id)
        return self.answer_page(people.select_related("token_account", "organization"))

    @operation(
        "List ledger entries",
        description="Agents see their own entries; admins see all, or those of `user_id`.",
        page=True,
    )
    @action(
        detail=False,
        serializer_class=EntrySerializer,
        filterset_class=HolderFilterSet,
        pagination_class=KeyPagination,
    )
    def entries(self, request):
        return self.answer_page(self.get_queryset())
