"""/api/tokens/: balances and how they are changed."""

from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsAdmin
from accounts.models import User
from messagehub.api import conventions
from messagehub.api.schema import IDEMPOTENCY_KEY, operation
from tokens import ledger
from tokens.models import TokenEntry
from tokens.serializers import (
    BalanceSerializer,
    EntrySerializer,
    HolderSerializer,
    UpdatedSerializer,
    UpdateSerializer,
    WhoseSerializer,
)


def colleague(user: User, user_id) -> User:
    """A person of the same organization. Anybody else is refused like a made-up id."""
    found = User.objects.filter(organization_id=user.organization_id, pk=user_id)
    person = found.first() if user.is_admin else found.filter(pk=user.pk).first()
    if person is None:
        raise ValidationError({"user_id": ["Not found."]})
    return person


def whose(request) -> User | None:
    """The person that `user_id` in the query names; None without one."""
    given = conventions.filters(WhoseSerializer, request)
    return colleague(request.user, given["user_id"]) if given else None


class GetView(APIView):
    """A balance: admins ask for anybody's in their organization, agents for their own."""

    @operation("Read a balance", query=WhoseSerializer, answers={200: BalanceSerializer})
    def get(self, request):
        person = whose(request) or request.user
        account = getattr(person, "token_account", None)
        reserved = None if person.is_admin else account.reserved if account else 0
        return Response({"user_id": person.pk, "balance": ledger.balance(person), "reserved": reserved})


class UpdateView(APIView):
    """Grant or take back tokens; the difference is written down in the ledger."""

    permission_classes = [IsAdmin]

    @operation(
        "Change a balance",
        description="To a `balance`, or by a `delta`. Admins send without tokens and have none: 409. With an "
        "`Idempotency-Key` the same change is made once and answered the same; another is 422 `idempotency_mismatch`.",
        body=UpdateSerializer,
        header=IDEMPOTENCY_KEY,
        answers={200: UpdatedSerializer, 409: None, 422: None},
        examples=[
            {
                "name": "Grant 100",
                "value": {"user_id": "01990000-0000-7000-8000-000000000001", "delta": 100, "reason": "March"},
                "request_only": True,
            }
        ],
    )
    def patch(self, request):
        data = conventions.validated(UpdateSerializer, request, request.data)
        person = colleague(request.user, data["user_id"])
        key = conventions.idempotency_key(request)
        given = {"actor": request.user, "reason": data["reason"], "idempotency_key": key}
        try:
            if "balance" in data:
                entry, balance = ledger.set_balance(person, data["balance"], **given)
            else:
                entry, balance = ledger.adjust(person, data["delta"], **given)
        except ledger.InsufficientTokens:
            raise ValidationError({"delta": ["The balance can't go below zero."]}) from None
        return Response({"user_id": person.pk, "balance": balance, "entry_id": entry})


class ListView(APIView):
    """What everybody of the organization has left."""

    permission_classes = [IsAdmin]

    @operation("List balances", answers={200: [HolderSerializer]})
    def get(self, request):
        conventions.known_only(request, ())
        people = User.objects.filter(organization_id=request.user.organization_id).select_related(
            "token_account", "organization"
        )
        return conventions.page(
            request,
            conventions.keyset(people, "created_at"),
            lambda person: (person.created_at, person.pk),
            lambda found: [holder(person) for person in found],
        )


def holder(person: User) -> dict:
    account = getattr(person, "token_account", None)
    balance = None if person.is_admin else (account.balance if account else 0)
    limit = person.organization.low_balance_limit
    return {
        "user_id": person.pk,
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "is_active": person.is_active,
        "balance": balance,
        "reserved": None if person.is_admin else (account.reserved if account else 0),
        "is_low": balance is not None and balance < limit,
    }


class EntriesView(APIView):
    """The ledger, newest first: an agent's own, or for admins anybody's and without `user_id` everybody's."""

    @operation("List entries of the ledger", query=WhoseSerializer, answers={200: [EntrySerializer]})
    def get(self, request):
        person = whose(request) or (None if request.user.is_admin else request.user)
        entries = TokenEntry.objects.filter(organization_id=request.user.organization_id)
        if person:
            entries = entries.filter(account__user=person)
        return conventions.page(
            request,
            conventions.newest_keys(entries.select_related("account", "actor")),
            lambda entry: (entry.created_at, entry.pk),
            lambda found: [entry_shape(entry) for entry in found],
        )


def entry_shape(entry: TokenEntry) -> dict:
    return {
        "id": entry.pk,
        "user_id": entry.account.user_id,
        "kind": entry.kind,
        "amount": entry.amount,
        "balance_after": entry.balance_after,
        "reference": entry.reference,
        "reason": entry.reason,
        "actor": {"id": entry.actor_id, "name": entry.actor.name} if entry.actor_id else None,
        "created_at": entry.created_at,
    }
