"""What goes in and out at /api/sender-numbers and /api/facebook-pages."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from chatrooms.fields import PhoneField, VisibleRelatedField
from chatrooms.models import Chatroom
from integrations import health, pages
from integrations.models import Channel, FacebookPage, Platform
from messagehub import names
from messagehub.api.serializers import InputSerializer, RowSerializer

# https://www.twilio.com/docs/glossary/what-is-a-sid
ACCOUNT_SID = r"^AC[0-9a-zA-Z]{32}$"
NO_ACCOUNT_SID = {"invalid": gettext_lazy("Must be a Twilio Account SID: AC followed by 32 hex characters.")}

PRINTABLE = r"^[!-~]+$"  # tokens of Meta's, whose form is not documented: whatever a header takes


class AccountSerializer(serializers.Serializer):
    """An account at Twilio; its token is never shown again."""

    account_sid = serializers.RegexField(ACCOUNT_SID, error_messages=NO_ACCOUNT_SID)
    auth_token = serializers.RegexField(r"^[0-9a-zA-Z]{16,64}$", write_only=True)


class AlertSerializer(serializers.Serializer):
    """A problem that an admin has to fix."""

    code = serializers.CharField()
    message = serializers.CharField()
    since = serializers.DateTimeField()


class HealthSerializer(serializers.Serializer):
    """Whether a number can send. While it is paused or busy, its messages stay queued."""

    state = serializers.ChoiceField(choices=health.STATES)
    until = serializers.DateTimeField(allow_null=True, help_text="When a busy number resumes.")
    alerts = AlertSerializer(many=True)


class SenderNumberSerializer(RowSerializer):
    """A phone number that a chatroom sends from and is reached at."""

    id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    phone = serializers.CharField()
    name = serializers.CharField()
    account_sid = serializers.CharField()
    messaging_service_sid = serializers.CharField()
    segments_per_second = serializers.IntegerField(allow_null=True)
    health = HealthSerializer()
    created_at = serializers.DateTimeField()

    def represent_rows(self, rows: list[Channel]) -> list[dict]:
        health_of = health.read_health(rows)
        return [
            {
                "id": number.pk,
                "chatroom_id": number.chatroom_id,
                "phone": number.address,
                "name": number.name,
                "account_sid": number.account.external_id,
                "messaging_service_sid": number.messaging_service_sid,
                "segments_per_second": number.segments_per_second,
                "health": describe_health(health_of[number.pk]),
                "created_at": number.created_at,
            }
            for number in rows
        ]


def describe_health(state: health.Health) -> dict:
    alerts = [{"code": alert.code, "message": alert.message, "since": alert.created_at} for alert in state.alerts]
    return {"state": state.state, "until": state.until, "alerts": alerts}


class NumberChangeSerializer(InputSerializer):
    """What admins may change about a number."""

    answer_class = SenderNumberSerializer

    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), source="chatroom")
    name = serializers.CharField(max_length=80, allow_blank=True, required=False, validators=[names.validate_name])
    messaging_service_sid = serializers.RegexField(r"^MG[0-9a-zA-Z]{32}$", allow_blank=True, required=False)
    segments_per_second = serializers.IntegerField(
        min_value=1, max_value=1000, allow_null=True, required=False, help_text="Null leaves queueing to Twilio."
    )
    auth_token = serializers.RegexField(r"^[0-9a-zA-Z]{16,64}$", required=False, write_only=True)
    revoke_previous_token = serializers.BooleanField(
        required=False,
        write_only=True,
        source="revoke_previous",
        help_text="`true` refuses webhooks signed with the account's previous token from now on, not after a day.",
    )


class NewNumberSerializer(NumberChangeSerializer):
    """A number to connect. `auth_token` is needed for an account that is not connected yet."""

    revoke_previous_token = None
    phone = PhoneField()
    account_sid = serializers.RegexField(ACCOUNT_SID, error_messages=NO_ACCOUNT_SID)


class SyncSerializer(AccountSerializer):
    """An account to connect before everything is compared, if any."""

    account_sid = serializers.RegexField(ACCOUNT_SID, required=False, error_messages=NO_ACCOUNT_SID)
    auth_token = serializers.RegexField(r"^[0-9a-zA-Z]{16,64}$", required=False, write_only=True)

    def validate(self, data: dict) -> dict:
        if len(data) == 1:
            raise serializers.ValidationError({"auth_token": [_("Set both account_sid and auth_token.")]})
        return data


class SyncedNumberSerializer(serializers.Serializer):
    """A number as Twilio lists it; ids are null for a number without a chatroom."""

    phone = serializers.CharField()
    name = serializers.CharField()
    account_sid = serializers.CharField()
    sender_number_id = serializers.UUIDField(allow_null=True)
    chatroom_id = serializers.UUIDField(allow_null=True)
    webhook = serializers.ChoiceField(choices=["set", "unchanged", "not_connected", "not_in_account"])


class SyncProblemSerializer(serializers.Serializer):
    """An account that could not be asked."""

    account_sid = serializers.CharField()
    message = serializers.CharField()


class SyncedSerializer(serializers.Serializer):
    """All numbers of the organization's accounts."""

    results = SyncedNumberSerializer(many=True)
    problems = SyncProblemSerializer(many=True)


