"""/manage/chatrooms/: the chatrooms, and which agents work in which. For admins."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.api.filters import UserFilterSet
from accounts.models import User
from accounts.pages.manage import admins_only, cut_page, filter_page, next_query, read_position
from chatrooms import membership, rooms
from chatrooms.forms import ChatroomForm, NewChatroomForm
from chatrooms.models import Chatroom, UserChatroom
from messagehub import constraints

AGENTS, COLUMNS = 25, 8  # so many cells a matrix has at most, however many people and chatrooms there are
ROOMS = 100


@require_safe
@admins_only
def show_chatrooms(request: HttpRequest) -> HttpResponse:
    return _list_page(request)


@require_POST
@admins_only
def add_chatroom(request: HttpRequest) -> HttpResponse:
    form = NewChatroomForm(request.POST, auto_id="new_%s")
    if form.is_valid():
        try:
            room = rooms.create_chatroom(request.user.organization, form.cleaned_data["name"], by=request.user)
        except constraints.NameTaken as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("{name} is created. Choose who works in it.").format(name=room.name))
            return redirect("manage-chatroom", room.pk)
    return _list_page(request, form, status=422)


@require_safe
@admins_only
def show_chatroom(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _room_page(request, _find_room(request, pk))


@require_POST
@admins_only
def save_chatroom(request: HttpRequest, pk: UUID) -> HttpResponse:
    room, form = _find_room(request, pk), ChatroomForm(request.POST)
    if form.is_valid():
        try:
            rooms.change_chatroom(room, **form.cleaned_data, by=request.user)
        except constraints.NameTaken as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("{name} is saved.").format(name=room.name))
            return redirect("manage-chatroom", pk)
    return _room_page(request, _find_room(request, pk), status=422, form=form)


@require_POST
@admins_only
def hide_chatroom(request: HttpRequest, pk: UUID) -> HttpResponse:
    room = _find_room(request, pk)
    try:
        rooms.archive_chatroom(room, by=request.user)
    except rooms.ChatroomHasNumbers as error:
        return _room_page(request, room, status=422, problem=str(error))
    messages.success(request, _("{name} is archived. You can restore it below.").format(name=room.name))
    return redirect("manage-chatrooms")


@require_POST
@admins_only
def bring_back_chatroom(request: HttpRequest, pk: UUID) -> HttpResponse:
    room = _find_room(request, pk)
    try:
        rooms.restore_chatroom(room, by=request.user)
    except constraints.NameTaken:
        words = _("Another chatroom is called {name} now. Rename that one first, then restore this one.")
        return _list_page(request, status=422, problem=words.format(name=room.name))
    messages.success(request, _("{name} is restored.").format(name=room.name))
    return redirect("manage-chatroom", pk)


@require_POST
@admins_only
def save_cell(request: HttpRequest, pk: UUID, user_pk: UUID) -> HttpResponse:
    """One cell of the matrix, as htmx saves it; the answer is the cell as it is now."""
    room, agent = _find_open_room(request, pk), _find_agent(request, user_pk)
    has_access = str(room.pk) in request.POST.getlist("room") or str(agent.pk) in request.POST.getlist("person")
    membership.set_access(agent, {room: has_access}, by=request.user)
    context = {"agent": agent, "cell": {"room": room, "has_access": has_access}, "is_saved": True}
    template = "chatrooms/_person_check.html" if "person_list" in request.POST else "chatrooms/_cell.html"
    return render(request, template, context)


@require_POST
@admins_only
def save_row(request: HttpRequest, user_pk: UUID) -> HttpResponse:
    """A row of the matrix, as a browser without scripts saves it: only the chatrooms that were shown are changed."""
    agent = _find_agent(request, user_pk)
    shown, chosen = request.POST.getlist("shown"), request.POST.getlist("room")
    offered = {str(room.pk): room for room in _rooms(request).filter(archived_at=None)}
    wanted = {offered[key]: key in chosen for key in shown if key in offered}
    membership.set_access(agent, wanted, by=request.user)
    messages.success(request, _("The access of {name} is saved.").format(name=agent.name))
    return redirect("manage-chatrooms")


@require_POST
@admins_only
def save_people(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The people of one chatroom, as a browser without scripts saves them: only those that were shown are changed."""
    room = _find_open_room(request, pk)
    chosen = request.POST.getlist("person")
    try:
        shown = [UUID(key) for key in request.POST.getlist("shown")[:AGENTS]]
    except ValueError:
        raise BadRequest("Unknown person.") from None
    for agent in _agents(request).filter(pk__in=shown).order_by("pk"):
        membership.set_access(agent, {room: str(agent.pk) in chosen}, by=request.user)
    messages.success(request, _("The access to {name} is saved.").format(name=room.name))
    return redirect("manage-chatroom", pk)


