"""What is done with all selected conversations of the inbox, by a bar below the list; only scripts select them."""

import json
from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.models import User
from chatrooms import membership
from messagehub import datetimes
from messaging import context_processors
from messaging.conversations import bulk, changes
from messaging.inbox import list_filters
from messaging.inbox.actions import answer_refusal, tell_done
from messaging.inbox.context import MOST_COLLEAGUES
from messaging.inbox.forms import NOBODY, BulkForm, first_error
from messaging.models import Conversation, Label

Status = Conversation.Status


class _NothingToDo(Exception):
    """What was asked for does not exist (any more), in words."""


@require_http_methods(["GET", "HEAD", "POST"])
def change_selected(request: HttpRequest) -> HttpResponse:
    """Assign, label, resolve or reopen the selected conversations; GET answers with what can be chosen."""
    if request.method != "POST":
        return _ask(request)
    try:
        words, undo = _act(request)
    except (_NothingToDo, bulk.TooManyConversations) as refusal:
        return answer_refusal(str(refusal), 422)
    except changes.NewerIsOpen as refusal:
        return answer_refusal(str(refusal), 409)
    return tell_done(render(request, "inbox/_bulk_done.html", {"undo": undo}), words)


def _ask(request: HttpRequest) -> HttpResponse:
    rooms = context_processors.shell_of(request).rooms
    people = membership.people_of_any(rooms).filter(is_active=True).exclude(pk=request.user.pk)
    context = {
        "colleagues": people.order_by("name", "pk")[:MOST_COLLEAGUES],
        "labels": list(Label.objects.visible_to(request.user).order_by(Lower("name"))),
        "too_many": bulk.TooManyConversations(),
    }
    return render(request, "inbox/_bulk.html", context)


# ---------------------------------------------------------------- what a form asks for
def _act(request: HttpRequest) -> tuple[str, str]:
    """Do what the form says; returns what to say about it, and the value of `undo` that undoes it."""
    form, user = BulkForm(request.POST), request.user
    ids = [list_filters.parse_uuid(text) for text in request.POST.getlist("selected")]
    if not form.is_valid():
        raise _NothingToDo(first_error(form))
    values = form.cleaned_data
    if values["undo"]:
        return _undo(values["undo"], user), ""
    if not ids:
        raise _NothingToDo(_("Select at least one conversation first."))
    if label := _find_label(values["add_label"] or values["remove_label"], user):
        return _relabel(ids, label, adds=bool(values["add_label"]), user=user)
    if values["assigned_to"]:
        return _assign(ids, values["assigned_to"], user)
    return _move(ids, values["status"], user)


def _relabel(ids: list[UUID], label: Label, *, adds: bool, user: User) -> tuple[str, str]:
    result = bulk.label_conversations(ids, label, by=user, removes=not adds)
    if adds:
        words = ngettext("{label} added to {n} conversation.", "{label} added to {n} conversations.", _count(result))
    else:
        words = ngettext(
            "{label} removed from {n} conversation.", "{label} removed from {n} conversations.", _count(result)
        )
    undo = {"remove_label" if adds else "add_label": str(label.pk), "ids": [str(pk) for pk in result.previous]}
    return _say(words.format(label=label.name, n=_count(result)), result), _keep(undo, result)


def _assign(ids: list[UUID], person_id: str, user: User) -> tuple[str, str]:
    person = None
    if person_id != NOBODY:
        people = User.objects.filter(organization_id=user.organization_id, is_active=True)
        person = people.filter(pk=list_filters.parse_uuid(person_id)).first()
        if person is None:
            raise _NothingToDo(_("That person doesn't have access to this conversation."))
    result = bulk.assign_conversations(dict.fromkeys(ids, person and person.pk), by=user)
    if person is None:
        words = ngettext("{n} conversation unassigned.", "{n} conversations unassigned.", _count(result))
    elif person == user:
        words = ngettext("{n} conversation assigned to you.", "{n} conversations assigned to you.", _count(result))
    else:
        words = ngettext(
            "{n} conversation assigned to {name}.", "{n} conversations assigned to {name}.", _count(result)
        )
    undo = {"assignees": [[before and str(before), pks] for before, pks in _group(result)]}
    return _say(words.format(n=_count(result), name=person and person.name), result), _keep(undo, result)