class PageHealthSerializer(HealthSerializer):
    """Whether a page can send and receive, and how long its token is good."""

    checked_at = serializers.DateTimeField(allow_null=True, help_text="When Meta was last asked about the token.")
    token_expires_at = serializers.DateTimeField(allow_null=True, help_text="Null where Meta names no end.")
    days_left = serializers.IntegerField(allow_null=True, help_text="Whole days until the token expires.")


class FacebookPageSerializer(RowSerializer):
    """A Facebook page with its Instagram account, or an Instagram account without a page."""

    id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    page_id = serializers.CharField(allow_null=True, help_text="Null for an Instagram account without a page.")
    page_name = serializers.CharField()
    instagram_account_id = serializers.CharField(allow_null=True)
    instagram_username = serializers.CharField(allow_null=True)
    instagram_chatroom_id = serializers.UUIDField(allow_null=True)
    has_human_agent = serializers.BooleanField()
    health = PageHealthSerializer()
    created_at = serializers.DateTimeField()

    def represent_rows(self, rows: list[FacebookPage]) -> list[dict]:
        channels_of = {page.pk: pages.list_channels(page) for page in rows}
        health_of = health.read_health(channel for channels in channels_of.values() for channel in channels)
        return [self.represent_page(page, channels_of[page.pk], health_of) for page in rows]

    def represent_page(self, page: FacebookPage, channels: list[Channel], health_of: dict) -> dict:
        of_platform = {channel.platform: channel for channel in channels}
        messenger, instagram = of_platform.get(Platform.MESSENGER), of_platform.get(Platform.INSTAGRAM)
        return {
            "id": page.pk,
            "chatroom_id": channels[0].chatroom_id,
            "page_id": messenger.address if messenger else None,
            "page_name": page.name,
            "instagram_account_id": instagram.address if instagram else None,
            "instagram_username": instagram.name if instagram else None,
            "instagram_chatroom_id": instagram.chatroom_id if instagram else None,
            "has_human_agent": page.has_human_agent,
            "health": describe_page_health(page, [health_of[channel.pk] for channel in channels]),
            "created_at": page.created_at,
        }


def describe_page_health(page: FacebookPage, states: list[health.Health]) -> dict:
    """The worse of the channels' states, and the alerts of all, each once."""
    worst = max(states, key=lambda state: health.STATES.index(state.state))
    alerts = {alert.pk: alert for state in states for alert in state.alerts}
    description = describe_health(health.Health(worst.state, worst.until, list(alerts.values())))
    ends_at = page.secret_expires_at
    days_left = max((ends_at - timezone.now()) // timedelta(days=1), 0) if ends_at else None
    return {**description, "checked_at": page.checked_at, "token_expires_at": ends_at, "days_left": days_left}


class PageChangeSerializer(InputSerializer):
    """What admins may change about a page."""

    answer_class = FacebookPageSerializer

    chatroom_id = VisibleRelatedField(
        queryset=Chatroom.objects.all(),
        source="chatroom",
        help_text="The page's Instagram account moves along where it is in the same chatroom.",
    )
    instagram_chatroom_id = VisibleRelatedField(
        queryset=Chatroom.objects.all(), source="instagram_chatroom", required=False
    )
    page_name = serializers.CharField(
        max_length=80, source="name", required=False, help_text="Shown here only.", validators=[names.validate_name]
    )
    has_human_agent = serializers.BooleanField(
        required=False, help_text="Meta approved the Human Agent permission: people may answer for seven days."
    )
    page_access_token = serializers.RegexField(PRINTABLE, max_length=1000, required=False, write_only=True)


class NewPageSerializer(InputSerializer):
    """A page to connect. What is said of it beside the token must be what Meta says."""

    answer_class = FacebookPageSerializer

    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), source="chatroom")
    page_access_token = serializers.RegexField(PRINTABLE, max_length=1000, write_only=True)
    page_id = serializers.CharField(max_length=64, required=False, allow_blank=True)
    page_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    instagram_account_id = serializers.CharField(max_length=64, required=False, allow_blank=True)