# ---------------------------------------------------------------- what there is
def _rooms(request: HttpRequest) -> QuerySet[Chatroom]:
    return Chatroom.objects.filter(organization_id=request.user.organization_id)


def _find_room(request: HttpRequest, pk: UUID) -> Chatroom:
    return get_object_or_404(_rooms(request), pk=pk)


def _find_open_room(request: HttpRequest, pk: UUID) -> Chatroom:
    return get_object_or_404(_rooms(request), pk=pk, archived_at=None)


def _agents(request: HttpRequest) -> QuerySet[User]:
    """Whose access is chosen: admins see every chatroom anyway."""
    return User.objects.filter(organization_id=request.user.organization_id, role=User.Role.AGENT, is_active=True).only(
        "pk", "name", "email", "organization_id", "role", "is_active"
    )


def _find_agent(request: HttpRequest, pk: UUID) -> User:
    return get_object_or_404(_agents(request), pk=pk)


def _access_of(agents: Iterable[User], shown_rooms: Iterable[Chatroom]) -> dict[UUID, set[UUID]]:
    """The chatrooms of each agent, among those shown."""
    pairs = UserChatroom.objects.filter(user__in=[agent.pk for agent in agents], chatroom__in=shown_rooms)
    access_by_agent: dict[UUID, set[UUID]] = defaultdict(set)
    for user_id, chatroom_id in pairs.values_list("user_id", "chatroom_id"):
        access_by_agent[user_id].add(chatroom_id)
    return access_by_agent


# ---------------------------------------------------------------- the pages
def _list_page(
    request: HttpRequest, form: NewChatroomForm | None = None, status: int = 200, problem: str = ""
) -> HttpResponse:
    working = Q(user_chatrooms__user__role=User.Role.AGENT, user_chatrooms__user__is_active=True)
    shown = _rooms(request).annotate(agent_count=Count("user_chatrooms", filter=working))
    open_rooms = list(shown.filter(archived_at=None).prefetch_related("channels").order_by("name", "pk")[: ROOMS + 1])
    columns, more_columns = _columns(request, open_rooms[:ROOMS])
    agents, more_agents = cut_page(request, filter_page(request, UserFilterSet, _agents(request)), AGENTS)
    access_by_agent = _access_of(agents, columns)
    matrix = [
        (agent, [{"room": room, "has_access": room.pk in access_by_agent[agent.pk]} for room in columns])
        for agent in agents
    ]
    context = {
        "own_page": "manage-chatrooms",
        "rooms": open_rooms[:ROOMS],
        "more_rooms": ROOMS if len(open_rooms) > ROOMS else 0,
        "archived": _rooms(request).exclude(archived_at=None).order_by(F("archived_at").desc(), "pk")[:ROOMS],
        "columns": columns,
        "more_columns": more_columns,
        "is_first_columns": not request.GET.get("rooms"),
        "matrix": matrix,
        "more_agents": more_agents,
        "search": request.GET.get("search", ""),
        "form": form or NewChatroomForm(auto_id="new_%s"),
        "problem": problem,
    }
    return render(request, "chatrooms/manage.html", context, status=status)


def _columns(request: HttpRequest, open_rooms: list[Chatroom]) -> tuple[list[Chatroom], str]:
    """The chatrooms that the matrix shows, and the query string of the next ones."""
    position = read_position(request, "rooms")
    keys = [room.pk for room in open_rooms]
    start = keys.index(position) + 1 if position in keys else 0
    columns = open_rooms[start : start + COLUMNS]
    is_last = start + COLUMNS >= len(open_rooms)
    return columns, "" if is_last else next_query(request, rooms=columns[-1].pk)


def _room_page(request: HttpRequest, room: Chatroom, status: int = 200, **more) -> HttpResponse:
    agents, more_agents = cut_page(request, filter_page(request, UserFilterSet, _agents(request)), AGENTS)
    access_by_agent = _access_of(agents, [room])
    context = {
        "own_page": "manage-chatrooms",
        "room": room,
        "senders": room.channels.order_by("platform", "address"),
        "people": [(agent, {"room": room, "has_access": room.pk in access_by_agent[agent.pk]}) for agent in agents],
        "more_agents": more_agents,
        "search": request.GET.get("search", ""),
        "form": ChatroomForm(initial={field: getattr(room, field) for field in ChatroomForm.base_fields}),
    } | more
    return render(request, "chatrooms/chatroom.html", context, status=status)
