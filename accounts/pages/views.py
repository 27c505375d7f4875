"""The door in the browser: signing in and out, joining by invitation, and a new password by mail."""

import json
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import invitations, redirects, second_factor, sessions, team
from accounts.pages.forms import CodeForm, EmailForm, JoinForm, LoginForm, NewPasswordForm
from messagehub import limits, tenancy


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    form = LoginForm(request.POST or None)
    if request.method == "GET":
        return _login_page(request, form) if request.user.is_anonymous else redirect(_next(request))
    if not form.is_valid():
        return _login_page(request, form, status=400)
    try:
        sessions.sign_in(request, **form.cleaned_data, in_browser=True)
    except sessions.SecondFactorOwed as owed:
        sessions.remember_half_sign_in(request, owed.user)
        return redirect(f"{reverse('login-code')}?{urlencode({'next': _next(request)})}")
    except sessions.WrongCredentials as error:
        return _login_page(request, form, error, status=401)
    except limits.TooMany as error:
        return _login_page(request, form, _wait(error), status=429, retry_after=error.retry_after)
    except limits.Unavailable:
        error = _("We can't sign you in right now. Your password is fine. Try again in a minute.")
        return _login_page(request, form, error, status=503, retry_after=30)
    return redirect(_next(request))


@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def login_code(request: HttpRequest) -> HttpResponse:
    """The second page of signing in, for who has a second factor."""
    user = sessions.read_half_sign_in(request)
    if user is None:
        return redirect("login")
    form, answer = CodeForm(request.POST or None), {"status": 200}
    if request.method == "POST" and form.is_valid():
        try:
            sessions.finish_sign_in(request, user, form.cleaned_data["code"])
            return redirect(_next(request))
        except sessions.WrongCredentials:
            form.add_error("code", str(second_factor.WrongCode()))
            answer = {"status": 401}
        except limits.TooMany as error:
            form.add_error(None, _wait(error))
            answer = {"status": 429, "retry_after": error.retry_after}
        except limits.Unavailable as error:
            form.add_error(None, str(error))
            answer = {"status": 503, "retry_after": 30}
    words = _("Enter the 6-digit code from your authenticator app, or a recovery code.")
    return _door(request, _("Two-factor authentication"), words, form, _("Sign in"), next=_next(request), **answer)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    sessions.sign_out(request)
    response = redirect("login")
    response["Clear-Site-Data"] = '"storage"'  # drafts are not for the next person at this browser
    return response


# ---------------------------------------------------------------- by a link in a mail
@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, part: str) -> HttpResponse:
    """The page of an invitation's link: a name and a password, and one is in."""
    try:
        user = invitations.find_invited_user(part)
        form = JoinForm(user, request.POST or None, initial={"name": user.name})
        if request.method == "POST" and form.is_valid():
            sessions.start_session(request, team.accept_invitation(part, **form.cleaned_data))
            return redirect(settings.LOGIN_REDIRECT_URL)
    except (invitations.InvitationExpired, team.AddressTaken) as error:
        return _door(request, _("This link is no longer valid"), str(error), status=410)
    with tenancy.organization(user.organization_id):
        title = _("Join %(organization)s") % {"organization": user.organization.name}
    words = _("You will sign in as %(email)s.") % {"email": user.email}
    return _door(request, title, words, form, _("Join"), status=400 if form.errors else 200)


@login_not_required
@require_http_methods(["GET", "POST"])
def password_reset(request: HttpRequest) -> HttpResponse:
    """Ask for a link by mail. The answer is the same for every address: only a job looks whether it exists."""
    form = EmailForm(request.POST or None)
    title = _("Reset your password")
    if request.method == "POST" and form.is_valid():
        try:
            sessions.request_password_reset(form.cleaned_data["email"], request.META.get("REMOTE_ADDR", ""))
        except limits.TooMany as error:
            form.add_error(None, _wait(error))
            return _door(request, title, "", form, _("Send reset link"), status=429, retry_after=error.retry_after)
        except limits.Unavailable as error:
            form.add_error(None, str(error))
            return _door(request, title, "", form, _("Send reset link"), status=503, retry_after=30)
        words = _(
            "If an account exists for %(email)s, we've sent a reset link. Check your spam folder if you don't see it."
        )
        return _door(request, _("Check your email"), words % {"email": form.cleaned_data["email"]})
    words = _("Enter your email and we'll send you a reset link.")
    return _door(request, title, words, form, _("Send reset link"), status=400 if form.errors else 200)


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def password_new(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """The page of a reset's link. Using it ends every sign-in, and one signs in with the new password."""
    user = sessions.find_user_of_reset_link(uid, token)
    if user is None:
        words = _("This link has expired or has already been used.")
        way = reverse("password-reset")
        return _door(request, _("This link is no longer valid"), words, None, _("Send a new link"), way=way, status=410)
    form = NewPasswordForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        sessions.change_password(user, form.cleaned_data["password"])
        words = _("You've been signed out everywhere. Sign in with your new password.")
        return _door(request, _("Password changed"), words, None, _("Sign in"), way=reverse("login"))
    words = _("For %(email)s. You'll be signed out everywhere.") % {"email": user.email}
    return _door(request, _("Set a new password"), words, form, _("Set password"), status=400 if form.errors else 200)


def _door(
    request, title, words, form=None, action="", *, way="", next="", status: int = 200, retry_after: int = 0
) -> HttpResponse:
    """A page of one form, or without one, of where to go on (`way`)."""
    context = {"title": title, "words": words, "form": form, "action": action, "way": way, "next": next}
    response = render(request, "accounts/door.html", context, status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def _login_page(request, form, error: object = None, *, status: int = 200, retry_after: int = 0) -> HttpResponse:
    if error:
        form.add_error(None, str(error))
    context = {"form": form, "next": _next(request), "demo_logins": _demo_logins()}
    response = render(request, "accounts/login.html", context, status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def _wait(error: limits.TooMany) -> str:
    words = ngettext(
        "Too many attempts. Try again in %(n)s second. Your account isn't locked.",
        "Too many attempts. Try again in %(n)s seconds. Your account isn't locked.",
        error.retry_after,
    )
    return words % {"n": error.retry_after}


def _next(request: HttpRequest) -> str:
    return redirects.next_page_url(request, settings.LOGIN_REDIRECT_URL)


def _demo_logins() -> list[dict]:
    path = settings.LOCAL_DIR / "demo.json"
    if not settings.DEMO or not path.exists():
        return []
    return json.loads(path.read_text())["users"]
