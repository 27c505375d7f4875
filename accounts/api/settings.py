"""/api/settings: what an organization decides for itself."""

from rest_framework import serializers
from rest_framework.response import Response

from accounts import organizations
from accounts.api.permissions import IsAdmin
from accounts.models import KEYWORD_LANGUAGES, MOST_TOKENS, Organization, validate_country
from messagehub import datetimes, names
from messagehub.api.schema import operation
from messagehub.api.serializers import KnownValueField, RowSerializer
from messagehub.api.viewsets import TenantViewSet

PLATFORMS = ("SMS", "MESSENGER", "INSTAGRAM")
PLAIN = (
    "name", "slug", "time_zone", "default_country", "refund_policy", "low_balance_limit", "require_mfa_for_admins",
    "keyword_languages", "opt_out_scope", "first_message_footer", "approve_campaigns",
)  # fmt: skip


class PricesSerializer(serializers.Serializer):
    """Tokens that one message of an agent costs, whatever its length; admins send without."""

    SMS = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, required=False)
    MESSENGER = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, required=False)
    INSTAGRAM = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, required=False)


class QuietHoursSerializer(serializers.Serializer):
    """Over midnight where `from` is later than `until`."""

    until = serializers.TimeField(input_formats=["%H:%M"], format="%H:%M")

    def get_fields(self) -> dict:
        clock = serializers.TimeField(input_formats=["%H:%M"], format="%H:%M")
        return {"from": clock, **super().get_fields()}  # `from` is a word of the language

    def validate(self, data: dict) -> dict:
        if len(data) < 2:
            raise serializers.ValidationError({"until": ["Set both from and until."]})
        if data["from"] == data["until"]:
            raise serializers.ValidationError({"until": ["Choose an end that differs from the start."]})
        return data


class SettingsSerializer(RowSerializer):
    """Of the organization: its name, the zone of its days, the country of numbers that are typed without a plus, and
    the rules of sending.
    """

    name = serializers.CharField(max_length=120, validators=[names.validate_name])
    slug = serializers.CharField(read_only=True)
    time_zone = serializers.CharField(max_length=64, validators=[datetimes.validate_time_zone])
    default_country = serializers.CharField(max_length=2)
    token_prices = PricesSerializer(required=False)
    refund_policy = KnownValueField(
        choices=Organization.RefundPolicy.choices,
        required=False,
        help_text="`not_sent` refunds messages that never reached the provider; `undelivered` also those that weren't "
        "delivered.",
    )
    low_balance_limit = serializers.IntegerField(
        min_value=0,
        max_value=1_000_000,
        required=False,
        help_text="Emails admins when a balance falls below it. 0 turns alerts off.",
    )
    quiet_hours = QuietHoursSerializer(
        required=False, allow_null=True, help_text="Quiet hours in the recipient's local time. Null disables them."
    )
    require_mfa_for_admins = serializers.BooleanField(
        required=False, help_text="Admins must use two-factor authentication. Set up your own first."
    )

    approve_campaigns = serializers.BooleanField(
        required=False, help_text="A campaign starts only once an admin who did not write it has approved it."
    )
    first_message_footer = serializers.CharField(
        max_length=160,
        required=False,
        allow_blank=True,
        help_text="Added, after the organization's name, to the first SMS to each contact, such as "
        "`Reply STOP to opt out.` It counts in the message's segments and length.",
    )
    opt_out_scope = KnownValueField(
        choices=Organization.OptOutScope.choices,
        required=False,
        help_text="What a customer's STOP holds for: the channel that they wrote to, its chatroom, or the whole "
        "organization. A change holds at once for earlier ones too.",
    )
    keyword_languages = serializers.ListField(
        child=KnownValueField(choices=KEYWORD_LANGUAGES),
        required=False,
        max_length=len(KEYWORD_LANGUAGES),
        help_text="Languages of customers' STOP, START, HELP and sentences that mean STOP. English always counts.",
    )

    def validate_keyword_languages(self, given: list[str]) -> list[str]:
        return sorted({"en", *given})

    def validate_default_country(self, given: str) -> str:
        validate_country(given.upper())
        return given.upper()

    def represent_rows(self, rows: list[Organization]) -> list[dict]:
        return [
            {
                **{name: getattr(organization, name) for name in PLAIN},
                "token_prices": {name: getattr(organization, f"price_{name.lower()}") for name in PLATFORMS},
                "quiet_hours": {name: f"{at:%H:%M}" for name, at in quiet_clocks(organization) if at} or None,
            }
            for organization in rows
        ]


def quiet_clocks(organization: Organization) -> list[tuple]:
    return [("from", organization.quiet_from), ("until", organization.quiet_until)]


def columns(data: dict) -> dict:
    """What was given as columns of the organization."""
    wanted = {name: value for name, value in data.items() if name in PLAIN}
    for name, price in (data.get("token_prices") or {}).items():
        wanted[f"price_{name.lower()}"] = price
    if "quiet_hours" in data:
        quiet = data["quiet_hours"] or {}
        wanted |= {"quiet_from": quiet.get("from"), "quiet_until": quiet.get("until")}
    return wanted


class SettingsViewSet(TenantViewSet):
    """The organization's settings."""

    permission_classes = [IsAdmin]
    serializer_class = SettingsSerializer

    def get_object(self) -> Organization:
        return self.request.user.organization

    @operation("Get the settings")
    def retrieve(self, request):
        return Response(self.get_serializer(self.get_object()).data)

    @operation("Update the settings")
    def partial_update(self, request):
        organization = self.get_object()
        organizations.change_organization(organization, by=request.user, **columns(self.read_input()))
        return Response(self.get_serializer(organization).data)
