"""What admins fill in on the tokens page."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from messagehub import languages
from tokens.models import MOST_TOKENS


class HolderField(forms.ModelChoiceField):
    """Somebody who has tokens, and how many."""

    def label_from_instance(self, person: User) -> str:
        account = getattr(person, "token_account", None)
        return _("{name}, {n} left").format(
            name=person.name, n=languages.format_number(account.balance if account else 0)
        )


class GrantForm(forms.Form):
    """Tokens for an agent; below zero takes some back. `key` makes a form that is sent twice count once."""

    person = HolderField(queryset=User.objects.none(), label=_("To"), empty_label=None)
    tokens = forms.IntegerField(
        label=_("Tokens"),
        min_value=-MOST_TOKENS,
        max_value=MOST_TOKENS,
        help_text=_("Enter a negative number to take tokens back."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=300, help_text=_("Visible in the ledger to you and the agent.")
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args, admin: User, **options):
        super().__init__(*args, **options)
        agents = User.objects.filter(organization_id=admin.organization_id, role=User.Role.AGENT, is_active=True)
        self.fields["person"].queryset = agents.select_related("token_account").order_by("name", "pk")

    def clean_tokens(self) -> int:
        if not self.cleaned_data["tokens"]:
            raise forms.ValidationError(_("This wouldn't change the balance."))
        return self.cleaned_data["tokens"]
