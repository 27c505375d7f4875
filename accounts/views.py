"""Signing in and out in the browser."""

import json

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import sessions
from accounts.forms import LoginForm
from messagehub import limits


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    form = LoginForm(request.POST or None)
    if request.method == "GET":
        return _login_page(request, form) if request.user.is_anonymous else redirect(_next(request))
    if not form.is_valid():
        return _login_page(request, form, status=400)
    try:
        sessions.sign_in(request, **form.cleaned_data)
    except sessions.WrongCredentials as error:
        return _login_page(request, form, error, status=401)
    except sessions.OperatorsUseAdmin as error:
        return _login_page(request, form, error, status=403)
    except limits.TooMany as error:
        return _login_page(request, form, error, status=429, retry_after=error.retry_after)
    except limits.Unavailable:
        error = _("Signing in is not possible right now. Nothing is wrong with your password: try again in a minute.")
        return _login_page(request, form, error, status=503, retry_after=30)
    return redirect(_next(request))


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    sessions.sign_out(request)
    response = redirect("login")
    response["Clear-Site-Data"] = '"storage"'  # drafts are not for the next person at this browser
    return response


def _login_page(request, form, error: object = None, *, status: int = 200, retry_after: int = 0) -> HttpResponse:
    if error:
        form.add_error(None, str(error))
    context = {"form": form, "next": _next(request), "demo_logins": _demo_logins()}
    response = render(request, "accounts/login.html", context, status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def _next(request: HttpRequest) -> str:
    """Where the person was going, if that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else settings.LOGIN_REDIRECT_URL


def _demo_logins() -> list[dict]:
    path = settings.LOCAL_DIR / "demo.json"
    if not settings.DEMO or not path.exists():
        return []
    return json.loads(path.read_text())["users"]
