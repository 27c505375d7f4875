"""A contact's pages: details, timeline, and merging. Forms work without scripts; with htmx they open in a dialog."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chatrooms import contacts, groups
from chatrooms.models import Contact, Group
from messagehub import datetimes
from messaging import payloads
from messaging.consent import evidence
from messaging.contacts import merging, personal_data, timeline
from messaging.contacts.forms import ContactForm
from messaging.conversations import changes
from messaging.models import Platform

ENTRIES, CONVERSATIONS, FOUND = 50, 10, 20


@require_safe
def contact(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The contact's page; with `before`, the next page of its timeline."""
    contact = _contact(request, pk)
    history = _history(request, contact)
    if request.htmx and "before" in request.GET:
        return render(request, "contacts/_entries.html", {"contact": contact, **history})
    conversations = contact.conversations.select_related("channel").order_by("-last_message_at", "-pk")[:CONVERSATIONS]
    consent = payloads.consent_of([contact]).get(contact.pk)
    own_groups = list(contact.groups.order_by("name"))
    other_groups = Group.objects.filter(chatroom=contact.chatroom_id).exclude(
        pk__in=[own_group.pk for own_group in own_groups]
    )
    context = {
        "own_page": "contacts",
        "contact": contact,
        "consent": consent,
        "opt_outs": evidence.list_opt_outs(contact) if consent == "opted_out" else [],
        "talks": conversations,
        "groups": own_groups,
        "other_groups": other_groups.order_by("name"),
        "further_numbers": contact.addresses.filter(platform=Platform.SMS, is_primary=False).order_by("pk"),
        "doubles": contacts.list_doubles(contact),
        **history,
    }
    return render(request, "contacts/contact.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    contact = _contact(request, pk)
    form = ContactForm(contact, request.user.organization.default_country, request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                _change(request, contact, **form.cleaned_data)
            except contacts.DuplicateContact as error:
                form.add_error("phone", str(error))
                status = 409
            else:
                messages.success(request, _("Contact saved."))
                return _arrive(request, contact)
    context = {"own_page": "contacts", "contact": contact, "form": form}
    # htmx swaps answers with 200 and 422 only, so a duplicate number, 409 for a browser, is 422 here.
    if request.htmx:
        return render(
            request, "contacts/_edit.html", context | {"in_dialog": True}, status=422 if status > 200 else 200
        )
    return render(request, "contacts/edit.html", context, status=status)


@require_POST
def download_data(request: HttpRequest, pk: UUID) -> FileResponse:
    """All that is kept about the person, as a file for them. By POST, since it is written down who took it."""
    contact = _contact(request, pk)
    return FileResponse(
        personal_data.export_person(contact, by=request.user),
        as_attachment=True,
        filename=f"contact-{contact.pk}.json",
        content_type="application/json",
    )


@require_POST
def block(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Block the contact where `blocked` is 1, else unblock it."""
    contact = _contact(request, pk)
    _change(request, contact, blocked=request.POST.get("blocked") == "1")
    return _arrive(request, contact)


@require_POST
def group(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Add the contact to a group of its chatroom, or remove it with `out`."""
    contact = _contact(request, pk)
    groups_of_chatroom = Group.objects.visible_to(request.user).filter(chatroom=contact.chatroom_id)
    chosen_group = get_object_or_404(groups_of_chatroom, pk=_uuid(request.POST.get("group", "")))
    if "out" in request.POST:
        groups.remove_member(chosen_group, contact)
    else:
        groups.add_members(chosen_group, [contact])
    return _arrive(request, contact)


@require_POST
def number(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Make a further number the primary one, or remove it with `forget`."""
    contact = _contact(request, pk)
    phone = request.POST.get("phone", "").replace("\0", "")
    if not contact.addresses.filter(address=phone, is_primary=False).exists():
        raise Http404
    if "forget" in request.POST:
        contacts.forget_number(contact, phone)
    else:
        _change(request, contact, phone=phone)
    return _arrive(request, contact)


# ---------------------------------------------------------------- making two contacts one
@require_safe
def merge(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Search for a duplicate of the contact."""
    contact = _contact(request, pk)
    search = request.GET.get("search", "").replace("\0", "").strip()[:200]
    candidates = [] if search else contacts.list_doubles(contact)
    if search:
        candidates = contacts.list_contacts(request.user, limit=FOUND + 1, chatroom=contact.chatroom, search=search)
        candidates = [candidate for candidate in candidates if candidate.pk != contact.pk]
    context = {
        "own_page": "contacts",
        "contact": contact,
        "search": search,
        "found": candidates[:FOUND],
        "more": len(candidates) > FOUND,
    }
    return render(request, "contacts/_found.html" if request.htmx else "contacts/merge.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def merge_with(request: HttpRequest, pk: UUID, other: UUID) -> HttpResponse:
    """Preview the merge; POST merges."""
    contact, duplicate = _contact(request, pk), _contact(request, other)
    context = {"own_page": "contacts", "contact": contact, "other": duplicate}
    try:
        context["preview"] = merging.preview_merge(contact, duplicate)
        if request.method == "POST":
            merging.merge_contacts(contact, duplicate, by=request.user)
            messages.success(request, _("Contacts merged."))
            return redirect("contact", contact.pk)
    except (merging.SameContact, merging.OtherChatroom) as error:
        return render(request, "contacts/merge_preview.html", context | {"error": error}, status=422)
    except merging.AlreadyGone as error:
        return render(request, "contacts/merge_preview.html", context | {"error": error}, status=409)
    return render(request, "contacts/merge_preview.html", context)


# ---------------------------------------------------------------- what pages are made from
def _contact(request: HttpRequest, pk: UUID) -> Contact:
    return get_object_or_404(Contact.objects.visible_to(request.user).select_related("chatroom"), pk=pk)


def _change(request: HttpRequest, contact: Contact, **values) -> None:
    if contacts.change_contact(contact, by=request.user, **values):
        changes.announce_contact_change(contact)


def _arrive(request: HttpRequest, contact: Contact) -> HttpResponse:
    """Redirect to the contact's page, or with htmx back to the inbox where the dialog was opened there."""
    address = reverse("contact", args=[contact.pk])
    if request.htmx:
        current_path = request.htmx.current_url_abs_path or ""
        return HttpResponse(
            status=204, headers={"HX-Redirect": current_path if current_path.startswith("/inbox/") else address}
        )
    return redirect(address)


def _history(request: HttpRequest, contact: Contact) -> dict:
    before = None
    if position := request.GET.get("before"):
        try:
            before = datetimes.parse_position(position)
        except ValueError:
            raise BadRequest("There is no such place in the timeline.") from None
    entries, older = timeline.list_timeline(contact, limit=ENTRIES, before=before)
    older_url = ""
    if older:
        query = urlencode({"before": datetimes.format_position(*older)})
        older_url = f"{reverse('contact', args=[contact.pk])}?{query}"
    return {"entries": entries, "older_url": older_url, "before": before[0] if before else None}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
