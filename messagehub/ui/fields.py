"""Fields of forms that several pages have."""

from datetime import datetime

from django import forms
from django.utils.translation import gettext_lazy as _

from messagehub import datetimes


class AheadField(forms.DateTimeField):
    """A time of the viewer's clock that is still to come, within a year."""

    default_error_messages = {"invalid": _("Choose a date and time.")}

    def clean(self, value) -> datetime | None:
        moment = super().clean(value)
        if moment is None:
            return None
        if not datetimes.is_ahead(moment):
            raise forms.ValidationError(_("Choose a time in the future, within a year."))
        return moment


class LinesField(forms.CharField):
    """A text of several lines. Browsers send its line ends as CRLF, which would cost a character each."""

    def to_python(self, value) -> str:
        return super().to_python(value.replace("\r\n", "\n").replace("\r", "\n") if value else value)
