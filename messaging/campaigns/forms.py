"""The draft of a campaign, and its test, as people fill them in."""

import hashlib
from functools import cache, partial
from typing import Self
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from chatrooms import phones
from chatrooms.models import Chatroom, Group
from integrations.models import Channel, Platform
from integrations.providers import count_most_characters, name_channel
from messagehub import languages, names
from messagehub.ui.fields import AheadField, LinesField
from messaging.campaigns import audience, trial
from messaging.campaigns.serializers import MOST_CANARY_MINUTES, MOST_CONTACTED_DAYS, MOST_PER_MINUTE
from messaging.contacts import group_listing
from messaging.media.forms import FilesField
from messaging.message_templates import templates
from messaging.models import ACTIVITY, Campaign
from messaging.sending.eligibility import check_content

MOST_COUNTED = 100_000  # members of a group; of a larger one it says so


class ChannelField(forms.ModelChoiceField):
    def label_from_instance(self, channel: Channel) -> str:
        return name_channel(channel)


class DraftForm(forms.Form):
    """Everything about a draft; groups and channels are those of its chatroom."""

    name = forms.CharField(
        label=_("Name"), max_length=80, validators=[names.validate_name], help_text=_("Only your team sees it.")
    )
    groups = forms.ModelMultipleChoiceField(
        queryset=Group.objects.none(), label=_("Send to"), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one group.")},
    )  # fmt: skip
    excluded_groups = forms.ModelMultipleChoiceField(
        queryset=Group.objects.none(), label=_("But not to"), widget=forms.CheckboxSelectMultiple, required=False
    )
    contacted_days = forms.IntegerField(
        label=_("Days since your last message"), min_value=1, max_value=MOST_CONTACTED_DAYS, required=False,
        help_text=_("Contacts who got a message of yours within so many days are skipped. Leave empty for everybody."),
    )  # fmt: skip
    only_active = forms.ChoiceField(
        label=_("Only who last wrote"), choices=[("", _("At any time, or never")), *ACTIVITY], required=False
    )
    only_opted_in = forms.BooleanField(
        label=_("Only who has opted in"), required=False,
        help_text=_("On the channel that it goes out over, by a keyword or as you recorded it."),
    )  # fmt: skip
    channel = ChannelField(queryset=Channel.objects.none(), label=_("From"), empty_label=None)
    content = LinesField(
        label=_("Text"), max_length=count_most_characters(), strip=False, widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("Write {{first_name|there}} for each contact's first name, or “there” where it isn't known."),
    )  # fmt: skip
    media_urls = FilesField(label=_("Files"), required=False)
    send_at = AheadField(
        label=_("Start"), required=False, widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M"),
        help_text=_("Leave empty to start as soon as you press the button."),
    )  # fmt: skip

    per_minute = forms.IntegerField(
        label=_("Messages per minute"), min_value=1, max_value=MOST_PER_MINUTE, required=False,
        help_text=_("At most. Leave empty for as many as the channel can send."),
    )  # fmt: skip
    canary_percent = forms.IntegerField(
        label=_("First to so many percent"), min_value=1, max_value=50, required=False,
        help_text=_("They get it alone, to see how it goes before the others follow."),
    )  # fmt: skip
    canary_count = forms.IntegerField(label=_("Or first to so many people"), min_value=1, required=False)
    canary_minutes = forms.IntegerField(
        label=_("Minutes to wait after them"), initial=10, min_value=0, max_value=MOST_CANARY_MINUTES, required=False
    )
    most_failures = forms.IntegerField(
        label=_("Pause if more than so many percent fail"), initial=10, min_value=0, max_value=100, required=False
    )
    most_opt_outs = forms.IntegerField(
        label=_("Pause if more than so many percent opt out"), initial=2, min_value=0, max_value=100, required=False
    )

    def __init__(self, chatroom: Chatroom, user: User, *args, **options):
        super().__init__(*args, **options)
        channels = Channel.objects.filter(chatroom=chatroom).order_by("-platform", "pk")  # SMS first
        platforms = set(channels.values_list("platform", flat=True))
        platform = platforms.pop() if len(platforms) == 1 else ""
        self.fields["media_urls"].serve(user, chatroom, platform, self.initial.get("media_urls", ()))
        groups = Group.objects.filter(chatroom=chatroom).order_by("name", "pk")
        self.fields["groups"].queryset = self.fields["excluded_groups"].queryset = groups
        # Both lists from one reading, and none where the form is not drawn.
        self.fields["groups"].choices = self.fields["excluded_groups"].choices = cache(partial(_list_sizes, groups))
        self.fields["channel"].queryset = channels
        if platform != Platform.SMS:
            self.fields["channel"].help_text = _(
                "On Messenger and Instagram it only reaches people who wrote within the last 24 hours."
            )

    @classmethod
    def of_campaign(cls, campaign: Campaign, user: User, data: QueryDict | None = None) -> Self:
        """Of a draft that is saved: as it is, or as `data` changes it."""
        chosen, excluded = audience.read_groups(campaign)
        columns = (
            "name", "contacted_days", "only_active", "only_opted_in", "content", "media_urls", "send_at", *trial.SPEED,
        )  # fmt: skip
        initial = {
            **{name: getattr(campaign, name) for name in columns},
            "groups": chosen,
            "excluded_groups": excluded,
            "channel": campaign.channel_id,
        }
        return cls(campaign.chatroom, user, data, initial=initial)

    @property
    def fingerprint(self) -> str:
        """Of a valid form: the same as long as it does the same, whatever its name is."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "name"}
        values["channel"] = values["channel"].pk
        for name in ("groups", "excluded_groups"):
            values[name] = [group.pk for group in values[name]]
        return hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()

    def clean_content(self) -> str:
        content = self.cleaned_data["content"]
        if not content.strip():
            raise forms.ValidationError(_("Write a text."))
        try:
            templates.check_template(content)
        except templates.BadTemplate as error:
            raise forms.ValidationError(str(error)) from None
        return content

    def clean(self) -> dict:
        data = super().clean()
        for name in ("canary_minutes", "most_failures", "most_opt_outs"):
            if data.get(name) is None:
                data[name] = Campaign._meta.get_field(name).default
        if data.get("canary_percent") and data.get("canary_count"):
            self.add_error("canary_count", _("Choose a share or a number of people, not both."))
        if data.get("channel") and (reason := check_content(data["channel"].platform, data.get("content", ""), 0)):
            self.add_error("content", str(reason.message))
        if set(data.get("groups") or []) & set(data.get("excluded_groups") or []):
            self.add_error("excluded_groups", _("A group can't be both in the audience and excluded from it."))
        return data


def _list_sizes(groups: QuerySet[Group]) -> list[tuple[UUID, str]]:
    """Each group with its name and how many contacts are in it."""
    choices = []
    for counted in group_listing.count_each(list(groups), MOST_COUNTED):
        size = languages.format_number(counted.members) + ("+" if counted.members == MOST_COUNTED else "")
        words = ngettext("{name}, {n} contact", "{name}, {n} contacts", counted.members)
        name = format_html("<bdi>{}</bdi>", counted.group.name)
        choices.append((counted.group.pk, format_html(words, name=name, n=size)))
    return choices


class OutcomeGroupForm(forms.Form):
    """A group of a campaign's recipients, to write to them again or to leave them out."""

    outcome = forms.ChoiceField(
        label=_("Recipients"),
        choices=[
            ("replied", _("Who replied")),
            ("opted_out", _("Who opted out")),
            ("delivered", _("Who got it")),
            ("failed", _("Whose message failed")),
            ("unknown", _("Whose delivery is unknown")),
            ("skipped", _("Who were skipped")),
            ("canceled", _("Whose message was canceled")),
        ],
    )
    name = forms.CharField(label=_("Group name"), max_length=80, validators=[names.validate_name])


class CampaignTestForm(forms.Form):
    """Where the test goes. `key` makes a form that is sent twice count once."""

    to = forms.CharField(
        label=_("Your phone number"), max_length=64,
        widget=forms.TextInput({"type": "tel", "inputmode": "tel", "autocomplete": "tel"}),
    )  # fmt: skip
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, country: str, *args, **options):
        self.country = country
        super().__init__(*args, **options)

    def clean_to(self) -> str:
        try:
            return phones.normalize_phone(self.cleaned_data["to"], self.country)
        except phones.ImpossibleNumber as error:
            raise forms.ValidationError(str(error)) from None
