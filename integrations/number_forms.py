"""The forms of /manage/numbers/. What was entered as a token is never drawn back."""

from typing import cast

from django import forms
from django.core.validators import RegexValidator
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatrooms.models import Chatroom
from integrations.models import Channel
from integrations.serializers import ACCOUNT_SID
from messagehub import names

AUTH_TOKEN = RegexValidator(r"^[0-9a-zA-Z]{16,64}$", _("An auth token has 32 letters and digits. Paste it whole."))


class SecretField(forms.CharField):
    """A token to paste: not kept by the browser, and empty again when the form comes back."""

    def __init__(self, **options) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"})
        super().__init__(**{"widget": widget, "max_length": 1000, **options})


class AccountForm(forms.Form):
    account_sid = forms.CharField(
        label=_("Account SID"),
        max_length=34,
        validators=[RegexValidator(ACCOUNT_SID, _("An Account SID is AC followed by 32 characters."))],
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("In the Twilio console, under Account info."),
    )
    auth_token = SecretField(
        label=_("Auth token"), validators=[AUTH_TOKEN], help_text=_("Tried with Twilio before it is saved, encrypted.")
    )


class TokenForm(forms.Form):
    auth_token = SecretField(
        label=_("New auth token"),
        validators=[AUTH_TOKEN],
        help_text=_("Tried with Twilio first. The present one signs webhooks for another day."),
    )


def offer_chatrooms(form: forms.Form, field: str, admin: User, present: Channel | None = None) -> None:
    """Those that are in use, and the one of the channel although it was archived."""
    offered = Q(organization_id=admin.organization_id, archived_at=None)
    if present:
        offered |= Q(pk=present.chatroom_id)
    choice = cast(forms.ModelChoiceField, form.fields[field])
    choice.queryset = Chatroom.objects.filter(offered).order_by("name", "pk")


def chatroom_field(**options) -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        **{"queryset": Chatroom.objects.none(), "label": _("Chatroom"), "empty_label": None, **options}
    )


class ImportForm(forms.Form):
    phone = forms.RegexField(r"^\+\d{5,15}$", max_length=16, widget=forms.HiddenInput)
    account_sid = forms.RegexField(ACCOUNT_SID, widget=forms.HiddenInput)
    chatroom = chatroom_field()

    def __init__(self, admin: User, *args, **options) -> None:
        super().__init__(*args, **options)
        offer_chatrooms(self, "chatroom", admin)


class NumberForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        required=False,
        validators=[names.validate_name],
        help_text=_("Shown to your team only."),
    )
    chatroom = chatroom_field(help_text=_("Open conversations move with the number."))
    segments_per_second = forms.IntegerField(
        label=_("Segments per second"),
        min_value=1,
        max_value=1000,
        required=False,
        help_text=_("How fast the carrier lets it send: 1 for a US local number. Empty leaves the queueing to Twilio."),
    )
    messaging_service_sid = forms.RegexField(
        r"^MG[0-9a-zA-Z]{32}$",
        label=_("Messaging Service SID"),
        required=False,
        max_length=34,
        error_messages={"invalid": _("A Messaging Service SID is MG followed by 32 characters.")},
        help_text=_("Only where Twilio sends by a Messaging Service."),
    )

    def __init__(self, number: Channel, admin: User, *args, **options) -> None:
        initial = {name: getattr(number, name) for name in ("name", "segments_per_second", "messaging_service_sid")}
        super().__init__(*args, **{"initial": initial | {"chatroom": number.chatroom_id}, **options})
        offer_chatrooms(self, "chatroom", admin, number)
