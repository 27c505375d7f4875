"""/messages/: every message that the viewer may see, the life of each, and deciding what became of an unknown one."""

from functools import partial
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from messagehub import limits
from messagehub.ui import lists
from messaging import payloads
from messaging.message_log import history, log_listing
from messaging.message_log.filters import MessageLogFilterSet
from messaging.models import UNSUCCESSFUL, Message
from messaging.sending import eligibility, enqueue, message_actions
from tokens import ledger

LIST = lists.ListDefinition(
    Message,
    MessageLogFilterSet,
    labels={
        "state": gettext_lazy("Status"),
        "direction": gettext_lazy("Direction"),
        "platform": gettext_lazy("Channel"),
        "chatroom_id": gettext_lazy("Chatroom"),
        "since": gettext_lazy("From day"),
        "until": gettext_lazy("To day"),
    },
    search_label=gettext_lazy("Person, number, campaign or message ID"),
    links_only={
        "campaign_id": gettext_lazy("Campaign"),
        "contact_id": gettext_lazy("Contact"),
        "error_code": gettext_lazy("Error code"),
    },
)
REFUSALS = (
    ledger.InsufficientTokens,
    ledger.NoAccount,
    limits.TooMany,
    message_actions.WrongMessageState,
    eligibility.SendRefused,
)
ACCEPTED, NOT_SENT, RESEND = "accepted", "not_sent", "resend"


@require_safe
def show_message_log(request: HttpRequest) -> HttpResponse:
    fetch = partial(log_listing.list_log, request.user)
    page = lists.build_list(request, LIST, fetch, lambda row: (row["occurred_at"], row["id"]))
    context = {"own_page": "messages", "list": page, "lines": log_listing.describe_lines(page.rows)}
    return render(request, "messages/list.html", context, status=page.status)


@require_safe
def show_message(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A message and everything that happened to it."""
    return _page(request, _get_message(request, pk))


@require_POST
def decide(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Somebody looked at the provider: an unknown message is there, is not, or is not and is sent again."""
    message, outcome = _get_message(request, pk), request.POST.get("outcome", "")
    if outcome not in (ACCEPTED, NOT_SENT, RESEND):
        raise BadRequest("There is no such outcome.")
    try:
        resent = _settle(message, outcome, by=request.user)
    except REFUSALS as refusal:
        return _page(request, _get_message(request, pk), problem=str(refusal), status=409)
    words = {
        ACCEPTED: _("Marked as sent."),
        NOT_SENT: _("Marked as not sent. You can send it again."),
        RESEND: _("Sent again as a new message."),
    }
    messages.success(request, words[outcome])
    return redirect("message", resent.pk if resent else pk)


@transaction.atomic
def _settle(message: Message, outcome: str, *, by: User) -> Message | None:
    """The new message where it is sent again. A failed or unknown one can be; both changes are made or none."""
    if message.status == Message.Status.UNKNOWN or outcome != RESEND:
        message_actions.settle_message(message, accepted=outcome == ACCEPTED, by=by)
    if outcome != RESEND:
        return None
    enqueue.count_send(by)
    return message_actions.retry_message(message, by=by).message


def _get_message(request: HttpRequest, pk: UUID) -> Message:
    visible_messages = Message.objects.visible_to(request.user)
    return get_object_or_404(
        visible_messages.select_related("contact", "channel", "chatroom", "campaign", "sent_by", "conversation"), pk=pk
    )


def _page(request: HttpRequest, message: Message, problem: str = "", status: int = 200) -> HttpResponse:
    name, tag = log_listing.STATUSES[message.status]
    steps = history.tell_history(message)
    context = {
        "own_page": "messages",
        "message": message,
        "shown": payloads.describe_messages_by_id([message.pk])[message.pk],
        "status_name": name,
        "tag": tag,
        "steps": steps,
        "retried": message.retries.exclude(status__in=UNSUCCESSFUL).exists(),
        "problem": problem,
    }
    return render(request, "messages/message.html", context, status=status)
