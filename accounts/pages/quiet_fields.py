"""From when until when, in forms of quiet hours: of an organization, of a chatroom, and to try them."""

from django import forms
from django.utils.translation import gettext_lazy as _


class QuietHoursForm(forms.Form):
    """Both or neither, over midnight where `quiet_from` is later."""

    quiet_from = forms.TimeField(label=_("From"), required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M"))
    quiet_until = forms.TimeField(label=_("Until"), required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M"))

    def clean(self) -> dict:
        values = super().clean() or {}
        start, until = values.get("quiet_from"), values.get("quiet_until")
        if (start is None) != (until is None) and not self.errors:
            self.add_error("quiet_until", _("Set both from and until, or neither."))
        elif start and start == until:
            self.add_error("quiet_until", _("Choose an end that differs from the start."))
        return values
