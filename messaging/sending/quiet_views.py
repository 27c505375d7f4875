"""/manage/settings/quiet-hours/: holidays, and what quiet hours mean for a number before they are saved. For admins."""

from datetime import date
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts import holidays
from accounts.models import Organization
from accounts.pages.manage import admins_only
from accounts.pages.quiet_fields import QuietHoursForm
from chatrooms import phones
from chatrooms.models import Chatroom
from messagehub import datetimes, languages, names
from messaging.sending import eligibility, number_zones, quiet_hours


class TrialForm(QuietHoursForm):
    """A number and the hours to try it with: a chatroom's own with `chatroom`, else the organization's."""

    phone = forms.CharField(label=gettext_lazy("Phone number"), max_length=64)
    quiet_hours_for_people = forms.BooleanField(label=gettext_lazy("Also for what people write first"), required=False)
    time_zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    chatroom = forms.UUIDField(required=False, widget=forms.HiddenInput)
    field_order = ("phone", "quiet_from", "quiet_until")

    def __init__(self, organization: Organization, *args, **options) -> None:
        super().__init__(*args, **options)
        self.organization = organization

    def clean_phone(self) -> str:
        try:
            return phones.normalize_phone(self.cleaned_data["phone"], self.organization.default_country)
        except phones.ImpossibleNumber as error:
            raise forms.ValidationError(str(error)) from None


class HolidayForm(forms.Form):
    date = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, validators=[names.validate_name])


@require_safe
@admins_only
def preview(request: HttpRequest) -> HttpResponse:
    """A part for htmx; without it a page on which a number can be tried, and with the holidays."""
    return _page(request)


@require_POST
@admins_only
def save_holiday(request: HttpRequest) -> HttpResponse:
    form = HolidayForm(request.POST, auto_id="new_%s")
    if form.is_valid():
        day, name = form.cleaned_data["date"], form.cleaned_data["name"]
        try:
            holidays.add_holiday(_find_organization(request), day, name, by=request.user)
        except ValidationError as error:
            form.add_error(None, [message for messages_ in error.message_dict.values() for message in messages_])
        else:
            messages.success(request, _("No campaign goes out on {name}.").format(name=name))
            return redirect("manage-quiet-hours")
    return _page(request, form, status=422)


@require_POST
@admins_only
def delete_holiday(request: HttpRequest) -> HttpResponse:
    if datetimes.is_day(request.POST.get("date", "")):
        day = date.fromisoformat(request.POST["date"])
        holidays.remove_holiday(_find_organization(request), day, by=request.user)
        messages.success(request, _("The holiday is deleted."))
    return redirect("manage-quiet-hours")


def _find_organization(request: HttpRequest) -> Organization:
    """A copy, so that the viewer's keeps what is saved where something is refused."""
    return Organization.objects.get(pk=request.user.organization_id)


def _page(request: HttpRequest, holiday_form: HolidayForm | None = None, status: int = 200) -> HttpResponse:
    organization, room = request.user.organization, _find_room(request)
    saved = {name: getattr(room or organization, name) for name in ("quiet_from", "quiet_until")}
    saved |= {"quiet_hours_for_people": organization.quiet_hours_for_people, "chatroom": room and room.pk}
    form = TrialForm(organization, request.GET if "phone" in request.GET else None, initial=saved)
    context = {
        "own_page": "manage-settings",
        "tab": "organization",
        "form": form,
        "room": room,
        "holiday_form": holiday_form or HolidayForm(auto_id="new_%s"),
        "holidays": [(each["date"], _name_day(each["date"]), each["name"]) for each in organization.holidays],
    }
    if form.is_valid():
        context |= _explain(organization, room, form.cleaned_data)
    template = "settings/_quiet_hours.html" if request.htmx else "settings/quiet_hours.html"
    return render(request, template, context, status=status)


def _name_day(day: str) -> str:
    return languages.format_day(date.fromisoformat(day), "j F Y")


def _find_room(request: HttpRequest) -> Chatroom | None:
    try:
        pk = UUID(request.GET.get("chatroom", ""))
    except ValueError:
        return None
    return Chatroom.objects.visible_to(request.user).filter(pk=pk).first()


def _explain(organization: Organization, room: Chatroom | None, given: dict) -> dict:
    # Never saved: an organization and a chatroom as the form describes them.
    hours = {name: given[name] for name in ("quiet_from", "quiet_until")}
    own = {name: getattr(organization, name) for name in hours} if room else hours
    imagined = Organization(
        time_zone=given["time_zone"] if given["time_zone"] in datetimes.list_time_zones() else organization.time_zone,
        quiet_hours_for_people=given["quiet_hours_for_people"],
        holidays=organization.holidays,
        **own,
    )
    imagined_room = Chatroom(**hours) if room else Chatroom()
    phone, at = given["phone"], timezone.now()
    of_campaigns, of_people = (
        quiet_hours.choose_hours(imagined, imagined_room, for_campaign=for_campaign) for for_campaign in (True, False)
    )
    zones = number_zones.list_zones(phone)
    return {
        "phone": phone,
        "places": [each.key.rsplit("/", 1)[-1].replace("_", " ") for each in zones[:3]],
        "more_places": max(len(zones) - 3, 0),
        "has_quiet_hours": of_campaigns is not None,
        "own_zone": imagined.time_zone,
        "reason": eligibility.explain_quiet_hours(of_campaigns, phone, at),
        "people_reason": eligibility.explain_quiet_hours(of_people, phone, at),
    }
