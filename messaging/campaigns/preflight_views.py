"""What a draft would do, told beside its form while it is written. Nothing is stored."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from chatrooms.models import Chatroom
from integrations.providers import name_channel
from messaging.campaigns import audience, preflight
from messaging.campaigns.forms import DraftForm
from messaging.campaigns.views import choose_chatroom, get_campaign, list_chatrooms
from messaging.models import Campaign


@require_POST
def check_new_draft(request: HttpRequest) -> HttpResponse:
    """A part of the page of a campaign that is not saved yet."""
    chatroom = choose_chatroom(request, list_chatrooms(request.user))
    if chatroom is None:
        raise Http404
    return _check_form(request, DraftForm(chatroom, request.user, request.POST), chatroom)


@require_http_methods(["GET", "HEAD", "POST"])
def show_preflight(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A part of a draft's page: what it would do as it is saved, and by POST with the form as it is now."""
    campaign = get_campaign(request, pk)
    if campaign.state != Campaign.State.DRAFT:
        address = reverse("campaign", args=[pk])
        return HttpResponse(status=204, headers={"HX-Redirect": address}) if request.htmx else redirect(address)
    if request.method == "POST":
        form = DraftForm.of_campaign(campaign, request.user, request.POST)
        return _check_form(request, form, campaign.chatroom, campaign)
    return _draw(request, campaign, preflight.check_campaign(campaign, by=request.user), is_saved=True)


def _check_form(
    request: HttpRequest, form: DraftForm, chatroom: Chatroom, campaign: Campaign | None = None
) -> HttpResponse:
    form.full_clean()
    values = dict(form.cleaned_data)
    if missing := [(form[name].label, errors) for name, errors in form.errors.items() if name != "name"]:
        return render(request, "campaigns/_missing.html", {"missing": missing})
    groups = audience.Groups(*([group.pk for group in values.pop(name)] for name in ("groups", "excluded_groups")))
    approved_at = campaign.approved_at if campaign and not form.has_changed() else None
    draft = Campaign(organization=chatroom.organization, chatroom=chatroom, approved_at=approved_at, **values)
    figures = preflight.check_campaign(draft, by=request.user, groups=groups)
    return _draw(request, draft, figures, is_saved=campaign is not None, checked=form.fingerprint)


def _draw(
    request: HttpRequest, campaign: Campaign, figures: preflight.Preflight, *, is_saved: bool, checked: str = ""
) -> HttpResponse:
    context = {
        "campaign": campaign,
        "channel": name_channel(campaign.channel),
        "preflight": figures,
        "is_saved": is_saved,
        "checked": checked,
        "needs_approval": campaign.organization.approve_campaigns and not campaign.approved_at,
        "skipped": [
            (preflight.WORDS[code], figures.skipped[code]) for code in preflight.WORDS if figures.skipped[code]
        ],
        "later": sorted((opens_at, zone, count) for (zone, opens_at), count in figures.later.items()),
    }
    return render(request, "campaigns/_preflight.html", context)
