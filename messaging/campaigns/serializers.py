"""What goes in and out at /api/campaigns."""

from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.api.serializers import PersonSerializer, describe_person
from chatrooms import phones
from chatrooms.fields import VisibleListField, VisibleRelatedField, only_chatroom
from chatrooms.models import Chatroom, Group
from integrations.models import Channel, Platform
from integrations.providers import count_most_characters
from messagehub import names
from messagehub.api.serializers import InputSerializer, KnownValueField, RowSerializer
from messaging import payloads
from messaging.campaigns import lifecycle, responses
from messaging.conversations.serializers import AheadField
from messaging.media.serializers import StoredMediaField, require_total
from messaging.message_templates.serializers import ELSEWHERE
from messaging.models import ACTIVITY, Campaign, CampaignRecipient, MessageTemplate
from messaging.payload_schema import MediaListField
from messaging.sending.serializers import require_length

MOST_GROUPS, MOST_CONTACTED_DAYS = 100, 366
MOST_PER_MINUTE, MOST_CANARY_MINUTES = 60_000, 24 * 60
CANARY_COLUMNS = {
    "count": "canary_count",
    "percent": "canary_percent",
    "minutes": "canary_minutes",
    "most_failures": "most_failures",
    "most_opt_outs": "most_opt_outs",
}


class PausedSerializer(serializers.Serializer):
    """Why the campaign is paused, or the recipient was skipped."""

    code = serializers.CharField()
    message = serializers.CharField()


class CampaignTokensSerializer(serializers.Serializer):
    """Tokens reserved for waiting recipients, and spent on messages after refunds."""

    reserved = serializers.IntegerField()
    spent = serializers.IntegerField()


class ResponsesSerializer(serializers.Serializer):
    """Recipients who answered before another campaign wrote to them, and how many of these opted out."""

    replied = serializers.IntegerField()
    opted_out = serializers.IntegerField()


class CanarySerializer(serializers.Serializer):
    """The first messages, by `count` or `percent`, go alone. Where too many of them fail or opt out (in percent), the
    campaign pauses; else it goes on after so many minutes.
    """

    count = serializers.IntegerField(min_value=1, max_value=1_000_000, allow_null=True, required=False)
    percent = serializers.IntegerField(min_value=1, max_value=50, allow_null=True, required=False)
    minutes = serializers.IntegerField(min_value=0, max_value=MOST_CANARY_MINUTES, required=False)
    most_failures = serializers.IntegerField(min_value=0, max_value=100, required=False)
    most_opt_outs = serializers.IntegerField(min_value=0, max_value=100, required=False)

    def validate(self, data: dict) -> dict:
        # A change sets all of it, too: what is left out is as it is in a new one.
        data = {"count": None, "percent": None, "minutes": 10, "most_failures": 10, "most_opt_outs": 2, **data}
        if (data["count"] is None) == (data["percent"] is None):
            raise serializers.ValidationError({"count": ["Set either count or percent, not both."]})
        return data


class CampaignSerializer(RowSerializer):
    """A bulk message to one or more contact groups."""

    id = serializers.UUIDField()
    chatroom_id = serializers.UUIDField()
    name = serializers.CharField()
    content = serializers.CharField()
    media = MediaListField()
    platform = serializers.ChoiceField(choices=Platform.choices)
    channel_id = serializers.UUIDField(help_text="What it goes out over, as in `channels` of /api/chatrooms.")
    sender_number_id = serializers.UUIDField(allow_null=True, help_text="The same; null where it is no number.")
    group_ids = serializers.ListField(child=serializers.UUIDField())
    excluded_group_ids = serializers.ListField(child=serializers.UUIDField())
    contacted_days = serializers.IntegerField(
        allow_null=True, help_text="Contacts who got a message of yours within so many days are skipped."
    )
    only_opted_in = serializers.BooleanField(help_text="Only who has opted in on its channel is in the audience.")
    only_active = serializers.ChoiceField(
        choices=ACTIVITY, allow_null=True, help_text="Only who last wrote then is in the audience."
    )
    per_minute = serializers.IntegerField(
        allow_null=True, help_text="Messages in a minute at most. The channel's own rate holds too."
    )
    canary = CanarySerializer(allow_null=True)
    state = serializers.ChoiceField(choices=Campaign.State.choices)
    paused = PausedSerializer(allow_null=True)
    send_at = serializers.DateTimeField(allow_null=True)
    audience = serializers.IntegerField(allow_null=True, help_text="Null for a draft.")
    created_by = PersonSerializer(allow_null=True)
    started_by = PersonSerializer(allow_null=True)
    approved_by = PersonSerializer(allow_null=True)
    approval_asked_at = serializers.DateTimeField(allow_null=True)
    approved_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def represent_rows(self, rows: list[Campaign]) -> list[dict]:
        return [describe_campaign(campaign) for campaign in rows]


