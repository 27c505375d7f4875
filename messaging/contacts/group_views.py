"""/groups/: the groups, and each with its members."""

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.redirects import next_page_url
from chatrooms import groups
from chatrooms.models import Chatroom, Group
from messagehub import constraints, languages
from messagehub.ui import lists
from messaging.contacts import bulk, contact_listing, group_listing, list_views
from messaging.contacts.filters import GroupListFilterSet
from messaging.contacts.forms import GroupNameForm, NewGroupForm

LIST = lists.ListDefinition(
    Group,
    GroupListFilterSet,
    labels={"chatroom_id": gettext_lazy("Chatroom")},
    search_label=gettext_lazy("Name of a group"),
)
# Of the members of one group, which has one chatroom.
MEMBERS = lists.ListDefinition(
    list_views.LIST.model,
    list_views.LIST.filterset_class,
    labels={name: words for name, words in list_views.LIST.labels.items() if name not in ("chatroom_id", "group_id")},
    search_label=list_views.LIST.search_label,
)


@require_safe
def show_groups(request: HttpRequest) -> HttpResponse:
    fetch = partial(group_listing.list_groups, request.user)
    page = lists.build_list(request, LIST, fetch, lambda row: (row.group.created_at, row.group.pk))
    return render(request, "groups/list.html", {"own_page": "groups", "list": page}, status=page.status)


@require_http_methods(["GET", "HEAD", "POST"])
def create_group(request: HttpRequest) -> HttpResponse:
    """A new group; with filters of contacts in the address (`of`), of all who match these."""
    if not Chatroom.objects.visible_to(request.user).exists():
        return render(request, "contacts/no_chatroom.html", {"own_page": "groups"}, status=403)
    query = request.POST.get("of", request.GET.get("of", ""))
    filters = lists.read_query(QueryDict(query), list_views.LIST, request) if query else {}
    initial = {"chatroom": filters.get("chatroom")}
    form = NewGroupForm(request.user, request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            group = groups.create_group(form.cleaned_data["chatroom"], form.cleaned_data["name"])
        except constraints.NameTaken as error:
            form.add_error("name", str(error))
        else:
            words = _("Group created.")
            if filters:
                match = contact_listing.build_match(request.user, **{**filters, "chatroom": group.chatroom})
                result = bulk.add_selected_to_group(group, match, by=request.user)
                words = list_views.say_added(result.changed, group)
            messages.success(request, words)
            return redirect("group", group.pk)
    count = contact_listing.count_matching_contacts(request.user, **filters) if filters else 0
    context = {
        "own_page": "groups",
        "form": form,
        "of": query,
        "count": count,
        "most": contact_listing.MOST_COUNTED,
    }
    return render(request, "groups/new.html", context, status=422 if form.errors else 200)


@require_safe
def show_group(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A group with its members, and how many of them can be reached."""
    group = _get_group(request, pk)
    fetch = partial(contact_listing.list_matching_contacts, request.user)
    page = lists.build_list(
        request,
        MEMBERS,
        fetch,
        contact_listing.position_of_contact,
        fixed={"group": group, "chatroom": group.chatroom},
    )
    context = {
        "own_page": "groups",
        "group": group,
        "list": page,
        "rows": contact_listing.describe_rows(page.rows),
        "counts": group_listing.count_members(request.user, group),
        "most": contact_listing.MOST_COUNTED,
        "add_url": f"{reverse('contacts')}?{urlencode({'chatroom_id': group.chatroom_id, 'to': group.pk})}",
    }
    return render(request, "groups/group.html", context, status=page.status)


@require_POST
def remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Remove the selected members, or export them."""
    group = _get_group(request, pk)
    back = next_page_url(request, reverse("group", args=[pk]))
    try:
        selection = lists.read_selection(request, MEMBERS)
    except lists.NothingSelected:
        messages.error(request, _("Select at least one contact first."))
        return redirect(back)
    fixed = {"group": group, "chatroom": group.chatroom}
    match = contact_listing.build_match(request.user, ids=selection.ids, **{**selection.filters, **fixed})
    if request.POST.get("action") == "export":
        return list_views.answer_file(match)
    try:
        result = bulk.remove_selected_from_group(group, match, by=request.user)
    except groups.GroupGone:
        messages.error(request, _("This group no longer exists. Nothing was changed."))
        return redirect("groups")
    words = ngettext("{n} contact removed from {group}.", "{n} contacts removed from {group}.", result.changed)
    list_views.say_result(request, result, words.format(n=languages.format_number(result.changed), group=group.name))
    return redirect(back)


@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: HttpRequest, pk: UUID) -> HttpResponse:
    group = _get_group(request, pk)
    form = GroupNameForm(request.POST or None, initial={"name": group.name})
    if request.method == "POST" and form.is_valid():
        try:
            groups.rename_group(group, form.cleaned_data["name"])
        except constraints.NameTaken as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("Group renamed."))
            return redirect("group", pk)
    context = {"own_page": "groups", "group": _get_group(request, pk), "form": form}
    return render(request, "groups/rename.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def delete_group(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Says where the group is used; POST deletes it. Its contacts stay."""
    group = _get_group(request, pk)
    if request.method == "POST":
        groups.delete_group(group)
        messages.success(request, _("Group {name} deleted. Its contacts were kept.").format(name=group.name))
        return redirect("groups")
    context = {
        "own_page": "groups",
        "group": group,
        "campaigns": group_listing.list_campaigns(group),
        "counts": group_listing.count_members(request.user, group),
        "most": contact_listing.MOST_COUNTED,
    }
    return render(request, "groups/delete.html", context)


def _get_group(request: HttpRequest, pk: UUID) -> Group:
    return get_object_or_404(Group.objects.visible_to(request.user).select_related("chatroom"), pk=pk)
