"""What goes in and out at /api/tokens/."""

from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.api.serializers import PersonSerializer, describe_person
from accounts.models import User
from messagehub.api.serializers import RowSerializer
from tokens.models import MOST_TOKENS, TokenEntry


class UpdateSerializer(serializers.Serializer):
    """Either the balance that is to stand there, or what is to be added or taken."""

    user_id = serializers.UUIDField()
    balance = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, required=False)
    delta = serializers.IntegerField(min_value=-MOST_TOKENS, max_value=MOST_TOKENS, required=False)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")

    def validate(self, data: dict) -> dict:
        if ("balance" in data) == ("delta" in data):
            raise serializers.ValidationError(_("Set either balance or delta."))
        if data.get("delta") == 0:
            raise serializers.ValidationError({"delta": [_("Must not be 0.")]})
        return data


class BalanceSerializer(RowSerializer):
    """Tokens available; null for admins, who don't use tokens."""

    user_id = serializers.UUIDField()
    balance = serializers.IntegerField(allow_null=True)
    reserved = serializers.IntegerField(
        allow_null=True, help_text="Reserved for campaign messages that are still to be sent."
    )

    def represent_rows(self, people: list[User]) -> list[dict]:
        return [{"user_id": person.pk, **tokens_of(person)} for person in people]


class UpdatedSerializer(serializers.Serializer):
    """The new balance and its ledger entry (null if nothing changed)."""

    user_id = serializers.UUIDField()
    balance = serializers.IntegerField()
    entry_id = serializers.UUIDField(allow_null=True)


class HolderSerializer(BalanceSerializer):
    """A user and their tokens."""

    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=User.Role.values)
    is_active = serializers.BooleanField()
    is_low = serializers.BooleanField(help_text="Below the organization's limit.")

    def represent_rows(self, people: list[User]) -> list[dict]:
        rows = []
        for person in people:
            tokens = tokens_of(person)
            is_low = tokens["balance"] is not None and tokens["balance"] < person.organization.low_balance_limit
            about = {name: getattr(person, name) for name in ("email", "name", "role", "is_active")}
            rows.append({"user_id": person.pk, **about, **tokens, "is_low": is_low})
        return rows


def tokens_of(person: User) -> dict:
    """Nulls for admins, zeros for agents who never had any."""
    if person.is_admin:
        return {"balance": None, "reserved": None}
    account = getattr(person, "token_account", None)
    return {"balance": account.balance if account else 0, "reserved": account.reserved if account else 0}


class EntrySerializer(RowSerializer):
    """One change of a balance."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=TokenEntry.Kind.choices)
    amount = serializers.IntegerField()
    balance_after = serializers.IntegerField()
    reference = serializers.CharField()
    reason = serializers.CharField()
    actor = PersonSerializer(allow_null=True)
    created_at = serializers.DateTimeField()

    def represent_rows(self, entries: list[TokenEntry]) -> list[dict]:
        names = ("kind", "amount", "balance_after", "reference", "reason", "created_at")
        return [
            {
                "id": entry.pk,
                "user_id": entry.account.user_id,
                "actor": describe_person(entry.actor),
                **{name: getattr(entry, name) for name in names},
            }
            for entry in entries
        ]
