"""The inbox in the browser: these views translate between requests and operations, and decide nothing.

What a script asks for (htmx, or a live event) is answered with a part of the page, everything else with a whole one.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache, wraps
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import available_timezones

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from uuid_utils.compat import uuid7

from chatrooms.models import Chatroom, Contact
from messagehub import limits
from messaging import conversations, cursors, outbox, sendability, sending, shapes, shell
from messaging.forms import ReplyForm
from messaging.models import Conversation, Message
from tokens import ledger

ROWS, MESSAGES, ACTIVITIES = 50, 60, 20
MOST_IDS = 100
REFUSALS = (
    ledger.InsufficientTokens,
    limits.TooMany,
    outbox.NotNow,
    sendability.Refused,
    sending.ClientIdTaken,
)


def page(view: Callable) -> Callable:
    """A view whose times are in the viewer's zone and whose answers no cache keeps."""

    @never_cache
    @wraps(view)
    def wrapped(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        named = request.COOKIES.get("timezone", "")
        zone = named if named in _zones() else request.user.organization.time_zone
        with timezone.override(zone):
            return view(request, *args, **kwargs)

    return wrapped


@cache
def _zones() -> set[str]:
    return available_timezones()


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return redirect("inbox")


@require_safe
@page
def inbox(request: HttpRequest) -> HttpResponse:
    """The list of conversations, newest first; `after` goes on below a row."""
    if request.htmx and "after" in request.GET:
        context = _list(request, shell.of(request).rooms, after=_position(request.GET["after"]))
        return render(request, "messaging/_conversation_rows.html", context)
    return render(request, "messaging/inbox.html", _page(request))


@require_safe
@page
def conversation(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One conversation, beside the list; `before` goes on above a message."""
    shown = _conversation(request, pk)
    if request.htmx and "before" in request.GET:
        context = _thread(request, shown, after=_position(request.GET["before"]))
        return render(request, "messaging/_messages.html", context)
    if request.htmx:
        context = _composer(request, shown) | _thread(request, shown) | {"out_of_band": True}
        context |= {"token_balance": shell.of(request).balance, "filter_query": _filter_query(request)}
        return render(request, "messaging/_opened.html", context)
    return render(request, "messaging/inbox.html", _page(request, shown))


@require_POST
@page
def send(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A reply from the composer where no script runs; with one, the composer uses the API."""
    shown = _conversation(request, pk)
    form = ReplyForm(request.POST)
    error: object = None
    if form.is_valid():
        try:
            sending.count(request.user)
            sent = sending.send(shown, sent_by=request.user, **form.cleaned_data)
        except REFUSALS as refusal:
            error = refusal
        else:
            return redirect(reverse("conversation", args=[sent.message.conversation_id]) + _filter_query(request))
    error = error or " ".join(message for messages in form.errors.values() for message in messages)
    context = _page(request, shown) | {"error": error, "content": request.POST.get("content", "")}
    return render(request, "messaging/inbox.html", context, status=422)


@require_POST
@page
def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a failed message again; what stands under its bubble then says so, or why not."""
    failed = get_object_or_404(Message.objects.visible_to(request.user), pk=pk)
    refused: object = None
    try:
        sending.count(request.user)
        outbox.retry(failed, by=request.user)
    except REFUSALS as refusal:
        refused = refusal
    if not request.htmx:
        return redirect("conversation", failed.conversation_id)
    context = {"message": shapes.messages_by_id([pk])[pk], "refused": refused, "retried": refused is None}
    return render(request, "messaging/_failure.html", context, status=422 if refused else 200)


@require_POST
def read(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The viewer has read up to this message."""
    shown = get_object_or_404(Conversation.objects.visible_to(request.user), pk=pk)
    up_to = get_object_or_404(Message, conversation=shown, pk=_uuid(request.POST.get("up_to", "")))
    conversations.mark_read(request.user, shown, up_to)
    return HttpResponse(status=204)


@require_safe
@page
def rows(request: HttpRequest) -> HttpResponse:
    """The rows of these conversations as they are now, as far as they belong to the list, and what is unread."""
    rooms = shell.of(request).rooms
    context = _list(request, rooms, ids=_ids(request)) | {"chatrooms": rooms}
    return render(request, "messaging/_changed_rows.html", context)


@require_safe
@page
def bubbles(request: HttpRequest) -> HttpResponse:
    """These messages as they are now, as far as the viewer may see them."""
    visible = Message.objects.visible_to(request.user).filter(pk__in=_ids(request))
    times = dict(visible.values_list("pk", "occurred_at"))
    found = [shape | {"occurred_at": times[pk]} for pk, shape in shapes.messages_by_id(times).items()]
    contacts = Contact.objects.in_bulk({UUID(message["contact_id"]) for message in found})
    for message in found:
        message["contact"] = contacts[UUID(message["contact_id"])]
    found.sort(key=lambda message: (message["occurred_at"], message["id"]))
    return render(request, "messaging/_changed_bubbles.html", {"messages": found})


# ---------------------------------------------------------------- what a page is made from
def _page(request: HttpRequest, shown: Conversation | None = None) -> dict:
    """The whole inbox. The cursor is read first, so that no event falls between the page and its socket."""
    rooms = shell.of(request).rooms
    context = {
        "cursor": cursors.write({str(room.pk): cursors.part(str(room.pk), room.last_seq) for room in rooms}),
        "chatrooms": rooms,
        "token_balance": shell.of(request).balance,
        "filter_query": _filter_query(request),
        **_list(request, rooms),
    }
    if shown:
        context |= _composer(request, shown) | _thread(request, shown)
    return context


def _list(request: HttpRequest, rooms: list[Chatroom], **narrower) -> dict:
    """A page of rows that fit the filters of the address."""
    by_id = {str(room.pk): room for room in rooms}
    filters = {}
    chatroom = None
    if wanted := request.GET.get("chatroom"):
        chatroom = by_id.get(str(_uuid(wanted)))
        if chatroom is None:
            raise Http404
        filters["chatroom_id"] = chatroom.pk
    if wanted := request.GET.get("status"):
        filters["status"] = wanted if wanted in Conversation.Status else _refuse("status")
    found = conversations.listed(request.user, limit=ROWS + 1, **filters, **narrower)
    more = len(found) > ROWS
    found = found[:ROWS]
    for row in found:
        row["chatroom"] = by_id[row["chatroom_id"]]
    more_url = ""
    if more and "ids" not in narrower:
        last = f"{found[-1]['last_message_at']},{found[-1]['id']}"
        more_url = f"{reverse('inbox')}?{urlencode({**_filters(request), 'after': last})}"
    return {"conversations": found, "more_url": more_url, "chatroom": chatroom, "me": str(request.user.pk)}


def _conversation(request: HttpRequest, pk: UUID) -> Conversation:
    visible = Conversation.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("contact", "chatroom", "sender_number"), pk=pk)


def _thread(request: HttpRequest, shown: Conversation, **where) -> dict:
    """A page of messages, oldest first, and whom they are with."""
    found = conversations.thread(shown, limit=MESSAGES + 1, **where)
    more = len(found) > MESSAGES
    found = found[:MESSAGES][::-1]
    older_url = ""
    if more:
        oldest = f"{found[0]['occurred_at'].isoformat()},{found[0]['id']}"
        older_url = f"{reverse('conversation', args=[shown.pk])}?{urlencode({'before': oldest})}"
    shaped = zip(found, shapes.messages(found), strict=True)
    return {
        "conversation": shown,
        "open_id": str(shown.pk),
        "messages": [shape | {"occurred_at": row["occurred_at"], "contact": shown.contact} for row, shape in shaped],
        "unread": 0 if where else conversations.one(request.user, shown)["unread_count"],
        "older_url": older_url,
        "activities": shown.contact.activities.order_by("-created_at", "-pk")[:ACTIVITIES],
        "me": str(request.user.pk),
    }


def _composer(request: HttpRequest, shown: Conversation) -> dict:
    verdict = sendability.may_send(request.user, shown)
    closed = next((reason for reason in verdict.reasons if reason.code != "insufficient_tokens"), None)
    price = sendability.price(request.user, shown.platform)
    return {"client_id": uuid7(), "price": price, "longest": sending.LONGEST, "cannot_send": closed}


# ---------------------------------------------------------------- what an address says
def _filters(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in ("chatroom", "status") if request.GET.get(name)}


def _filter_query(request: HttpRequest) -> str:
    filters = _filters(request)
    return f"?{urlencode(filters)}" if filters else ""


def _position(text: str) -> conversations.Position:
    moment, _, pk = text.partition(",")
    try:
        return datetime.fromisoformat(moment), UUID(pk)
    except ValueError:
        _refuse("position")


def _ids(request: HttpRequest) -> list[UUID]:
    return [_uuid(text) for text in request.GET.get("ids", "").split(",")[:MOST_IDS]]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        _refuse("id")


def _refuse(what: str):
    raise BadRequest(f"There is no such {what}.")
