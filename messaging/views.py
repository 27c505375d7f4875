"""The inbox in the browser: these views translate between requests and operations, and decide nothing.

What a script asks for (htmx, or a live event) is answered with a part of the page, everything else with a whole one.
"""

from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from messaging import conversations, filters, moments, pages, shell, templates
from messaging.filters import Filters
from messaging.models import MessageTemplate
from messaging.pages import page

MOST_IDS = 100
MOST_TEMPLATES = 200
OVERLAP = timedelta(minutes=2)  # what was begun before the last look may have been committed after it


@require_safe
@page
def inbox(request: HttpRequest) -> HttpResponse:
    """The list of conversations, newest first; `after` goes on below a row."""
    if not request.htmx:
        return render(request, "messaging/inbox.html", pages.whole(request))
    rooms = shell.of(request).rooms
    wanted = Filters.read(request.GET, request.user, rooms)
    if "after" in request.GET:
        context = pages.rows(request, rooms, wanted, after=_position(request.GET["after"]))
        return render(request, "messaging/_conversation_rows.html", context)
    context = pages.rows(request, rooms, wanted) | pages.tabs(request, wanted, rooms) | {"chatrooms": rooms}
    return render(request, "messaging/_list.html", context | {"out_of_band": True})


@require_safe
@page
def conversation(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One conversation, beside the list; `before` goes on above a message."""
    shown = pages.conversation_of(request, pk)
    if not request.htmx:
        return render(request, "messaging/inbox.html", pages.whole(request, shown))
    if "before" in request.GET:
        context = pages.thread(request, shown, after=_position(request.GET["before"]))
        context["colleagues"] = conversations.colleagues(shown)
        return render(request, "messaging/_entries.html", context)
    wanted = Filters.read(request.GET, request.user, shell.of(request).rooms)
    context = pages.opened(request, shown) | {"filter_query": wanted.query, "out_of_band": True}
    return render(request, "messaging/_opened.html", context)


@require_safe
@page
def rows(request: HttpRequest) -> HttpResponse:
    """The rows of these conversations as they are now, as far as they belong to the list, and every count."""
    rooms = shell.of(request).rooms
    wanted = Filters.read(request.GET, request.user, rooms)
    context = pages.rows(request, rooms, wanted, ids=_ids(request))
    context |= {"chatrooms": rooms, "counts": wanted.counts(request.user), "most_counted": filters.MOST_COUNTED}
    return render(request, "messaging/_changed_rows.html", context)


@require_safe
@page
def bubbles(request: HttpRequest) -> HttpResponse:
    """These messages as they are now, as far as the viewer may see them."""
    found = pages.messages_of(request, _ids(request))
    return render(request, "messaging/_changed_entries.html", {"entries": found, "me": str(request.user.pk)})


@require_safe
@page
def side(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What stands around a thread as it is now, and the notes and acts since a moment."""
    shown = pages.conversation_of(request, pk)
    begin = pages.since(request.GET.get("since", "")) - OVERLAP
    wanted = Filters.read(request.GET, request.user, shell.of(request).rooms)
    found = pages.entries(
        notes=conversations.notes_between(shown, begin, None),
        activities=conversations.activities_between(shown, begin, None),
    )
    context = pages.side(request, shown) | pages.composer(request, shown)
    return render(request, "messaging/_side.html", context | {"entries": found, "filter_query": wanted.query})


@require_safe
@page
def template_picker(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The templates that may be used here, filled in for the contact."""
    shown = pages.conversation_of(request, pk)
    usable = MessageTemplate.objects.visible_to(request.user).filter(Q(chatroom=shown.chatroom_id) | Q(chatroom=None))
    found = [
        {"template": each, "parts": templates.filled(each, shown.contact, sender=request.user)}
        for each in usable.order_by(Lower("name"), "pk")[:MOST_TEMPLATES]
    ]
    return render(request, "messaging/_templates.html", {"templates": found, "conversation": shown})


@require_safe
@page
def commands(request: HttpRequest) -> HttpResponse:
    """The menu of all actions, and the list of keys."""
    return render(request, "messaging/_commands.html", {"commands": pages.commands()})


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return redirect("inbox")


# ---------------------------------------------------------------- what an address says
def _position(text: str) -> conversations.Position:
    moment, _, pk = text.partition(",")
    try:
        return moments.read(moment), UUID(pk)
    except ValueError:
        filters.refuse("position")


def _ids(request: HttpRequest) -> list[UUID]:
    return [filters.uuid(text) for text in request.GET.get("ids", "").split(",")[:MOST_IDS]]
