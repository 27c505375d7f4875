"""The forms of /manage/users/."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from messagehub import names

ROLES = [(User.Role.AGENT, _("Agent")), (User.Role.ADMIN, _("Admin"))]


class ColleagueForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120, validators=[names.validate_name])
    role = forms.ChoiceField(
        label=_("Role"),
        choices=ROLES,
        initial=User.Role.AGENT,
        help_text=_("Agents work in the chatrooms you choose and pay with tokens. Admins see and manage everything."),
    )


class InviteForm(ColleagueForm):
    email = forms.EmailField(label=_("Email"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    field_order = ["email", "name", "role"]


class DeactivateForm(forms.Form):
    """Who takes over; nobody unless somebody is chosen."""

    hand_over_to = forms.ModelChoiceField(
        queryset=User.objects.none(),
        label=_("Open conversations go to"),
        required=False,
        empty_label=_("Nobody: they become unassigned"),
        help_text=_("What a colleague may not see becomes unassigned."),
    )

    def __init__(self, user: User, *args, **options):
        super().__init__(*args, **options)
        colleagues = User.objects.filter(
            organization_id=user.organization_id, is_active=True, joined_at__isnull=False
        ).exclude(pk=user.pk)
        self.fields["hand_over_to"].queryset = colleagues.order_by("name", "pk")
