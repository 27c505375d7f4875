"""/manage/users/: who works here, what they may do, and how they get in. For admins."""

from collections import defaultdict
from collections.abc import Callable
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import team
from accounts.api.filters import UserFilterSet
from accounts.models import SignIn, User
from accounts.pages.manage import admins_only, cut_page, filter_page
from accounts.pages.team_forms import ColleagueForm, DeactivateForm, InviteForm
from messagehub import limits

PEOPLE = 50
REFUSALS = (team.OwnRole, team.LastAdmin, team.AlreadyJoined, team.OwnSecondFactor)


@require_safe
@admins_only
def users(request: HttpRequest) -> HttpResponse:
    return _list_page(request)


@require_POST
@admins_only
def invite(request: HttpRequest) -> HttpResponse:
    """A form that is sent twice invites once."""
    form = InviteForm(request.POST)
    if form.is_valid():
        wanted = form.cleaned_data
        try:
            team.invite_user(request.user.organization, **wanted, by=request.user)
        except team.AlreadyHere as error:
            if not _is_invited_so(request, **wanted):
                form.add_error("email", str(error))
        if form.is_valid():
            words = _("{name} is invited. The link in the mail to {email} is valid for seven days.")
            messages.success(request, words.format(name=wanted["name"], email=wanted["email"]))
            return redirect("manage-users")
    return _list_page(request, form, status=422)


def _is_invited_so(request: HttpRequest, email: str, **values) -> bool:
    """Whether the same invitation is pending, as after a double click."""
    pending = _people(request).filter(joined_at=None, is_active=True, email__iexact=email)
    return pending.filter(**values).exists()


@require_safe
@admins_only
def user(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _person_page(request, _find(request, pk))


@require_POST
@admins_only
def change(request: HttpRequest, pk: UUID) -> HttpResponse:
    person = _find(request, pk)
    form = ColleagueForm(request.POST)
    if form.is_valid():
        try:
            team.change_user(person, by=request.user, **form.cleaned_data)
        except (team.OwnRole, team.LastAdmin) as error:
            form.add_error("role", str(error))
        else:
            messages.success(request, _("{name} is saved.").format(name=person.name))
            return redirect("manage-user", person.pk)
    return _person_page(request, _find(request, pk), status=422, form=form)


@require_POST
@admins_only
def deactivate(request: HttpRequest, pk: UUID) -> HttpResponse:
    person = _find(request, pk)
    form = DeactivateForm(person, request.POST)
    if form.is_valid():
        try:
            team.deactivate_user(person, by=request.user, hand_over_to=form.cleaned_data["hand_over_to"])
        except (team.OwnRole, team.LastAdmin) as error:
            return _person_page(request, _find(request, pk), status=422, problem=str(error))
        except team.SuccessorUnavailable as error:
            form.add_error("hand_over_to", str(error))
        else:
            messages.success(request, _("{name} can't sign in any more.").format(name=person.name))
            return redirect("manage-user", person.pk)
    return _person_page(request, _find(request, pk), status=422, deactivate_form=form)


@require_POST
@admins_only
def reactivate(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _act(request, pk, _reactivate, _("{name} can sign in again. New API keys have to be created."))


def _reactivate(person: User, *, by: User) -> None:
    team.change_user(person, by=by, is_active=True)


@require_POST
@admins_only
def reset_second_factor(request: HttpRequest, pk: UUID) -> HttpResponse:
    words = _("Two-factor authentication of {name} is reset, and they are signed out everywhere.")
    return _act(request, pk, team.reset_second_factor, words)


@require_POST
@admins_only
def mail_password(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _act(request, pk, team.mail_password_reset, _("A link to set a new password is on its way to {email}."))


@require_POST
@admins_only
def resend(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _act(request, pk, _resend, _("The invitation is on its way to {email} again."))


def _resend(person: User, *, by: User) -> None:
    limits.count_attempt("reset_per_account", person.email)
    team.mail_invitation_again(person, by=by)


@require_POST
@admins_only
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    words = _("The invitation of {email} is withdrawn. Its link no longer works.")
    return _act(request, pk, team.withdraw_invitation, words, to="manage-users")


def _act(request: HttpRequest, pk: UUID, operation: Callable, words: str, to: str = "manage-user") -> HttpResponse:
    """One button of a person's page: done and said, or refused in the operation's own words."""
    person = _find(request, pk)
    values = {"name": person.name, "email": person.email}
    try:
        operation(person, by=request.user)
    except limits.TooMany as error:
        return _person_page(request, _find(request, pk), status=422, problem=str(error))
    except REFUSALS as error:
        return _person_page(request, _find(request, pk), status=422, problem=str(error))
    messages.success(request, words.format(**values))
    return redirect(to) if to == "manage-users" else redirect(to, pk)


# ---------------------------------------------------------------- the pages
def _people(request: HttpRequest) -> QuerySet[User]:
    return User.objects.filter(organization_id=request.user.organization_id)


def _described(people: QuerySet[User]) -> QuerySet[User]:
    """With when they were last here, and whether they have a second factor."""
    seen = SignIn.objects.filter(user=OuterRef("pk"), last_seen_at__isnull=False).order_by("-last_seen_at")
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.TOTP)
    return people.select_related("token_account").annotate(
        last_seen=Subquery(seen.values("last_seen_at")[:1]), has_factor=Exists(factor)
    )


def _find(request: HttpRequest, pk: UUID) -> User:
    return get_object_or_404(_described(_people(request)), pk=pk)


def _list_page(request: HttpRequest, form: InviteForm | None = None, status: int = 200) -> HttpResponse:
    people, more = cut_page(request, filter_page(request, UserFilterSet, _described(_people(request))), PEOPLE)
    rooms = _name_rooms(people)
    for person in people:
        person.rooms = rooms[person.pk]
    filters = {name: request.GET.get(name, "") for name in UserFilterSet.base_filters}
    context = {
        "own_page": "manage-users",
        "people": people,
        "more": more,
        "filters": filters,
        "is_filtered": any(filters.values()),
        "form": form or InviteForm(auto_id="invite_%s"),
        "states": [("active", _("Active")), ("pending", _("Invited")), ("deactivated", _("Deactivated"))],
    }
    return render(request, "accounts/users.html", context, status=status)


def _person_page(request: HttpRequest, person: User, status: int = 200, **more) -> HttpResponse:
    # By a reverse relation, because conversations are not known here.
    in_hand = person.assigned_conversations.exclude(status="CLOSED").count()
    context = {
        "own_page": "manage-users",
        "person": person,
        "is_self": person.pk == request.user.pk,
        "rooms": _name_rooms([person])[person.pk],
        "in_hand": in_hand,
        "sign_in_count": person.sign_ins.count(),
        "form": ColleagueForm(initial={"name": person.name, "role": person.role}),
        "deactivate_form": DeactivateForm(person),
    } | more
    return render(request, "accounts/user.html", context, status=status)


def _name_rooms(people: list[User]) -> dict[UUID, list[str]]:
    """The names of the chatrooms that agents are assigned to."""
    # By reverse relations, because chatrooms are not known here.
    names = defaultdict(list)
    assigned = User.objects.filter(pk__in=[person.pk for person in people], user_chatrooms__chatroom__archived_at=None)
    rows = assigned.values_list("pk", "user_chatrooms__chatroom__name").order_by("user_chatrooms__chatroom__name")
    for user_id, name in rows:
        if name:
            names[user_id].append(name)
    return names
