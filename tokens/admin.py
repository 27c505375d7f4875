"""Balances and the ledger in the back office. Both are read only; tokens are granted with a reason."""

from django import forms
from django.contrib import admin, messages
from django.utils.translation import gettext as _

from accounts.backoffice import Rows
from tokens import ledger
from tokens.models import MOST_TOKENS, TokenAccount, TokenEntry


class GrantForm(forms.Form):
    tokens = forms.IntegerField(
        min_value=-MOST_TOKENS,
        max_value=MOST_TOKENS,
        help_text="For each selected agent. Enter a negative number to take tokens back.",
    )
    reason = forms.CharField(max_length=300)

    def clean_tokens(self) -> int:
        if not self.cleaned_data["tokens"]:
            raise forms.ValidationError(_("This wouldn't change the balance."))
        return self.cleaned_data["tokens"]


@admin.register(TokenAccount)
class TokenAccountAdmin(Rows):
    list_display = ["user", "balance", "reserved", "organization"]
    list_select_related = ["user", "organization"]
    actions = ["grant"]

    @admin.action(description="Grant tokens…", permissions=["view"])
    def grant(self, request, queryset):
        """Asks for number and reason on a page of its own, then writes one entry for each."""
        accounts = queryset.select_related("user")
        form = GrantForm(request.POST if "apply" in request.POST else None)
        if not form.is_valid():
            return self.ask(request, "grant", "Grant tokens", form, chosen=accounts, submit="Grant")
        for account in accounts:
            try:
                ledger.adjust(
                    account.user,
                    form.cleaned_data["tokens"],
                    actor=request.user,
                    reason=form.cleaned_data["reason"],
                )
            except (ledger.InsufficientTokens, ledger.NoAccount) as error:
                self.message_user(request, f"{account.user}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"The balance of {account.user} was updated.", messages.SUCCESS)


@admin.register(TokenEntry)
class TokenEntryAdmin(Rows):
    list_display = ["created_at", "person", "kind", "amount", "balance_after", "actor", "reason"]
    list_select_related = ["account__user", "actor"]
    search_help_text = "An id"

    @admin.display(description="person")
    def person(self, entry):
        return entry.account.user
