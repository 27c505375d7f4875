"""A contact's page: who it is, what happened over all channels, and making two contacts one.

Forms work without a script; with one they open in a dialog and their answers are parts of the page.
"""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatrooms import contacts, groups
from chatrooms.models import Contact, Group
from messaging import payloads
from messaging.contacts import merging, timeline
from messaging.contacts.forms import ContactForm
from messaging.conversations import changes

ENTRIES, CONVERSATIONS, FOUND = 50, 10, 20


@require_safe
def contact(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The contact; `before` goes on below an entry of the timeline."""
    shown = _contact(request, pk)
    history = _history(request, shown)
    if request.htmx and "before" in request.GET:
        return render(request, "contacts/_entries.html", {"contact": shown, **history})
    talks = shown.conversations.select_related("sender_number").order_by("-last_message_at", "-pk")[:CONVERSATIONS]
    own_groups = list(shown.groups.order_by("name"))
    others = Group.objects.filter(chatroom=shown.chatroom_id).exclude(pk__in=[each.pk for each in own_groups])
    context = {
        "own_page": "contact",
        "contact": shown,
        "consent": payloads.consent_of([shown]).get(shown.pk),
        "talks": talks,
        "groups": own_groups,
        "other_groups": others.order_by("name"),
        "further_numbers": shown.further_numbers.order_by("pk"),
        "doubles": contacts.list_doubles(shown),
        **history,
    }
    return render(request, "contacts/contact.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Names, phone and email. What people write here is never replaced by what a provider says."""
    shown = _contact(request, pk)
    form = ContactForm(shown, request.user.organization.default_country, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                _change(request, shown, **form.cleaned_data)
            except contacts.DuplicateContact as error:
                form.add_error("phone", str(error))
                status = 409
            else:
                messages.success(request, _("Contact saved."))
                return _arrive(request, shown)
    context = {"own_page": "contact", "contact": shown, "form": form}
    # htmx swaps what 422 brings; whether two numbers collide or one is wrong, the form is to be corrected.
    if request.htmx:
        return render(
            request, "contacts/_edit.html", context | {"in_dialog": True}, status=422 if status > 200 else 200
        )
    return render(request, "contacts/edit.html", context, status=status)


@require_POST
def block(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop writing to somebody (`blocked` is 1), or go on."""
    shown = _contact(request, pk)
    _change(request, shown, blocked=request.POST.get("blocked") == "1")
    return _arrive(request, shown)


@require_POST
def group(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put the contact into a group of its chatroom, or (`out`) take it out."""
    shown = _contact(request, pk)
    wanted = Group.objects.visible_to(request.user).filter(chatroom=shown.chatroom_id)
    chosen = get_object_or_404(wanted, pk=_uuid(request.POST.get("group", "")))
    if "out" in request.POST:
        groups.remove_member(chosen, shown)
    else:
        groups.add_members(chosen, [shown])
    return _arrive(request, shown)


@require_POST
def number(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make a further number the one that replies go to, or (`forget`) take it away."""
    shown = _contact(request, pk)
    given = request.POST.get("phone", "").replace("\0", "")
    if not shown.further_numbers.filter(phone=given).exists():
        raise Http404
    if "forget" in request.POST:
        contacts.forget_number(shown, given)
    else:
        _change(request, shown, phone=given)
    return _arrive(request, shown)


# ---------------------------------------------------------------- making two contacts one
@require_safe
def merge(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Look for the contact that is the same person."""
    shown = _contact(request, pk)
    search = request.GET.get("search", "").replace("\0", "").strip()[:200]
    found = [] if search else contacts.list_doubles(shown)
    if search:
        found = contacts.list_contacts(request.user, limit=FOUND + 1, chatroom=shown.chatroom, search=search)
        found = [each for each in found if each.pk != shown.pk]
    context = {
        "own_page": "contact",
        "contact": shown,
        "search": search,
        "found": found[:FOUND],
        "more": len(found) > FOUND,
    }
    return render(request, "contacts/_found.html" if request.htmx else "contacts/merge.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def merge_with(request: HttpRequest, pk: UUID, other: UUID) -> HttpResponse:
    """What would move and what would be lost; and doing it."""
    shown, lost = _contact(request, pk), _contact(request, other)
    context = {"own_page": "contact", "contact": shown, "other": lost}
    try:
        context["preview"] = merging.preview_merge(shown, lost)
        if request.method == "POST":
            merging.merge_contacts(shown, lost, by=request.user)
            messages.success(request, _("Contacts merged."))
            return redirect("contact", shown.pk)
    except (merging.SameContact, merging.OtherChatroom) as error:
        return render(request, "contacts/merge_preview.html", context | {"error": error}, status=422)
    except merging.AlreadyGone as error:
        return render(request, "contacts/merge_preview.html", context | {"error": error}, status=409)
    return render(request, "contacts/merge_preview.html", context)


# ---------------------------------------------------------------- what pages are made from
def _contact(request: HttpRequest, pk: UUID) -> Contact:
    return get_object_or_404(Contact.objects.visible_to(request.user).select_related("chatroom"), pk=pk)


def _change(request: HttpRequest, shown: Contact, **values) -> None:
    if contacts.change_contact(shown, by=request.user, **values):
        changes.announce_contact_change(shown)


def _arrive(request: HttpRequest, shown: Contact) -> HttpResponse:
    """Back on the contact's page; a script is told to go there, or to stay in the inbox."""
    address = reverse("contact", args=[shown.pk])
    if request.htmx:
        here = request.htmx.current_url_abs_path or ""
        return HttpResponse(status=204, headers={"HX-Redirect": here if here.startswith("/inbox/") else address})
    return redirect(address)


def _history(request: HttpRequest, shown: Contact) -> dict:
    """A page of the timeline, newest first."""
    before = None
    if given := request.GET.get("before"):
        try:
            before = timeline.parse_timeline_position(given)
        except ValueError:
            raise BadRequest("There is no such place in the timeline.") from None
    entries, older = timeline.list_timeline(shown, limit=ENTRIES, before=before)
    older_url = ""
    if older:
        query = urlencode({"before": timeline.format_timeline_position(older)})
        older_url = f"{reverse('contact', args=[shown.pk])}?{query}"
    return {"entries": entries, "older_url": older_url, "before": before[0] if before else None}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
