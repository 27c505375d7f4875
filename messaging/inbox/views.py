"""The inbox in the browser: these views translate between requests and operations, and decide nothing.

What a script asks for (htmx, or a live event) is answered with a part of the page, everything else with a whole one.
"""

from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from messagehub import datetimes
from messaging import context_processors
from messaging.conversations import listing, notes
from messaging.inbox import context as inbox_context
from messaging.inbox import list_filters
from messaging.inbox.list_filters import Filters
from messaging.media.forms import find_files
from messaging.message_templates import templates
from messaging.notifications import notices

MOST_IDS = 100
MOST_TEMPLATES = 200
OVERLAP = timedelta(minutes=2)  # what was begun before the last look may have been committed after it


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """The list of conversations, newest first; `after` goes on below a row."""
    if not request.htmx:
        return render(request, "inbox/inbox.html", inbox_context.build_page(request))
    rooms = context_processors.shell_of(request).rooms
    filters = Filters.read(request)
    if "after" in request.GET:
        context = inbox_context.build_rows(request, rooms, filters, after=_position(request.GET["after"]))
        return render(request, "inbox/_conversation_rows.html", context)
    context = (
        inbox_context.build_rows(request, rooms, filters)
        | inbox_context.build_tabs(request, filters, rooms)
        | {"chatrooms": rooms}
    )
    return render(request, "inbox/_list.html", context | {"out_of_band": True})


@require_safe
def conversation(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One conversation, beside the list; `before` goes on above a message."""
    conversation = inbox_context.get_conversation(request, pk)
    if "before" not in request.GET:
        notices.mark_seen(request.user, conversation)
    if not request.htmx:
        return render(request, "inbox/inbox.html", inbox_context.build_page(request, conversation))
    if "before" in request.GET:
        context = inbox_context.build_thread(request, conversation, after=_position(request.GET["before"]))
        context["colleagues"] = notes.list_colleagues(conversation)
        return render(request, "inbox/_entries.html", context)
    filters = Filters.read(request)
    context = inbox_context.build_conversation(request, conversation) | {
        "filter_query": filters.query,
        "out_of_band": True,
    }
    return render(request, "inbox/_opened.html", context)


@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The rows of these conversations as they are now, as far as they belong to the list, and every count."""
    rooms = context_processors.shell_of(request).counted_rooms
    filters = Filters.read(request)
    context = inbox_context.build_rows(request, rooms, filters, ids=_ids(request))
    context |= {"chatrooms": rooms, "counts": filters.counts(request.user), "most_counted": list_filters.MOST_COUNTED}
    return render(request, "inbox/_changed_rows.html", context)


@require_safe
def bubbles(request: HttpRequest) -> HttpResponse:
    """These messages as they are now, as far as the viewer may see them."""
    entries = inbox_context.build_messages(request, _ids(request))
    return render(request, "inbox/_changed_entries.html", {"entries": entries, "me": str(request.user.pk)})


@require_safe
def side(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What stands around a thread as it is now, and the notes and acts since a moment."""
    conversation = inbox_context.get_conversation(request, pk)
    begin = inbox_context.parse_since(request.GET.get("since", "")) - OVERLAP
    filters = Filters.read(request)
    entries = inbox_context.build_entries(
        notes=notes.notes_between(conversation, begin, None),
        lines=notes.lines_between(
            conversation, begin, None
        ),  # also those that were undone, to take them off the screen
    )
    context = inbox_context.build_side(request, conversation) | inbox_context.build_composer(request, conversation)
    return render(request, "inbox/_side.html", context | {"entries": entries, "filter_query": filters.query})


@require_safe
def template_picker(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The templates that may be used here, filled in for the contact."""
    conversation = inbox_context.get_conversation(request, pk)
    offered = templates.list_offered(request.user, conversation.chatroom_id)[:MOST_TEMPLATES]
    files = find_files(address for each in offered for address in each.media_urls)
    choices = [
        {
            "template": each,
            "parts": templates.split_placeholders(each, conversation.contact, sender=request.user),
            "files": [files[address] for address in each.media_urls if address in files],
        }
        for each in offered
    ]
    return render(request, "inbox/_templates.html", {"templates": choices, "conversation": conversation})


@require_safe
def commands(request: HttpRequest) -> HttpResponse:
    """The menu of all actions, and the list of keys."""
    return render(request, "ui/commands.html", {"commands": inbox_context.list_commands(request)})


# ---------------------------------------------------------------- what an address says
def _position(text: str) -> listing.Position:
    try:
        return datetimes.parse_position(text)
    except ValueError:
        list_filters.refuse_parameter("position")


def _ids(request: HttpRequest) -> list[UUID]:
    return [list_filters.parse_uuid(text) for text in request.GET.get("ids", "").split(",")[:MOST_IDS]]
