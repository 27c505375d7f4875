"""The forms of /me/."""

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import sessions
from accounts.models import ApiKey, User
from accounts.pages.forms import CodeForm, NewPasswordForm, PersonForm
from messagehub import names


class NameForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        validators=[names.validate_name],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    def __init__(self, user: User, *args, **kwargs):
        super().__init__(*args, **{"initial": {"name": user.name}, **kwargs})
        if self.data.get("name") == user.name:  # one of before may be a name that nobody sees
            self.fields["name"].validators = []


class RowsForm(forms.Form):
    compact_rows = forms.BooleanField(
        label=_("Compact rows in the inbox"),
        required=False,
        help_text=_("Shows more conversations at once. Applies wherever you sign in."),
    )


class LanguageForm(forms.Form):
    language = forms.TypedChoiceField(
        label=_("Language"),
        choices=[("", _("As the browser asks")), *settings.LANGUAGES],
        required=False,
        empty_value=None,
        help_text=_("Of pages and of emails to you. Applies wherever you sign in."),
    )


class NotificationsForm(forms.Form):
    mail_notifications = forms.BooleanField(
        label=_("Email me about mentions and assignments"),
        required=False,
        help_text=_("Only about what you haven't seen after ten minutes."),
    )


class CurrentPasswordForm(PersonForm):
    """Proves that it is still the same person at the keyboard."""

    current_password = forms.CharField(
        label=_("Current password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, *args, **kwargs):
        self.request = request
        super().__init__(request.user, *args, **kwargs)

    def clean_current_password(self) -> str:
        """Raises limits.TooMany and limits.Unavailable."""
        if not sessions.check_current_password(self.request, self.cleaned_data["current_password"]):
            raise forms.ValidationError(_("This isn't your current password."))
        return self.cleaned_data["current_password"]


class PasswordForm(CurrentPasswordForm, NewPasswordForm):
    field_order = ["current_password", "password"]


class SecondFactorForm(CurrentPasswordForm):
    code = CodeForm.base_fields["code"]
    field_order = ["current_password", "code"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs.pop("autofocus", None)


class KeyForm(PersonForm):
    name = forms.CharField(
        label=_("Name"), max_length=80, validators=[names.validate_name], help_text=_("For example, “Zapier”.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("Permissions"),
        widget=forms.CheckboxSelectMultiple,
        choices=[
            (ApiKey.Scope.READ, _("Read everything you can see")),
            (ApiKey.Scope.SEND, _("Send messages and manage conversations")),
            (ApiKey.Scope.CONTACTS, _("Manage contacts, groups, templates and labels")),
            (ApiKey.Scope.ADMIN, _("Full admin access")),
        ],
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.user.is_admin:
            self.fields["scopes"].choices = self.fields["scopes"].choices[:-1]