class CampaignDetailSerializer(CampaignSerializer):
    """A campaign with the progress of its audience."""

    counts = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Recipients by state: waiting, skipped, canceled, or their message's status. They sum to `audience`.",
    )
    tokens = CampaignTokensSerializer()
    responses = ResponsesSerializer()

    def represent_rows(self, rows: list[Campaign]) -> list[dict]:
        # Counting reads every recipient of the campaign, so lists leave it out.
        (campaign,) = rows
        counts, spent = lifecycle.count_outcomes(campaign)
        tokens = {"reserved": campaign.reserved, "spent": spent}
        answers = responses.count_responses(campaign)
        return [{**describe_campaign(campaign), "counts": counts, "tokens": tokens, "responses": answers}]


def describe_campaign(campaign: Campaign) -> dict:
    names = (
        "state",
        "contacted_days",
        "only_opted_in",
        "per_minute",
        "send_at",
        "audience",
        "created_at",
        "started_at",
        "finished_at",
    )
    paused = {"code": campaign.paused_code, "message": campaign.paused_message}
    return {
        "id": campaign.pk,
        "chatroom_id": campaign.chatroom_id,
        "name": campaign.name,
        "content": campaign.content,
        "media": payloads.describe_media(campaign.media_urls),
        "platform": campaign.channel.platform,
        "channel_id": campaign.channel_id,
        "sender_number_id": campaign.channel_id if campaign.channel.platform == Platform.SMS else None,
        **{name: getattr(campaign, name) for name in names},
        "only_active": campaign.only_active or None,
        "group_ids": [link.group_id for link in campaign.audience_groups.all() if not link.is_excluded],
        "excluded_group_ids": [link.group_id for link in campaign.audience_groups.all() if link.is_excluded],
        "canary": describe_canary(campaign),
        "paused": paused if campaign.paused_code else None,
        "created_by": describe_person(campaign.created_by),
        "started_by": describe_person(campaign.started_by),
        "approved_by": describe_person(campaign.approved_by),
        "approval_asked_at": campaign.approval_asked_at,
        "approved_at": campaign.approved_at,
    }


def describe_canary(campaign: Campaign) -> dict | None:
    if campaign.canary_count is None and campaign.canary_percent is None:
        return None
    return {name: getattr(campaign, column) for name, column in CANARY_COLUMNS.items()}


def flatten_canary(data: dict) -> dict:
    """What was given of the canary as columns of the campaign."""
    if "canary" in data:
        given = data.pop("canary") or {"count": None, "percent": None}
        data |= {CANARY_COLUMNS[name]: value for name, value in given.items()}
    return data


class RecipientSerializer(RowSerializer):
    """A recipient in a campaign's audience."""

    id = serializers.UUIDField()
    contact_id = serializers.UUIDField(allow_null=True)
    address = serializers.CharField(allow_null=True)
    outcome = serializers.ChoiceField(choices=CampaignRecipient.Outcome.choices)
    reason = PausedSerializer(allow_null=True)
    not_before = serializers.DateTimeField(allow_null=True)
    message_id = serializers.UUIDField(allow_null=True)
    replied_at = serializers.DateTimeField(allow_null=True)
    opted_out_at = serializers.DateTimeField(allow_null=True)

    def represent_rows(self, rows: list[CampaignRecipient]) -> list[dict]:
        response_of = responses.find_responses([row.pk for row in rows])
        none = responses.Response()
        return [
            {
                "id": row.pk,
                "contact_id": row.contact_id,
                "address": row.address,
                "outcome": row.outcome,
                "reason": {"code": row.reason_code, "message": row.reason} if row.reason_code else None,
                "not_before": row.not_before,
                "message_id": row.message_id,
                "replied_at": response_of.get(row.pk, none).replied_at,
                "opted_out_at": response_of.get(row.pk, none).opted_out_at,
            }
            for row in rows
        ]


class OutcomeGroupSerializer(serializers.Serializer):
    """A group to be made of the recipients with one outcome."""

    outcome = KnownValueField(
        choices=[(name, name) for name in responses.CONDITIONS],
        help_text="`failed` includes undelivered ones, and `delivered` those that were read.",
    )
    name = serializers.CharField(max_length=80, validators=[names.validate_name])


class CampaignTestSerializer(serializers.Serializer):
    """Where the test goes: your own phone."""

    to = serializers.CharField(max_length=64)

    def validate_to(self, number: str) -> str:
        try:
            return phones.normalize_phone(number, self.context["country"])
        except phones.ImpossibleNumber as error:
            raise serializers.ValidationError(str(error)) from None


