"""What is filled in on the Send page."""

import hashlib

from django import forms
from django.utils.translation import gettext_lazy as _

from chatrooms.models import Chatroom, Group
from integrations import segments
from integrations.models import Channel
from messagehub.ui.fields import AheadField, LinesField
from messaging.message_templates import templates
from messaging.models import MessageTemplate
from messaging.sending import direct


class NumberField(forms.ModelChoiceField):
    def label_from_instance(self, channel: Channel) -> str:
        return f"{channel.name} {channel.address}".strip()


class SendForm(forms.Form):
    """A text to numbers and groups of one chatroom. `key` makes a form that is sent twice count once, and `seen` says
    which values the sender has looked at."""

    channel = NumberField(queryset=Channel.objects.none(), label=_("From"), empty_label=None)
    to = LinesField(
        label=_("To"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 2, "inputmode": "tel"}),
        help_text=_("Phone numbers, one a line or between commas. New numbers become contacts."),
    )  # fmt: skip
    groups = forms.ModelMultipleChoiceField(
        queryset=Group.objects.none(), label=_("Groups"), widget=forms.CheckboxSelectMultiple, required=False
    )
    template = forms.ModelChoiceField(
        queryset=MessageTemplate.objects.none(), label=_("Template"), required=False, empty_label=_("No template"),
        help_text=_("Its text is used where you write none of your own."),
    )  # fmt: skip
    content = LinesField(
        label=_("Text"), max_length=segments.LONGEST_TEXT, strip=False, required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("{{first_name|there}} becomes each contact's first name, or “there” where it isn't known."),
    )  # fmt: skip
    send_at = AheadField(
        label=_("When"), required=False, widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M"),
        help_text=_("Leave empty to send now."),
    )  # fmt: skip
    key = forms.UUIDField(required=False, widget=forms.HiddenInput)
    seen = forms.CharField(required=False, max_length=129, widget=forms.HiddenInput)

    def __init__(self, chatroom: Chatroom, user, *args, **options):
        super().__init__(*args, **options)
        self.fields["channel"].queryset = Channel.objects.filter(chatroom=chatroom, platform="SMS").order_by("pk")
        self.fields["groups"].queryset = Group.objects.filter(chatroom=chatroom).order_by("name", "pk")
        self.fields["template"].queryset = templates.list_offered(user, chatroom.pk)

    def clean(self) -> dict:
        data = super().clean()
        data["media_urls"] = []
        if "content" in data and not data["content"].strip():
            template = data.get("template")
            if template is None:
                self.add_error("content", _("Write a text, or choose a template."))
            else:
                data["content"], data["media_urls"] = template.body, template.media_urls
        elif "content" in data:
            try:
                templates.check_template(data["content"])
            except templates.BadTemplate as error:
                self.add_error("content", str(error))
        if "to" in data and not direct.split_numbers(data["to"]) and not data.get("groups"):
            self.add_error("to", _("Write at least one number, or choose a group."))
        return data

    @property
    def fingerprint(self) -> str:
        """The same for the same values."""
        data = self.cleaned_data
        values = [
            data["channel"].pk, data["content"], sorted(direct.split_numbers(data["to"])),
            sorted(str(group.pk) for group in data["groups"]), data["send_at"],
            data["media_urls"],
        ]  # fmt: skip
        return hashlib.sha256(repr(values).encode()).hexdigest()
