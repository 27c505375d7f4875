"""What people do in the inbox's pages, as forms: with a script they are answered with parts, without one with pages.

A script is told by the header `HX-Trigger` what happened, and the fields that undo it.
"""

import json
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from chatrooms import contacts
from messagehub import limits
from messagehub.ui.templatetags.ui import near_time
from messaging import payloads
from messaging.consent import offers
from messaging.conversations import changes, notes, reading
from messaging.inbox import context as inbox_context
from messaging.inbox import list_filters
from messaging.inbox.forms import NOBODY, ChangeForm, NoteForm, OfferForm, ReplyForm, ScheduledForm, first_error
from messaging.inbox.list_filters import Filters
from messaging.models import Conversation, Label, Message, OptOutOffer
from messaging.sending import eligibility, enqueue, message_actions
from messaging.templatetags.thread import display_name
from tokens import ledger

REFUSALS = (
    ledger.InsufficientTokens,
    limits.TooMany,
    message_actions.WrongMessageState,
    eligibility.SendRefused,
    enqueue.ClientIdTaken,
    offers.OfferClosed,
)
Status = Conversation.Status


# ---------------------------------------------------------------- writing
@require_POST
def send(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A reply from the composer where no script runs; with one, the composer uses the API."""
    conversation = inbox_context.get_conversation(request, pk)
    form = ReplyForm(request.POST)
    refused: object = None
    if form.is_valid():
        try:
            enqueue.count_send(request.user)
            sent = enqueue.send_message(conversation, sent_by=request.user, **form.cleaned_data)
        except REFUSALS as refusal:
            refused = refusal
        else:
            return redirect(_back(request, sent.message.conversation_id))
    return _again(request, conversation, refused or first_error(form))


@require_POST
def note(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A note for colleagues; whoever is named in it is mentioned."""
    conversation = inbox_context.get_conversation(request, pk)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return answer_refusal(first_error(form)) if request.htmx else _again(request, conversation, first_error(form))
    content = form.cleaned_data["content"]
    colleagues = notes.list_colleagues(conversation)
    mentions = notes.find_mentioned(content, colleagues)
    try:
        note = notes.add_note(
            conversation, content, author=request.user, mentions=mentions, client_id=form.cleaned_data["client_id"]
        )
    except notes.NoteIdTaken as refusal:
        return answer_refusal(str(refusal), 409) if request.htmx else _again(request, conversation, refusal)
    if not request.htmx:
        return redirect(_back(request, pk))
    note.refresh_from_db()
    context = {
        "entries": inbox_context.build_entries(notes=[note]),
        "colleagues": colleagues,
        "me": str(request.user.pk),
    }
    return render(request, "inbox/_changed_entries.html", context)


@require_POST
def read(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The viewer has read up to this message."""
    conversation = get_object_or_404(Conversation.objects.visible_to(request.user), pk=pk)
    up_to = get_object_or_404(
        Message, conversation=conversation, pk=list_filters.parse_uuid(request.POST.get("up_to", ""))
    )
    reading.mark_read(request.user, conversation, up_to)
    return HttpResponse(status=204)


# ---------------------------------------------------------------- a message that is written already
@require_POST
def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a failed message again; what stands under its bubble then says so, or why not."""
    failed = get_object_or_404(Message.objects.visible_to(request.user), pk=pk)
    refused: object = None
    try:
        enqueue.count_send(request.user)
        message_actions.retry_message(failed, by=request.user)
    except REFUSALS as refusal:
        refused = refusal
    if not request.htmx:
        return redirect(_back(request, failed.conversation_id))
    context = {"message": payloads.describe_messages_by_id([pk])[pk], "refused": refused, "retried": refused is None}
    return render(request, "inbox/_failure.html", context, status=422 if refused else 200)


@require_POST
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Cancel a scheduled message."""
    return _about(
        request,
        pk,
        lambda message: message_actions.cancel_message(message, by=request.user),
        _("Scheduled message canceled. Its tokens were refunded."),
    )


@require_POST
def reschedule(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change the text or the time of a scheduled message."""
    form = ScheduledForm(request.POST)
    if not form.is_valid():
        return answer_refusal(first_error(form))
    return _about(
        request,
        pk,
        lambda message: message_actions.change_message(message, by=request.user, **form.cleaned_data),
        _("Scheduled message updated."),
    )


@require_POST
def settle(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Somebody looked at the provider and says what became of an unknown message."""
    outcome = request.POST.get("outcome", "")
    if outcome not in ("accepted", "not_sent"):
        list_filters.refuse_parameter("outcome")
    accepted = outcome == "accepted"
    words = _("Marked as sent.") if accepted else _("Marked as not sent. You can retry it.")
    return _about(
        request, pk, lambda message: message_actions.settle_message(message, accepted=accepted, by=request.user), words
    )


@require_POST
def close_offer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Opt the writer of a sentence out, or leave them as they are for a reason."""
    offer = get_object_or_404(OptOutOffer.objects.visible_to(request.user), pk=pk)
    form = OfferForm(request.POST)
    if not form.is_valid():
        return answer_refusal(first_error(form))
    accepts, reason = form.cleaned_data["outcome"] == "accept", form.cleaned_data["reason"]
    close, words = (
        (offers.accept_offer, _("Opted out. Only START or a person with a reason lifts it."))
        if accepts
        else (offers.dismiss_offer, _("Dismissed. The customer keeps getting messages."))
    )
    return _about(request, offer.message_id, lambda message: close(offer, by=request.user, reason=reason), words)


def _about(request: HttpRequest, pk: UUID, act, words: str) -> HttpResponse:
    message = get_object_or_404(Message.objects.visible_to(request.user), pk=pk)
    try:
        act(message)
    except REFUSALS as refusal:
        return answer_refusal(str(refusal), 409)
    if not request.htmx:
        return redirect(_back(request, message.conversation_id))
    context = {"entries": inbox_context.build_messages(request, [pk]), "me": str(request.user.pk)}
    return tell_done(render(request, "inbox/_changed_entries.html", context), words)


# ---------------------------------------------------------------- a conversation
@require_POST
def change(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Assign, label, put off, close or reopen a conversation, mark it unread, block its contact."""
    conversation = inbox_context.get_conversation(request, pk)
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return _answer_refused(request, conversation, first_error(form), 422)
    try:
        words, undo = _change(request.user, conversation, form.cleaned_data)
    except _Unknown:
        return _answer_refused(request, conversation, _("That person doesn't have access to this conversation."), 422)
    except (contacts.ContactGone, changes.NewerIsOpen, changes.NoWakingTime) as refusal:
        return _answer_refused(request, conversation, str(refusal), 409)
    if not request.htmx:
        leaves = form.cleaned_data["status"] in (Status.CLOSED, Status.SNOOZED) or form.cleaned_data["snoozed_until"]
        leaves = leaves or form.cleaned_data["unread"]
        query = Filters.read(request).query
        return redirect(reverse("inbox") + query if leaves else _back(request, pk))
    conversation = inbox_context.get_conversation(request, pk)
    context = inbox_context.build_side(request, conversation) | inbox_context.build_composer(request, conversation)
    context["filter_query"] = Filters.read(request).query
    return tell_done(render(request, "inbox/_side.html", context), words, undo)


class _Unknown(Exception):
    """A label or colleague that there is not."""


def _change(user: User, conversation: Conversation, values: dict) -> tuple[str, dict]:
    """Do what the form says; returns what to say about it, and the fields that undo it."""
    if values["unread"]:
        reading.mark_unread(user, conversation)
        return _("Marked as unread."), {}
    if values["blocked"] is not None:
        changes.block_contact(conversation, values["blocked"], by=user)
        name = display_name(conversation.contact)
        words = _("%(name)s is blocked.") if values["blocked"] else _("%(name)s is unblocked.")
        return words % {"name": name}, {"blocked": "no" if values["blocked"] else "yes"}
    if values["add_label"] or values["remove_label"]:
        return _relabel(user, conversation, values["add_label"], values["remove_label"])
    if values["assigned_to"]:
        return _assign(user, conversation, values["assigned_to"])
    return _move(user, conversation, values)


def _relabel(user: User, conversation: Conversation, add: UUID | None, remove: UUID | None) -> tuple[str, dict]:
    label = Label.objects.visible_to(user).filter(pk=add or remove).first()
    if label is None:
        raise _Unknown
    others = [each for each in conversation.labels.all() if each != label]
    changes.change_conversation(conversation, by=user, labels=[*others, label] if add else others)
    words = _("Label %(label)s added.") if add else _("Label %(label)s removed.")
    return words % {"label": label.name}, {"remove_label" if add else "add_label": str(label.pk)}


def _assign(user: User, conversation: Conversation, person_id: str) -> tuple[str, dict]:
    person = None
    if person_id != NOBODY:
        person = next((each for each in notes.list_colleagues(conversation) if str(each.pk) == person_id), None)
        if person is None:
            raise _Unknown
    before = changes.change_conversation(conversation, by=user, assigned_to=person)["assigned_to_id"]
    if person is None:
        words = _("Unassigned.")
    elif person == user:
        words = _("Assigned to you.")
    else:
        words = _("Assigned to %(name)s.") % {"name": person.name}
    return words, {"assigned_to": str(before or NOBODY)}


def _move(user: User, conversation: Conversation, form_values: dict) -> tuple[str, dict]:
    values = {name: form_values[name] for name in ("status", "snoozed_until") if form_values[name]}
    before = changes.change_conversation(conversation, by=user, **values)
    words = {
        Status.OPEN: _("Reopened."),
        Status.PENDING: _("Marked as pending. It reopens when the customer replies."),
        Status.CLOSED: _("%(name)s is resolved.") % {"name": display_name(conversation.contact)},
    }.get(values.get("status"), "")
    if until := values.get("snoozed_until"):
        words = _("%(name)s is snoozed until %(time)s.") % {
            "name": display_name(conversation.contact),
            "time": near_time(until),
        }
    undo = {"status": before.get("status", Status.OPEN)}
    if before.get("snoozed_until"):
        undo["snoozed_until"] = before["snoozed_until"].isoformat()
    return words, undo


# ---------------------------------------------------------------- answers
def _back(request: HttpRequest, pk: UUID) -> str:
    query = Filters.read(request).query
    return reverse("conversation", args=[pk]) + query


def _again(request: HttpRequest, conversation: Conversation, error: object) -> HttpResponse:
    """The whole page with what was written and what is wrong with it."""
    context = inbox_context.build_page(request, conversation) | {
        "error": error,
        "content": request.POST.get("content", ""),
    }
    return render(request, "inbox/inbox.html", context, status=422)


def _answer_refused(request: HttpRequest, conversation: Conversation, words: str, status: int) -> HttpResponse:
    if request.htmx:
        return answer_refusal(words, status)
    return render(
        request, "inbox/inbox.html", inbox_context.build_page(request, conversation) | {"problem": words}, status=status
    )


def answer_refusal(words: str, status: int = 422) -> HttpResponse:
    """For a script, which shows it."""
    return HttpResponse(words, content_type="text/plain; charset=utf-8", status=status)


def tell_done(response: HttpResponse, words: str, undo: dict | None = None) -> HttpResponse:
    response["HX-Trigger"] = json.dumps({"done": {"words": words, "undo": undo or None}})
    return response