class DraftSerializer(InputSerializer):
    """What may be said of a draft, new or not."""

    answer_class = CampaignDetailSerializer
    media = StoredMediaField()
    excluded_group_ids = VisibleListField(
        queryset=Group.objects.all(), source="excluded_groups", max_length=MOST_GROUPS, required=False
    )
    contacted_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_CONTACTED_DAYS
    )
    only_opted_in = serializers.BooleanField(required=False)
    only_active = KnownValueField(choices=ACTIVITY, required=False, allow_null=True)
    sender_number_id = VisibleRelatedField(
        queryset=Channel.objects.filter(platform=Platform.SMS), required=False, source="number"
    )
    channel_id = VisibleRelatedField(
        queryset=Channel.objects.all(),
        required=False,
        source="channel",
        help_text="A number, a page or an Instagram account, in place of sender_number_id.",
    )
    send_at = AheadField(required=False, allow_null=True)
    per_minute = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=MOST_PER_MINUTE)
    canary = CanarySerializer(required=False, allow_null=True)

    def validate_only_active(self, value: str | None) -> str:
        return value or ""


class CampaignChangeSerializer(DraftSerializer):
    """What people may change about a draft."""

    name = serializers.CharField(max_length=80, required=False, validators=[names.validate_name])
    content = serializers.CharField(max_length=count_most_characters(), trim_whitespace=False, required=False)
    group_ids = VisibleListField(
        queryset=Group.objects.all(), source="groups", allow_empty=False, max_length=MOST_GROUPS, required=False
    )

    def validate(self, data: dict) -> dict:
        return in_one_room(flatten_canary(data), self.instance.chatroom_id, self.instance)


class NewCampaignSerializer(DraftSerializer):
    """A draft: a text or template for the contacts of groups of one chatroom."""

    name = serializers.CharField(max_length=80, validators=[names.validate_name])
    content = serializers.CharField(
        max_length=count_most_characters(), trim_whitespace=False, required=False, allow_blank=True, default=""
    )
    template_id = VisibleRelatedField(queryset=MessageTemplate.objects.all(), required=False, source="template")
    group_ids = VisibleListField(
        queryset=Group.objects.all(), source="groups", allow_empty=False, max_length=MOST_GROUPS
    )
    chatroom_id = VisibleRelatedField(queryset=Chatroom.objects.all(), required=False, source="chatroom")

    def validate(self, data: dict) -> dict:
        template, content = data.pop("template", None), data["content"].strip()
        if bool(template) == bool(content):
            raise serializers.ValidationError({"content": [_("Set either content or template_id, not both.")]})
        room = data.get("chatroom") or only_chatroom(self.context["request"].user)
        if template and template.chatroom_id not in (None, room.pk):
            raise serializers.ValidationError({"template_id": [ELSEWHERE]})
        chosen_values = {"chatroom": room, "content": template.body if template else data["content"]}
        if template:
            chosen_values["template_id"] = template.pk
        if template and template.media_urls:
            own = data.get("media_urls", [])
            require_total(own, template)
            chosen_values["media_urls"] = [*own, *template.media_urls]
        return in_one_room({**flatten_canary(data), **chosen_values}, room.pk)


def in_one_room(data: dict, room_id: UUID, campaign: Campaign | None = None) -> dict:
    """Groups and channel belong to the campaign's chatroom, and the channel takes its text. Raises ValidationError."""
    wrong = {
        f"{name}.{place}": [ELSEWHERE]
        for name, source in (("group_ids", "groups"), ("excluded_group_ids", "excluded_groups"))
        for place, group in enumerate(data.get(source, []))
        if group.chatroom_id != room_id
    }
    # What is written back unchanged is no part of the data, and holds.
    links = campaign.audience_groups.all() if campaign else []
    chosen, excluded = (
        {group.pk for group in data[source]}
        if source in data
        else {link.group_id for link in links if link.is_excluded == is_excluded}
        for source, is_excluded in (("groups", False), ("excluded_groups", True))
    )
    if chosen & excluded:
        wrong["excluded_group_ids"] = [_("A group can't be both in the audience and excluded from it.")]
    wrong |= choose_channel(data, room_id)
    if wrong:
        raise serializers.ValidationError(wrong)
    channel = data.get("channel") or (campaign.channel if campaign else None)
    if "content" in data or "channel" in data:
        content = data["content"] if "content" in data or campaign is None else campaign.content
        require_length(channel.platform if channel else Platform.SMS, "content", content)
    return data


def choose_channel(data: dict, room_id: UUID) -> dict:
    """Put the number or other channel that was given into `data`; returns what is wrong with it, by field."""
    number, channel = data.pop("number", None), data.get("channel")
    if number and channel and number != channel:
        return {"channel_id": [_("Set either sender_number_id or channel_id, not both.")]}
    if chosen := channel or number:
        data["channel"] = chosen
        if chosen.chatroom_id != room_id:
            return {"channel_id" if channel else "sender_number_id": [ELSEWHERE]}
    return {}
