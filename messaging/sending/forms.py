"""What is filled in on the Send page."""

import hashlib
from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext_lazy as _

from chatrooms.models import Chatroom, Group
from integrations import segments
from integrations.models import Channel, Platform
from integrations.providers import count_most_media
from messagehub.ui.fields import AheadField, LinesField
from messaging.media import fitting, uploads
from messaging.media.forms import File, FilesField, find_files
from messaging.message_templates import templates
from messaging.models import MessageTemplate
from messaging.sending import direct


class NumberField(forms.ModelChoiceField):
    def label_from_instance(self, channel: Channel) -> str:
        return f"{channel.name} {channel.address}".strip()


class SendForm(forms.Form):
    """A text to numbers and groups of one chatroom. `key` makes a form that is sent twice count once, `seen` says
    which values the sender has looked at, and `files_of` which template's files are attached already."""

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
        help_text=_("Its text is used where you write none of your own. Its files are attached."),
    )  # fmt: skip
    content = LinesField(
        label=_("Text"), max_length=segments.LONGEST_TEXT, strip=False, required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("{{first_name|there}} becomes each contact's first name, or “there” where it isn't known."),
    )  # fmt: skip
    media_urls = FilesField(label=_("Files"), required=False)
    files_of = forms.CharField(required=False, max_length=36, widget=forms.HiddenInput)
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
        self.fields["template"].queryset = self.offered = templates.list_offered(user, chatroom.pk)
        kept = [address for template in self.offered for address in template.media_urls]
        self.fields["media_urls"].serve(user, chatroom, Platform.SMS, kept)

    def clean(self) -> dict:
        data = super().clean()
        if "media_urls" in data:
            self._attach_template_files(data)
        if "content" in data and not data["content"].strip():
            template = data.get("template")
            if template is None:
                self.add_error("content", _("Write a text, or choose a template."))
            else:
                data["content"] = template.body
                data["used_template_id"] = template.pk
        elif "content" in data:
            try:
                templates.check_template(data["content"])
            except templates.BadTemplate as error:
                self.add_error("content", str(error))
        if "to" in data and not direct.split_numbers(data["to"]) and not data.get("groups"):
            self.add_error("to", _("Write at least one number, or choose a group."))
        return data

    def _attach_template_files(self, data: dict) -> None:
        """Where the page's script has not done it: those of the template that is chosen, for those of another."""
        template, held = data.get("template"), data.get("files_of", "")
        if held != (str(template.pk) if template else ""):
            former = [address for each in self.offered if str(each.pk) == held for address in each.media_urls]
            own = [address for address in data["media_urls"] if address not in former]
            data["media_urls"] = list(dict.fromkeys([*own, *(template.media_urls if template else ())]))
            self.data = self.data.copy()
            self.data.setlist("media_urls", data["media_urls"])
            self.data["files_of"] = str(template.pk) if template else ""
        for words in _find_faults(data["media_urls"]):
            self.add_error("media_urls", words)

    @property
    def offered_files(self) -> list[tuple[str, list[File]]]:
        """The files of each template that has some, for the page's script."""
        named = [template for template in self.offered if template.media_urls]
        found = find_files(address for template in named for address in template.media_urls)
        return [
            (str(template.pk), [found[address] for address in template.media_urls if address in found])
            for template in named
        ]

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


def _find_faults(addresses: Sequence[str]) -> list[str]:
    """Why these files can't go along with an SMS."""
    if len(addresses) > count_most_media():
        return [fitting.say_too_many()]
    try:
        attached = uploads.find_uploads(addresses)
    except uploads.UploadGone as error:
        return [str(error)]
    return [f"{words} {fix}" for _code, words, fix in fitting.list_unfit(Platform.SMS, attached)]
