"""The forms of /manage/chatrooms/."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.pages.quiet_fields import QuietHoursForm
from chatrooms import rooms
from messagehub import names

COLOR_NAMES = {
    "petrol": _("Petrol"), "ochre": _("Ochre"), "magenta": _("Magenta"), "blue": _("Blue"), "green": _("Green"),
}  # fmt: skip


class NewChatroomForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        validators=[names.validate_name],
        help_text=_("For example a team or a place: “Support”, “Berlin”."),
    )


class ChatroomForm(QuietHoursForm, NewChatroomForm):
    color = forms.ChoiceField(
        label=_("Color"),
        choices=[(color, COLOR_NAMES[color]) for color in rooms.COLORS],
        help_text=_("The dot in front of its name."),
    )
