"""/me/: one's own name, password, second factor, sign-ins and API keys. Plain forms, each with its address."""

from collections.abc import Callable
from functools import wraps

from django import forms
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import keys, redirects, second_factor, sessions, team
from accounts.models import ApiKey, SignIn, User
from accounts.pages.me_forms import (
    CurrentPasswordForm,
    KeyForm,
    LanguageForm,
    NameForm,
    NotificationsForm,
    PasswordForm,
    RowsForm,
    SecondFactorForm,
)
from messagehub import encryption
from messagehub.ui.templatetags.ui import THEMES

NEW_SECRET = "new_second_factor"  # noqa: S105  in the browser's session, as ciphertext, until a code proves it
YEAR = 365 * 24 * 3600


def own(view: Callable) -> Callable:
    """A form's target: it may say what was done, and secrets in it are not reported."""
    return sensitive_post_parameters()(require_POST(wraps(view)(view)))


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    return _page(request)


@own
def name(request: HttpRequest) -> HttpResponse:
    form = NameForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, name_form=form)
    team.change_user(request.user, by=request.user, name=form.cleaned_data["name"])
    return redirect("me")


@own
def password(request: HttpRequest) -> HttpResponse:
    """A new password ends every other sign-in; this browser gets a fresh one."""
    user: User = request.user
    form = PasswordForm(request, request.POST)
    if not form.is_valid():
        return _page(request, password_form=form)
    proved = bool(request.session.get(sessions.SECOND_FACTOR))
    sessions.change_password(user, form.cleaned_data["password"])
    sessions.start_session(request, user, second_factor_done=proved)
    return _page(request, done=_("Password changed. You've been signed out everywhere else."))


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """How this browser shows every page: `light`, `dark`, or anything else for as the device does."""
    response = HttpResponse(status=204) if request.htmx else redirect(redirects.next_page_url(request, reverse("me")))
    wanted = request.POST.get("theme")
    if wanted in THEMES:
        response.set_cookie("theme", wanted, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


@own
def notifications(request: HttpRequest) -> HttpResponse:
    return _save_choice(request, NotificationsForm)


@own
def language(request: HttpRequest) -> HttpResponse:
    return _save_choice(request, LanguageForm)


@own
def rows(request: HttpRequest) -> HttpResponse:
    return _save_choice(request, RowsForm)


def _save_choice(request: HttpRequest, form_class: type[forms.Form]) -> HttpResponse:
    """A form of choices, which a browser can't fill in wrongly."""
    form = form_class(request.POST)
    if not form.is_valid():
        raise BadRequest("There is no such choice.")
    User.objects.filter(pk=request.user.pk).update(**form.cleaned_data)
    return redirect("me")


# ---------------------------------------------------------------- second factor
@require_safe
def second_factor_picture(request: HttpRequest) -> HttpResponse:
    """The secret that is being set up, for a camera."""
    if NEW_SECRET not in request.session:
        raise Http404
    return HttpResponse(
        second_factor.draw_enrollment_code(request.user, _new_secret(request)), content_type="image/svg+xml"
    )


@own
def second_factor_set_up(request: HttpRequest) -> HttpResponse:
    user: User = request.user
    form = SecondFactorForm(request, request.POST)
    if second_factor.is_set_up(user) or NEW_SECRET not in request.session:
        return redirect("me")
    if form.is_valid():
        try:
            codes = second_factor.set_up_second_factor(user, _new_secret(request), form.cleaned_data["code"])
        except second_factor.WrongCode as error:
            form.add_error("code", str(error))
        else:
            del request.session[NEW_SECRET]
            sessions.note_second_factor(request)
            return _page(request, done=_("Two-factor authentication is on."), codes=codes)
    return _page(request, second_factor_form=form)


@own
def second_factor_remove(request: HttpRequest) -> HttpResponse:
    form = CurrentPasswordForm(request, request.POST)
    if form.is_valid():
        try:
            second_factor.remove_second_factor(request.user)
        except second_factor.StillOwed as error:
            form.add_error(None, str(error))
        else:
            return _page(request, done=_("Two-factor authentication is off."))
    return _page(request, second_factor_form=form)


@own
def recovery_codes(request: HttpRequest) -> HttpResponse:
    form = CurrentPasswordForm(request, request.POST)
    if not form.is_valid() or not second_factor.is_set_up(request.user):
        return _page(request, second_factor_form=form)
    codes = second_factor.renew_recovery_codes(request.user)
    return _page(request, done=_("Your recovery codes were replaced. The old ones no longer work."), codes=codes)


def _new_secret(request: HttpRequest) -> str:
    if NEW_SECRET not in request.session:
        request.session[NEW_SECRET] = encryption.encrypt(second_factor.new_secret())
    return encryption.decrypt(request.session[NEW_SECRET])


# ---------------------------------------------------------------- sign-ins and keys
@own
def end_sign_in(request: HttpRequest, pk) -> HttpResponse:
    sessions.end_sign_in(get_object_or_404(SignIn, pk=pk, user=request.user), by=request.user)
    return redirect("me")


@own
def make_key(request: HttpRequest) -> HttpResponse:
    form = KeyForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, key_form=form)
    _key, secret = keys.create_key(request.user, form.cleaned_data["name"], form.cleaned_data["scopes"])
    return _page(request, secret=secret)


@own
def delete_key(request: HttpRequest, pk) -> HttpResponse:
    keys.delete_key(get_object_or_404(ApiKey, pk=pk, user=request.user), by=request.user)
    return redirect("me")


# ---------------------------------------------------------------- the page
def _page(request: HttpRequest, **more) -> HttpResponse:
    """The whole page, with the form that was refused or with what can be read this once."""
    user: User = request.user
    set_up, owed = second_factor.is_set_up(user), second_factor.is_owed(user)
    refused = any(key.endswith("_form") for key in more)
    context = {
        "own_page": "me",
        "name_form": NameForm(user),
        "language_form": LanguageForm(initial={"language": user.language}, auto_id="language_%s"),
        "rows_form": RowsForm(initial={"compact_rows": user.compact_rows}, auto_id="rows_%s"),
        "notifications_form": NotificationsForm(
            initial={"mail_notifications": user.mail_notifications}, auto_id="notifications_%s"
        ),
        "password_form": PasswordForm(request, auto_id="password_%s"),
        "second_factor_form": (CurrentPasswordForm if set_up else SecondFactorForm)(request, auto_id="factor_%s"),
        "key_form": KeyForm(user, auto_id="key_%s"),
        "set_up": set_up,
        "owed": owed,
        "only_factor": owed and not set_up,
        "codes_left": second_factor.count_recovery_codes(user) if set_up else 0,
        "new_secret": None if set_up else _grouped(_new_secret(request)),
        "sign_ins": user.sign_ins.order_by("-created_at"),
        "this_sign_in": request.session.get(sessions.SIGN_IN),
        "keys": user.api_keys.order_by("-created_at"),
    } | more
    return render(request, "accounts/me.html", context, status=400 if refused else 200)


def _grouped(secret: str) -> str:
    """In fours, to be typed."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