def _move(ids: list[UUID], status: str, user: User) -> tuple[str, str]:
    result = bulk.move_conversations(dict.fromkeys(ids, (status, None)), by=user)
    if status == Status.CLOSED:
        words = ngettext("{n} conversation resolved.", "{n} conversations resolved.", _count(result))
    else:
        words = ngettext("{n} conversation reopened.", "{n} conversations reopened.", _count(result))
    undo = {"states": [[before, until and until.isoformat(), pks] for (before, until), pks in _group(result)]}
    return _say(words.format(n=_count(result)), result), _keep(undo, result)


def _undo(undo: dict, user: User) -> str:
    """Give back what was there before. The user may set all of it in other ways, too."""
    try:
        ids = [UUID(pk) for pk in undo.get("ids", [])]
        add, remove = (UUID(undo[name]) if name in undo else None for name in ("add_label", "remove_label"))
        assignees = {UUID(pk): before and UUID(before) for before, pks in undo.get("assignees", []) for pk in pks}
        states = {UUID(pk): _read_state(before, until) for before, until, pks in undo.get("states", []) for pk in pks}
    except (ValueError, TypeError, AttributeError):
        list_filters.refuse_parameter("change")
    left: Counter[str] = Counter()
    if label := _find_label(add or remove, user):
        left += bulk.label_conversations(ids, label, by=user, removes=add is None).left
    if assignees:
        left += bulk.assign_conversations(assignees, by=user).left
    if states:
        left += bulk.move_conversations(states, by=user).left
    return " ".join([_("Undone."), *_say_left(left)])


def _find_label(pk: UUID | None, user: User) -> Label | None:
    """Raises _NothingToDo where it is gone."""
    label = Label.objects.visible_to(user).filter(pk=pk).first() if pk else None
    if pk and label is None:
        raise _NothingToDo(_("This label was deleted."))
    return label


def _read_state(status: str, until: str | None) -> bulk.State:
    """Raises ValueError. What would have been woken meanwhile is open."""
    moment = datetimes.parse_moment(until) if until else None
    if Status(status) != Status.SNOOZED:
        return status, None
    return (status, moment) if moment and datetimes.is_ahead(moment) else (Status.OPEN, None)


# ---------------------------------------------------------------- what is said, and what is kept to undo it
def _count(result: bulk.BulkChange) -> int:
    return len(result.previous)


def _say(words: str, result: bulk.BulkChange) -> str:
    return " ".join([words, *_say_left(result.left)])


def _say_left(left: Counter[str]) -> Iterable[str]:
    if n := left["same"]:
        yield ngettext("{n} needed no change.", "{n} needed no change.", n).format(n=n)
    if n := left["newer_open"]:
        yield ngettext(
            "{n} stayed as it is: the contact has a newer open conversation.",
            "{n} stayed as they are: their contacts have newer open conversations.",
            n,
        ).format(n=n)
    if n := left["no_access"]:
        yield ngettext(
            "{n} is in a chatroom that this person doesn't see.",
            "{n} are in chatrooms that this person doesn't see.",
            n,
        ).format(n=n)


def _group(result: bulk.BulkChange) -> list[tuple]:
    """The values of before, each with the conversations that had it."""
    groups: dict = {}
    for pk, before in result.previous.items():
        groups.setdefault(before, []).append(str(pk))
    return list(groups.items())


def _keep(undo: dict, result: bulk.BulkChange) -> str:
    return json.dumps(undo) if result.previous else ""
