"""/api/settings: what an organization decides for itself."""

from rest_framework import serializers
from rest_framework.response import Response

from accounts import organizations
from accounts.api.permissions import IsAdmin
from accounts.api.quiet_hours import QuietHoursSerializer, describe_quiet_hours, read_quiet_hours
from accounts.models import KEYWORD_LANGUAGES, MOST_TOKENS, Organization, validate_country
from accounts.rules import MOST_HOLIDAYS, MOST_JOIN_KEYWORDS, fold_join_keywords, validate_holidays
from messagehub import datetimes, names
from messagehub.api.schema import operation
from messagehub.api.serializers import KnownValueField, RowSerializer, WholeSerializer
from messagehub.api.viewsets import TenantViewSet

PLATFORMS = ("SMS", "MESSENGER", "INSTAGRAM")
PLAIN = (
    "name", "slug", "time_zone", "default_country", "refund_policy", "low_balance_limit", "require_mfa_for_admins",
    "keyword_languages", "opt_out_scope", "first_message_footer", "approve_campaigns",
    "quiet_hours_for_people", "holidays", "help_text", "help_on_long_codes", "join_keywords", "join_question",
)  # fmt: skip


class PricesSerializer(serializers.Serializer):
    """Tokens that one message of an agent costs, whatever its length; admins send without."""

    SMS = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, required=False)
    MESSENGER = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, required=False)
    INSTAGRAM = serializers.IntegerField(min_value=0, max_value=MOST_TOKENS, required=False)


class HolidaySerializer(WholeSerializer):
    """A day on which no campaign goes out."""

    date = serializers.CharField(max_length=10, help_text="YYYY-MM-DD, in the recipient's local time.")
    name = serializers.CharField(max_length=80, validators=[names.validate_name])


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
        required=False,
        allow_null=True,
        help_text="Quiet hours in the recipient's local time, for chatrooms without their own. They always hold "
        "campaigns. Null disables them.",
    )
    quiet_hours_for_people = serializers.BooleanField(
        required=False,
        help_text="Quiet hours also hold the first messages that people and API clients send: `quiet_hours` refuses "
        "them, with the time from which on they may go. Replies within a day are never held.",
    )
    holidays = HolidaySerializer(
        many=True,
        required=False,
        help_text=f"Days on which no campaign goes out, at most {MOST_HOLIDAYS}. The list replaces the one before.",
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
    help_text = serializers.CharField(
        max_length=320,
        required=False,
        allow_blank=True,
        help_text="Sent to customers who write HELP or INFO, at most once an hour, without costing tokens. Messages to "
        "Twilio's long codes and toll-free numbers are answered by Twilio itself, in English.",
    )
    help_on_long_codes = serializers.BooleanField(
        required=False, help_text="Twilio's own answer to HELP is turned off for your account, so `help_text` is sent."
    )
    join_keywords = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=MOST_JOIN_KEYWORDS,
        help_text="Whoever writes one of these is asked `join_question`, and opted in once they answer YES. Case, "
        "accents and punctuation make no difference. What means STOP, START, HELP or YES stays that.",
    )
    join_question = serializers.CharField(
        max_length=320, required=False, allow_blank=True, help_text="While it is empty, nobody is asked."
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

    def validate_join_keywords(self, given: list[str]) -> list[str]:
        return fold_join_keywords(given)

    def validate_holidays(self, given: list[dict]) -> list[dict]:
        holidays = sorted((dict(each) for each in given), key=lambda holiday: holiday["date"])
        validate_holidays(holidays)
        return holidays

    def validate_default_country(self, given: str) -> str:
        validate_country(given.upper())
        return given.upper()

    def represent_rows(self, rows: list[Organization]) -> list[dict]:
        return [
            {
                **{name: getattr(organization, name) for name in PLAIN},
                "token_prices": {name: getattr(organization, f"price_{name.lower()}") for name in PLATFORMS},
                "quiet_hours": describe_quiet_hours(organization),
            }
            for organization in rows
        ]


def columns(data: dict) -> dict:
    """What was given as columns of the organization."""
    wanted = {name: value for name, value in data.items() if name in PLAIN}
    for name, price in (data.get("token_prices") or {}).items():
        wanted[f"price_{name.lower()}"] = price
    if "quiet_hours" in data:
        wanted |= read_quiet_hours(data["quiet_hours"])
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
