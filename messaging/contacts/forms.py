"""The forms of a contact's page."""

from django import forms
from django.utils.translation import gettext_lazy as _

from chatrooms import phones
from chatrooms.models import Contact
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
