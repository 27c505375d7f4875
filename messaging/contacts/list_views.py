"""/contacts/: the list, what is done to many contacts at once, a new contact, and the export."""

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.redirects import next_page_url
from chatrooms import contacts, groups
from chatrooms.models import Chatroom, Contact, Group
from messagehub import languages
from messagehub.api.renderers import answer_csv
from messagehub.ui import lists
from messaging.contacts import bulk, consent_views, contact_listing, doubles, exports
from messaging.contacts.contact_listing import Match
from messaging.contacts.filters import ContactListFilterSet
from messaging.contacts.forms import BulkGroupForm, NewContactForm
from messaging.models import ContactImport, GroupChange

LIST = lists.ListDefinition(
    Contact,
    ContactListFilterSet,
    labels={
        "chatroom_id": gettext_lazy("Chatroom"),
        "group_id": gettext_lazy("Group"),
        "platform": gettext_lazy("Channel"),
        "consent": gettext_lazy("Consent"),
        "activity": gettext_lazy("Last activity"),
    },
    search_label=gettext_lazy("Name, number or email"),
)


@require_safe
def show_contacts(request: HttpRequest) -> HttpResponse:
    """The contacts that the viewer may see, filtered."""
    fetch = partial(contact_listing.list_matching_contacts, request.user)
    page = lists.build_list(request, LIST, fetch, contact_listing.position_of_contact)
    imports = ContactImport.objects.visible_to(request.user).defer("content")
    context = {
        "own_page": "contacts",
        "list": page,
        "rows": contact_listing.describe_rows(page.rows),
        "running_import": imports.filter(state__in=RUNNING).order_by("-created_at", "-pk").first(),
        "bulk_groups": list_groups(request),
        "to": request.GET.get("to", ""),
    }
    return render(request, "contacts/list.html", context, status=page.status)


RUNNING = (ContactImport.State.QUEUED, ContactImport.State.UNDOING)


@require_POST
def change_many(request: HttpRequest) -> HttpResponse:
    """Add the selected contacts to a group, export them, write a text to them, or opt them out."""
    back = next_page_url(request, reverse("contacts"))
    try:
        match = read_match(request)
    except lists.NothingSelected:
        messages.error(request, _("Select at least one contact first."))
        return redirect(back)
    if request.POST.get("action") == "export":
        return answer_file(match)
    if request.POST.get("action") == "send":
        return send_to(request, match, back)
    if request.POST.get("action") == "opt_out":
        return consent_views.opt_out_many(request, match, back)
    if request.POST.get("action") != "group":
        raise BadRequest("There is no such action.")
    form = BulkGroupForm(request.user, request.POST)
    if not form.is_valid():
        messages.error(request, form.errors["group"][0])
        return redirect(back)
    group = form.cleaned_data["group"]
    try:
        result = bulk.add_selected_to_group(group, match, by=request.user)
    except groups.GroupGone:
        messages.error(request, _("This group no longer exists. Nothing was changed."))
    else:
        say_result(request, result, say_added(result.changed, group))
    return redirect(back)


@require_POST
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take back what one's own bulk action did to a group. A second time changes nothing."""
    visible_groups = Group.objects.visible_to(request.user)
    changes = GroupChange.objects.select_related("group").filter(user=request.user, group__in=visible_groups)
    change = get_object_or_404(changes, pk=pk)
    try:
        undone = bulk.undo_group_change(change)
    except groups.GroupGone:
        undone = False
    messages.success(request, _("Undone.") if undone else _("This was undone already."))
    return redirect(next_page_url(request, reverse("contacts")))


@require_http_methods(["GET", "HEAD", "POST"])
def create_contact(request: HttpRequest) -> HttpResponse:
    """A new contact. A number that the chatroom knows already leads to the contact who has it."""
    if not Chatroom.objects.visible_to(request.user).exists():
        return render(request, "contacts/no_chatroom.html", {"own_page": "contacts"}, status=403)
    form = NewContactForm(request.user, request.POST or None)
    status, existing = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            chatroom, phone = form.cleaned_data["chatroom"], form.cleaned_data["phone"]
            try:
                contact = contacts.create_contact(by=request.user, **form.cleaned_data)
            except contacts.DuplicateContact as error:
                form.add_error("phone", str(error))
                existing = contacts.find_by_number(chatroom, phone)
            else:
                messages.success(request, _("Contact created."))
                return redirect("contact", contact.pk)
    context = {"own_page": "contacts", "form": form, "existing": existing}
    return render(request, "contacts/new.html", context, status=status)


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """All contacts that match the filters of the address, as CSV."""
    return answer_file(contact_listing.build_match(request.user, **lists.read_query(request.GET, LIST, request)))


@require_safe
def duplicates(request: HttpRequest) -> HttpResponse:
    """Contacts that are probably one person."""
    pairs = doubles.list_probable_doubles(request.user)
    context = {"own_page": "contacts", "pairs": pairs, "most": doubles.MOST_PAIRS}
    return render(request, "contacts/duplicates.html", context)


# ---------------------------------------------------------------- what pages of groups use too
def read_match(request: HttpRequest) -> Match:
    """The contacts that the form of a bulk action is for. Raises NothingSelected."""
    selection = lists.read_selection(request, LIST)
    return contact_listing.build_match(request.user, ids=selection.ids, **selection.filters)


def send_to(request: HttpRequest, match: Match, back: str) -> HttpResponse:
    """The Send page with these contacts on it. Numbers stay out of addresses, which are written to logs."""
    try:
        chatroom_id, contact_ids = contact_listing.choose_recipients(match, most=lists.MOST_SELECTED)
    except contact_listing.CannotWriteToThem as error:
        messages.error(request, str(error))
        return redirect(back)
    request.session[lists.CHOSEN_CONTACTS] = [str(pk) for pk in contact_ids]
    return redirect(f"{reverse('send')}?{urlencode({'chatroom': chatroom_id, 'chosen': 1})}")


def say_added(count: int, group: Group) -> str:
    words = ngettext("{n} contact added to {group}.", "{n} contacts added to {group}.", count)
    return words.format(n=languages.format_number(count), group=group.name)


def say_result(request: HttpRequest, result: bulk.BulkResult, words: str) -> None:
    """What a bulk action did, and with a button to undo it where it did anything."""
    if result.unchanged:
        words += " " + ngettext("{n} needed no change.", "{n} needed no change.", result.unchanged).format(
            n=languages.format_number(result.unchanged)
        )
    if result.elsewhere:
        words += " " + ngettext(
            "{n} is in another chatroom and was left out.",
            "{n} are in other chatrooms and were left out.",
            result.elsewhere,
        ).format(n=languages.format_number(result.elsewhere))
    if result.change_id:
        lists.say_undoable(request, words, reverse("contacts-undo", args=[result.change_id]))
    else:
        messages.success(request, words)


def list_groups(request: HttpRequest) -> list[Group]:
    """The groups that contacts can be added to, by name."""
    return list(Group.objects.visible_to(request.user).select_related("chatroom").order_by("name", "pk"))


def answer_file(match: Match) -> FileResponse:
    return answer_csv(exports.export_contacts(match), "contacts")
