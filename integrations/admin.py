"""Provider accounts and numbers in the back office; their secrets are never shown."""

from django import forms
from django.contrib import admin, messages
from django.db.models import Q

from accounts.backoffice import Rows
from integrations import numbers
from integrations.models import SenderNumber, TwilioAccount


class RenewForm(forms.Form):
    auth_token = forms.RegexField(
        r"^[0-9a-zA-Z]{16,64}$",
        label="Auth token",
        help_text="From the Twilio Console. It won't be shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


@admin.register(TwilioAccount)
class TwilioAccountAdmin(Rows):
    list_display = ["account_sid", "organization", "created_at", "other_token_until"]
    list_select_related = ["organization"]
    hidden = ["auth_token", "other_auth_token"]
    search_help_text = "An id or an account SID"
    actions = ["revoke_previous_token"]

    def finding(self, term):
        return Q(account_sid=term)

    def get_queryset(self, request):
        return super().get_queryset(request).defer("auth_token", "other_auth_token")

    @admin.action(description="Refuse webhooks signed with the previous token", permissions=["view"])
    def revoke_previous_token(self, request, queryset):
        for account in queryset:
            numbers.revoke_previous_token(account, by=request.user)
            self.message_user(
                request,
                f"{account}: webhooks signed with the previous token are refused from now on.",
                messages.SUCCESS,
            )


@admin.register(SenderNumber)
class SenderNumberAdmin(Rows):
    list_display = ["phone", "name", "chatroom", "doing", "organization", "messaging_service_sid"]
    list_select_related = ["chatroom", "organization"]
    search_help_text = "An id or a phone number"
    actions = ["renew"]

    @admin.display(description="state")
    def doing(self, number):
        """Whether its account is let in, and since when not."""
        since = number.twilio_account.paused_at
        return f"paused ({number.twilio_account.paused_code}) since {since:%d %b %H:%M}" if since else "ok"

    def get_queryset(self, request):
        tokens = ("twilio_account__auth_token", "twilio_account__other_auth_token")
        return super().get_queryset(request).select_related("twilio_account").defer(*tokens)

    @admin.action(description="Update the auth token…", permissions=["view"])
    def renew(self, request, queryset):
        """Asks for the token, tries it at Twilio, and lets what waited go out."""
        chosen = list(queryset)
        form = RenewForm(request.POST if "apply" in request.POST else None)
        if not form.is_valid():
            return self.ask(request, "renew", "Update the auth token", form, chosen=chosen, submit="Check and save")
        for number in chosen:
            try:
                numbers.change_number(number, auth_token=form.cleaned_data["auth_token"], by=request.user)
            except (numbers.BadCredentials, numbers.ProviderAway) as error:
                self.message_user(request, f"{number}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{number}: its account is let in.", messages.SUCCESS)

    def finding(self, term):
        return Q(phone=term)
