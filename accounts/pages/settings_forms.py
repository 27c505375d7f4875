"""The form of /manage/settings/."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import COUNTRY_CHOICES, KEYWORD_LANGUAGES, Organization
from accounts.pages.quiet_fields import QuietHoursForm
from accounts.rules import fold_join_keywords
from messagehub import datetimes

FURTHER_LANGUAGES = [(code, name) for code, name in KEYWORD_LANGUAGES if code != "en"]
GROUPS = {
    "general": ("name", "default_country", "time_zone"),
    "quiet": ("quiet_from", "quiet_until"),
    "people": ("quiet_hours_for_people",),
    "consent": ("keyword_languages",),
    "joining": ("join_keywords", "join_question"),
    "help": ("help_text", "help_on_long_codes"),
    "tokens": ("price_sms", "price_messenger", "price_instagram", "refund_policy", "low_balance_limit"),
    "security": ("require_mfa_for_admins", "approve_campaigns"),
}


class OrganizationForm(QuietHoursForm, forms.ModelForm):
    """Everything that an organization decides for itself; its rules are the model's."""

    default_country = forms.ChoiceField(
        label=_("Default country"),
        choices=COUNTRY_CHOICES,
        help_text=_("Of phone numbers that are entered without +."),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("Where the days of your reports begin, and for numbers without a place.")
    )
    keyword_languages = forms.MultipleChoiceField(
        label=_("STOP, START and HELP are also understood in"),
        choices=FURTHER_LANGUAGES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("English always is."),
    )

    class Meta:
        model = Organization
        widgets = {name: forms.Textarea(attrs={"rows": 3}) for name in ("help_text", "join_question")}
        fields = [name for group in GROUPS.values() for name in group]
        labels = {
            "name": _("Name"),
            "price_sms": _("Tokens for an SMS"),
            "price_messenger": _("Tokens for a Messenger message"),
            "price_instagram": _("Tokens for an Instagram message"),
            "first_message_footer": _("First message footer"),
            "opt_out_scope": _("Opt out scope"),
            "join_keywords": _("Keywords to join"),
            "join_question": _("Question before they join"),
            "help_text": _("Answer to HELP"),
            "help_on_long_codes": _("Twilio's own answer is turned off"),
            "quiet_hours_for_people": _("Also for what people write first"),
            "refund_policy": _("Refund"),
            "low_balance_limit": _("Warn below"),
            "require_mfa_for_admins": _("Admins need two-factor authentication"),
            "approve_campaigns": _("Campaigns need approval"),
        }
        help_texts = {
            "join_keywords": _("Separated by commas, such as JOIN. What means STOP, START, HELP or YES stays that."),
            "join_question": _(
                "Sent to whoever writes a keyword and has not opted out, such as: Reply YES to get our offers. Only "
                "their YES as the next message, within a day, is recorded as consent. Costs no tokens."
            ),
            "help_text": _(
                "Say who you are, how to reach you, and that STOP ends it. It is sent at most once an hour to each "
                "contact, and costs no tokens. Leave empty for none."
            ),
            "help_on_long_codes": _(
                "Twilio answers HELP and INFO to most numbers by itself. Check this only if Twilio has turned that off "
                "for your account, or customers get two answers."
            ),
            "refund_policy": _("Which failed messages give their tokens back."),
            "quiet_hours_for_people": _("Otherwise they hold only campaigns."),
            "low_balance_limit": _("The agent and admins are told below this balance. 0 turns it off."),
            "approve_campaigns": _("A campaign starts only once an admin who did not write it has approved it."),
            "require_mfa_for_admins": _("Admins without it are signed out and set it up at the next sign-in."),
        }

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        zones = sorted(datetimes.list_time_zones())
        self.fields["time_zone"].choices = [(zone, zone.replace("_", " ")) for zone in zones]

    def clean_keyword_languages(self) -> list[str]:
        return sorted({"en", *self.cleaned_data["keyword_languages"]})

    def clean_join_keywords(self) -> list[str]:
        return fold_join_keywords(self.cleaned_data["join_keywords"])

    def groups(self) -> dict[str, list[forms.BoundField]]:
        return {group: [self[name] for name in names] for group, names in GROUPS.items()}
