"""/campaigns/: the campaigns, a draft with what it would do, and a started one with what becomes of it."""

from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid5

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from uuid_utils.compat import uuid7

from accounts.models import User
from chatrooms.models import Chatroom, Group
from integrations.models import Channel
from integrations.providers import name_channel
from messagehub import constraints, languages, limits
from messagehub.api.renderers import answer_csv
from messagehub.ui import lists
from messaging.campaigns import approval, campaign_listing, lifecycle, responses, retrying, testing, trial
from messaging.campaigns.filters import CampaignFilterSet, RecipientFilterSet
from messaging.campaigns.forms import CampaignTestForm, DraftForm, OutcomeGroupForm
from messaging.media import uploads
from messaging.media.forms import find_files
from messaging.models import Campaign, CampaignRecipient
from messaging.notifications import notices
from messaging.sending import eligibility, enqueue
from tokens import ledger

State = Campaign.State
LIST = lists.ListDefinition(
    Campaign,
    CampaignFilterSet,
    labels={"chatroom_id": gettext_lazy("Chatroom"), "state": gettext_lazy("State")},
)
RECIPIENTS = lists.ListDefinition(
    CampaignRecipient, RecipientFilterSet, labels={"outcome": gettext_lazy("Outcome")}, page_size=50
)
REFUSALS = (
    lifecycle.WrongCampaignState,
    eligibility.SendRefused,
    ledger.InsufficientTokens,
    uploads.UploadGone,
    limits.TooMany,
    enqueue.ClientIdTaken,
)
ACTIVE = {State.SCHEDULED, State.RUNNING}
# In this order, and in these colours, the outcomes stand side by side.
OUTCOMES = {
    "delivered": ("green", gettext_lazy("Delivered")),
    "read": ("green", gettext_lazy("Read")),
    "sent": ("petrol", gettext_lazy("Sent")),
    "accepted": ("petrol", gettext_lazy("Accepted")),
    "sending": ("petrol", gettext_lazy("Sending")),
    "queued": ("petrol", gettext_lazy("Queued")),
    "waiting": ("rest", gettext_lazy("Waiting")),
    "unknown": ("ochre", gettext_lazy("Delivery unknown")),
    "skipped": ("ochre", gettext_lazy("Skipped")),
    "failed": ("magenta", gettext_lazy("Failed")),
    "undelivered": ("magenta", gettext_lazy("Not delivered")),
    "not_sent": ("magenta", gettext_lazy("Not sent")),
    "canceled": ("rest", gettext_lazy("Canceled")),
}
FAILED = ("failed", "undelivered", "not_sent")


@require_safe
def show_campaigns(request: HttpRequest) -> HttpResponse:
    fetch = partial(campaign_listing.list_campaigns, request.user)
    page = lists.build_list(request, LIST, fetch, lambda campaign: (campaign.created_at, campaign.pk))
    return render(request, "campaigns/list.html", {"own_page": "campaigns", "list": page}, status=page.status)


