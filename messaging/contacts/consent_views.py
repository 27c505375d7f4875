"""Opting many contacts out on the contacts' list: what it would do, and taking it back, each with a reason."""

from datetime import UTC, datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.redirects import next_page_url
from messagehub import languages
from messagehub.ui import lists
from messaging.contacts import opting_out
from messaging.contacts.contact_listing import Match
from messaging.contacts.forms import ReasonForm

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def opt_out_many(request: HttpRequest, match: Match, back: str) -> HttpResponse:
    """Say what opting the selected contacts out would do, and ask for the reason; with it, do it."""
    form = ReasonForm(request.POST if "reason" in request.POST else None)
    try:
        if form.is_valid():
            result = opting_out.opt_out_selected(match, by=request.user, reason=form.cleaned_data["reason"])
            _say_opted_out(request, result)
            return redirect(back)
        preview = opting_out.preview_opt_out(match)
    except opting_out.TooManyToOptOut as error:
        messages.error(request, str(error))
        return redirect(back)
    selection = [(name, value) for name in ("selected", "all", "query", "next") for value in request.POST.getlist(name)]
    context = {"own_page": "contacts", "form": form, "preview": preview, "selection": selection, "back": back}
    return render(request, "contacts/opt_out.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def take_back(request: HttpRequest, moment: int) -> HttpResponse:
    """Lift what one's own bulk action opted out at this moment (in microseconds since 1970)."""
    back = next_page_url(request, reverse("contacts"))
    try:
        at = EPOCH + timedelta(microseconds=moment)
        count = opting_out.count_opt_outs_of(at, by=request.user)
    except OverflowError:
        raise Http404 from None
    form = ReasonForm(request.POST if "reason" in request.POST else None)
    if form.is_valid():
        lifted = opting_out.take_back_opt_outs(at, by=request.user, reason=form.cleaned_data["reason"])
        words = ngettext("{n} opt-out was taken back.", "{n} opt-outs were taken back.", lifted)
        messages.success(request, words.format(n=languages.format_number(lifted)))
        return redirect(back)
    context = {"own_page": "contacts", "form": form, "count": count, "back": back}
    return render(request, "contacts/take_back.html", context, status=422 if form.errors else 200)


def _say_opted_out(request: HttpRequest, result: opting_out.OptOutResult) -> None:
    words = ngettext("{n} contact opted out.", "{n} contacts opted out.", result.changed)
    words = words.format(n=languages.format_number(result.changed))
    if result.moment is None:
        messages.success(request, words)
        return
    moment = (result.moment - EPOCH) // timedelta(microseconds=1)
    lists.say_undoable(request, words, reverse("contacts-take-back", args=[moment]))
