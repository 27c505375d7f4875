"""Provider accounts and numbers in the back office; their secrets are never shown."""

from django import forms
from django.contrib import admin, messages
from django.db.models import Q

from accounts.backoffice import Rows
from accounts.models import User
from integrations import numbers, pages
from integrations.models import Channel, FacebookPage, Platform, TwilioAccount


class RenewForm(forms.Form):
    auth_token = forms.RegexField(
        r"^[!-~]{16,1000}$",
        label="Auth token or page access token",
        help_text="From the Twilio Console, or from Meta. It won't be shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


@admin.register(TwilioAccount)
class TwilioAccountAdmin(Rows):
    list_display = ["external_id", "organization", "created_at", "other_secret_until"]
    list_select_related = ["organization"]
    hidden = ["secret", "other_secret"]
    search_help_text = "An id or an account SID"
    actions = ["revoke_previous_token"]

    def finding(self, term):
        return Q(external_id=term)

    def get_queryset(self, request):
        return super().get_queryset(request).defer("secret", "other_secret")

    @admin.action(description="Refuse webhooks signed with the previous token", permissions=["view"])
    def revoke_previous_token(self, request, queryset):
        for account in queryset:
            numbers.revoke_previous_token(account, by=request.user)
            self.message_user(
                request,
                f"{account}: webhooks signed with the previous token are refused from now on.",
                messages.SUCCESS,
            )


@admin.register(FacebookPage)
class FacebookPageAdmin(Rows):
    list_display = ["name", "external_id", "organization", "checked_at", "secret_expires_at", "paused_at"]
    list_select_related = ["organization"]
    hidden = ["secret", "other_secret", "other_secret_until"]
    search_help_text = "An id, or that of a page"

    def finding(self, term):
        return Q(external_id=term)

    def get_queryset(self, request):
        return super().get_queryset(request).defer("secret", "other_secret")


@admin.register(Channel)
class ChannelAdmin(Rows):
    list_display = ["address", "platform", "name", "chatroom", "doing", "organization"]
    list_select_related = ["chatroom", "organization"]
    search_help_text = "An id or an address"
    actions = ["renew"]

    @admin.display(description="state")
    def doing(self, channel):
        """Whether its account is let in, and since when not."""
        since = channel.account.paused_at
        return f"paused ({channel.account.paused_code}) since {since:%d %b %H:%M}" if since else "ok"

    def get_queryset(self, request):
        tokens = ("account__secret", "account__other_secret")
        return super().get_queryset(request).select_related("account").defer(*tokens)

    @admin.action(description="Update the token…", permissions=["view"])
    def renew(self, request, queryset):
        """Asks for the token, tries it at the provider, and lets what waited go out."""
        chosen = list(queryset)
        form = RenewForm(request.POST if "apply" in request.POST else None)
        if not form.is_valid():
            return self.ask(request, "renew", "Update the token", form, chosen=chosen, submit="Check and save")
        for channel in chosen:
            try:
                renew_token(channel, form.cleaned_data["auth_token"], by=request.user)
            except (numbers.BadCredentials, numbers.ProviderAway, pages.BadPageToken, pages.MetaAway) as error:
                self.message_user(request, f"{channel}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{channel}: its account is let in.", messages.SUCCESS)

    def finding(self, term):
        return Q(address=term)


def renew_token(channel: Channel, token: str, *, by: User) -> None:
    """Raises what the operations of the channel's provider raise."""
    if channel.platform == Platform.SMS:
        numbers.change_number(channel, auth_token=token, by=by)
    else:
        pages.change_page(FacebookPage.objects.get(pk=channel.account_id), page_access_token=token, by=by)
