"""The forms of contacts and groups."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chatrooms import phones
from chatrooms.models import Chatroom, Contact, Group
from messagehub import names


class ContactForm(forms.Form):
    """What people may write about a contact."""

    first_name = forms.CharField(label=_("First name"), max_length=80, required=False, validators=[names.validate_name])
    last_name = forms.CharField(label=_("Last name"), max_length=80, required=False, validators=[names.validate_name])
    phone = forms.CharField(
        label=_("Phone"),
        max_length=64,
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel"}),
        help_text=_("Include the country code, for example +14155550123."),
    )
    email = forms.EmailField(label=_("Email"), required=False)

    def __init__(self, contact: Contact, country: str, *args, **kwargs):
        self.contact, self.country = contact, country
        names = ("first_name", "last_name", "phone", "email")
        kwargs.setdefault("initial", {name: getattr(contact, name) for name in names})
        super().__init__(*args, **kwargs)
        for name in ("first_name", "last_name"):  # one of before may be a name that nobody sees
            if self.data.get(name) == getattr(contact, name):
                self.fields[name].validators = []
        self.fields["phone"].required = bool(contact.phone)
        if contact.phone:  # others are answered where they write, on Messenger or Instagram
            self.fields["phone"].help_text += " " + _("Replies go to this number.")

    def clean_phone(self) -> str | None:
        phone = self.cleaned_data["phone"]
        # An unchanged value is not validated: it may be a short code or a sender name, which is no phone number.
        if not phone or phone == self.contact.phone:
            return phone or None
        try:
            return phones.normalize_phone(phone, self.country)
        except phones.ImpossibleNumber as error:
            raise forms.ValidationError(str(error)) from None


class InChatroomForm(forms.Form):
    """Something to create in a chatroom. People who see one chatroom are not asked for it."""

    chatroom = forms.ModelChoiceField(queryset=Chatroom.objects.none(), label=_("Chatroom"), empty_label=None)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        rooms = Chatroom.objects.visible_to(user).order_by("name")
        self.fields["chatroom"].queryset = rooms
        if len(rooms) == 1:
            del self.fields["chatroom"]
        self.rooms = rooms

    def clean(self) -> dict:
        cleaned = super().clean() or self.cleaned_data
        if "chatroom" not in self.fields:
            cleaned["chatroom"] = self.rooms[0]
        return cleaned


class NewContactForm(InChatroomForm):
    first_name = forms.CharField(label=_("First name"), max_length=80, required=False, validators=[names.validate_name])
    last_name = forms.CharField(label=_("Last name"), max_length=80, required=False, validators=[names.validate_name])
    phone = forms.CharField(
        label=_("Phone"),
        max_length=64,
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"}),
        help_text=_("Include the country code, for example +14155550123."),
    )
    email = forms.EmailField(label=_("Email"), required=False)

    def clean_phone(self) -> str:
        try:
            return phones.normalize_phone(self.cleaned_data["phone"], self.user.organization.default_country)
        except phones.ImpossibleNumber as error:
            raise forms.ValidationError(str(error)) from None


class GroupNameForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80, validators=[names.validate_name])


class NewGroupForm(InChatroomForm):
    name = forms.CharField(label=_("Name"), max_length=80, validators=[names.validate_name])


class BulkGroupForm(forms.Form):
    """A group to add to or remove from."""

    group = forms.ModelChoiceField(
        queryset=Group.objects.none(),
        error_messages={"required": _("Choose a group."), "invalid_choice": _("Not found.")},
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].queryset = Group.objects.visible_to(user)


class ReasonForm(forms.Form):
    """Why somebody is opted out, or is not any more: the evidence."""

    reason = forms.CharField(
        label=_("Reason"), max_length=300, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Say why. It is kept with the entry.")},
        help_text=_("Kept as evidence with your name, for example: asked for it by phone."),
    )  # fmt: skip