@require_http_methods(["GET", "HEAD", "POST"])
def create_draft(request: HttpRequest) -> HttpResponse:
    """A new draft, once its chatroom is chosen."""
    rooms = list_chatrooms(request.user)
    chatroom = choose_chatroom(request, rooms)
    context = {"own_page": "campaigns", "rooms": rooms, "chatroom": chatroom}
    if chatroom is None:
        return render(request, "campaigns/choose_chatroom.html", context, status=200 if rooms else 403)
    initial = {"groups": request.GET.getlist("group")}
    form = DraftForm(chatroom, request.user, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            campaign = lifecycle.create_campaign(chatroom, by=request.user, **form.cleaned_data)
        except uploads.UploadGone as error:
            form.add_error("media_urls", str(error))
        else:
            messages.success(request, _("Draft saved. Nothing is sent until you start it."))
            return redirect("campaign", campaign.pk)
    context |= {
        "form": form,
        "address": f"{reverse('campaign-new-preflight')}?chatroom={chatroom.pk}",
        "has_groups": Group.objects.filter(chatroom=chatroom).exists(),
        "has_channels": Channel.objects.filter(chatroom=chatroom).exists(),
    }
    return render(request, "campaigns/new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def show_campaign(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A draft, which POST changes; or a started campaign with its recipients."""
    campaign = get_campaign(request, pk)
    notices.mark_seen(request.user, campaign=campaign)
    if campaign.state == State.DRAFT:
        return _show_draft(request, campaign)
    if request.method == "POST":
        return _answer_late_change(request, campaign)
    fetch = partial(campaign_listing.list_recipients, campaign)
    page = lists.build_list(request, RECIPIENTS, fetch, lambda row: (campaign.created_at, row.pk))
    return _draw_started(request, campaign, page, OutcomeGroupForm(), page.status)


@require_POST
def group_outcome(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A group of the recipients with one outcome."""
    campaign = get_campaign(request, pk)
    form = OutcomeGroupForm(request.POST)
    if form.is_valid():
        try:
            group = responses.group_recipients(campaign, **form.cleaned_data)
        except responses.NobodyInOutcome as refusal:
            form.add_error("outcome", str(refusal))
        except constraints.NameTaken as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, _("Group “{name}” was made.").format(name=group.name))
            return redirect("group", group.pk)
    fetch = partial(campaign_listing.list_recipients, campaign)
    page = lists.build_list(request, RECIPIENTS, fetch, lambda row: (campaign.created_at, row.pk))
    return _draw_started(request, campaign, page, form, 422)


@require_safe
def show_progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The counts of a started campaign, and what can be done with it: parts of its page."""
    context = {**_describe(get_campaign(request, pk)), "is_part": True, "shown_state": request.GET.get("shown")}
    return render(request, "campaigns/_live_parts.html", context)


@require_POST
def try_campaign(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send the draft's text to one number."""
    campaign = get_campaign(request, pk)
    form = CampaignTestForm(request.user.organization.default_country, request.POST)
    if not form.is_valid():
        return _show_draft(request, campaign, test_form=form)
    try:
        enqueue.count_send(request.user)
        # A form that is sent again with another number, or after the text was changed, is another test.
        to = form.cleaned_data["to"]
        client_id = uuid5(form.cleaned_data["key"], f"{to} {campaign.content}")
        testing.send_test(campaign, to, by=request.user, client_id=client_id)
    except REFUSALS as refusal:
        form.add_error(None, str(refusal))
        return _show_draft(request, campaign, test_form=form)
    messages.success(request, _("Test sent to {number}.").format(number=to))
    return redirect("campaign", pk)


@require_POST
def move_campaign(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Pause, resume or cancel; retry what failed; duplicate or delete."""
    campaign = get_campaign(request, pk)
    action = request.POST.get("action", "")
    moves = {**MOVES, "approve": partial(_approve, seen=request.POST.get("seen", ""))}
    if action not in moves:
        raise Http404
    return _answer_move(request, campaign, moves[action])


def _answer_move(request: HttpRequest, campaign: Campaign, act: Callable) -> HttpResponse:
    try:
        words, target = act(campaign, request.user)
    except REFUSALS as refusal:
        messages.error(request, str(refusal))
        return redirect("campaign", campaign.pk)
    messages.success(request, words)
    return redirect(*target)


@require_safe
def export_outcomes(request: HttpRequest, pk: UUID) -> FileResponse:
    campaign = get_campaign(request, pk)
    filters = lists.read_query(request.GET, RECIPIENTS, request)
    return answer_csv(campaign_listing.export_recipients(campaign, **filters), "recipients")


# ---------------------------------------------------------------- what a form asks for
def _start(campaign: Campaign, user) -> tuple[str, tuple]:
    lifecycle.start_campaign(campaign, by=user)
    words = _("Campaign scheduled.") if campaign.send_at else _("Campaign started.")
    return words, ("campaign", campaign.pk)


def _pause(campaign: Campaign, user) -> tuple[str, tuple]:
    lifecycle.pause_campaign(campaign, by=user)
    return _("Campaign paused. Messages that were already handed over are still sent."), ("campaign", campaign.pk)


def _resume(campaign: Campaign, user) -> tuple[str, tuple]:
    lifecycle.resume_campaign(campaign, by=user)
    return _("Campaign resumed."), ("campaign", campaign.pk)


def _cancel(campaign: Campaign, user) -> tuple[str, tuple]:
    lifecycle.cancel_campaign(campaign, by=user)
    return _("Campaign canceled. Tokens of messages that were not sent were returned."), ("campaign", campaign.pk)


def _retry(campaign: Campaign, user) -> tuple[str, tuple]:
    count = retrying.retry_failed(campaign, by=user)
    words = ngettext("{n} recipient gets another message.", "{n} recipients get another message.", count)
    return words.format(n=languages.format_number(count)), ("campaign", campaign.pk)


def _ask(campaign: Campaign, user) -> tuple[str, tuple]:
    approval.ask_approval(campaign, by=user)
    return _("The admins who can approve it were told."), ("campaign", campaign.pk)


def _approve(campaign: Campaign, user, *, seen: str) -> tuple[str, tuple]:
    approval.approve_campaign(campaign, by=user, seen=seen)
    return _("Campaign approved. It can be started now."), ("campaign", campaign.pk)


def _duplicate(campaign: Campaign, user) -> tuple[str, tuple]:
    return _("This is a draft with the same text and audience."), (
        "campaign", retrying.duplicate_campaign(campaign, by=user).pk,
    )  # fmt: skip


def _delete(campaign: Campaign, user) -> tuple[str, tuple]:
    lifecycle.delete_campaign(campaign)
    return _("Draft deleted."), ("campaigns",)


MOVES = {
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "retry": _retry,
    "ask": _ask,
    "duplicate": _duplicate,
    "delete": _delete,
}


def _show_draft(request: HttpRequest, campaign: Campaign, test_form: CampaignTestForm | None = None) -> HttpResponse:
    is_change = request.method == "POST" and test_form is None
    form = DraftForm.of_campaign(campaign, request.user, request.POST if is_change else None)
    is_start = is_change and request.POST.get("action") == "start"
    if is_change and form.is_valid():
        if is_start and not form.has_changed():
            return _answer_move(request, campaign, _start)
        try:
            lifecycle.change_campaign(campaign, by=request.user, **form.cleaned_data)
        except lifecycle.WrongCampaignState:
            return _answer_late_change(request, campaign)
        except uploads.UploadGone as error:
            form.add_error("media_urls", str(error))
    if is_change and form.is_valid():
        if is_start and request.POST.get("checked") == form.fingerprint:  # its figures were seen
            return _answer_move(request, campaign, _start)
        if is_start:
            messages.success(request, _("Your changes were saved. Look at the new figures, then start."))
        else:
            messages.success(request, _("Draft saved."))
        return redirect("campaign", campaign.pk)
    context = {
        "own_page": "campaigns",
        "campaign": campaign,
        "form": form,
        "address": reverse("campaign-preflight", args=[campaign.pk]),
        "needs_approval": campaign.organization.approve_campaigns and not campaign.approved_at,
        "seen": approval.fingerprint_of(campaign),
        "may_approve": request.user.is_admin and not approval.is_writer(campaign, request.user),
        "test_form": test_form or CampaignTestForm(campaign.organization.default_country, initial={"key": uuid7()}),
    }
    return render(request, "campaigns/draft.html", context, status=422 if form.errors or test_form else 200)


def _draw_started(
    request: HttpRequest, campaign: Campaign, page: lists.ListPage, group_form: OutcomeGroupForm, status: int
) -> HttpResponse:
    files = list(find_files(campaign.media_urls).values())
    links = list(campaign.audience_groups.select_related("group").order_by("group__name", "pk"))
    context = {
        **_describe(campaign),
        "list": page,
        "group_form": group_form,
        "files": files,
        "chosen_groups": [link.group for link in links if not link.is_excluded],
        "excluded_groups": [link.group for link in links if link.is_excluded],
    }
    return render(request, "campaigns/campaign.html", context, status=status)


def _answer_late_change(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    messages.error(request, _("This campaign was started meanwhile. It wasn't changed."))
    return redirect("campaign", campaign.pk)


def _describe(campaign: Campaign) -> dict:
    """A started campaign with its counts, which sum to its audience."""
    counts, spent = lifecycle.count_outcomes(campaign)
    outcomes = [
        {"name": words, "status": status, "color": color, "count": counts[status]}
        for status, (color, words) in OUTCOMES.items()
        if counts.get(status)
    ]
    unfinished = sum(counts.get(status, 0) for status in ("waiting", "queued", "sending"))
    return {
        "own_page": "campaigns",
        "campaign": campaign,
        "channel": name_channel(campaign.channel),
        "outcomes": outcomes,
        "parts": [(each["name"], each["color"], each["count"]) for each in outcomes],
        "done_count": (campaign.audience or 0) - unfinished,
        "failed_count": sum(counts.get(status, 0) for status in FAILED),
        "spent": spent,
        "responses": responses.count_responses(campaign),
        "is_on_trial": campaign.state in ACTIVE and trial.is_on_trial(campaign),
        "is_active": campaign.state in ACTIVE,
    }


def list_chatrooms(user: User) -> list[Chatroom]:
    return list(Chatroom.objects.visible_to(user).select_related("organization").order_by("name", "pk"))


def choose_chatroom(request: HttpRequest, rooms: list[Chatroom]) -> Chatroom | None:
    """The chatroom that the address names, or the only one. Raises Http404."""
    wanted = request.GET.get("chatroom")
    if not wanted:
        return rooms[0] if len(rooms) == 1 else None
    for room in rooms:
        if str(room.pk) == wanted:
            return room
    raise Http404


def get_campaign(request: HttpRequest, pk: UUID) -> Campaign:
    campaigns = Campaign.objects.visible_to(request.user)
    return get_object_or_404(
        campaigns.select_related("organization", "chatroom", "channel", "started_by", "approved_by"), pk=pk
    )
