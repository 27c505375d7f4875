"""/manage/settings/quiet-hours/: what quiet hours mean for a number, before they are saved. For admins."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.models import Organization
from accounts.pages.manage import admins_only
from chatrooms import phones
from messagehub import datetimes
from messaging.sending import eligibility, quiet_hours


class QuietHoursForm(forms.Form):
    phone = forms.CharField(label=_("Phone number"), max_length=64)
    quiet_from = forms.TimeField(label=_("From"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_until = forms.TimeField(label=_("Until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    time_zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, organization: Organization, *args, **options) -> None:
        super().__init__(*args, **options)
        self.organization = organization

    def clean_phone(self) -> str:
        try:
            return phones.normalize_phone(self.cleaned_data["phone"], self.organization.default_country)
        except phones.ImpossibleNumber as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict:
        values = super().clean() or {}
        start, until = values.get("quiet_from"), values.get("quiet_until")
        if (start is None) != (until is None):
            raise forms.ValidationError(_("Set both from and until."))
        if start and start == until:
            raise forms.ValidationError(_("Choose an end that differs from the start."))
        return values


@require_safe
@admins_only
def preview(request: HttpRequest) -> HttpResponse:
    """A part for htmx; without it a page on which a number can be tried."""
    organization = request.user.organization
    saved = {"quiet_from": organization.quiet_from, "quiet_until": organization.quiet_until}
    form = QuietHoursForm(organization, request.GET if "phone" in request.GET else None, initial=saved)
    context = {"own_page": "manage-settings", "tab": "organization", "form": form}
    if form.is_valid():
        context |= _explain(organization, **form.cleaned_data)
    template = "settings/_quiet_hours.html" if request.htmx else "settings/quiet_hours.html"
    return render(request, template, context)


def _explain(organization: Organization, phone: str, quiet_from, quiet_until, time_zone: str) -> dict:
    # Never saved: an organization as the form describes it.
    zone = time_zone if time_zone in datetimes.list_time_zones() else organization.time_zone
    imagined = Organization(time_zone=zone, quiet_from=quiet_from, quiet_until=quiet_until)
    zones = quiet_hours.list_zones(phone)
    reason = eligibility.explain_quiet_hours(imagined, phone, timezone.now())
    return {
        "phone": phone,
        "places": [each.key.rsplit("/", 1)[-1].replace("_", " ") for each in zones[:3]],
        "more_places": max(len(zones) - 3, 0),
        "has_quiet_hours": quiet_from is not None,
        "own_zone": zone,
        "reason": reason,
    }
