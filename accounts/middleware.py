"""Who may be where: operators in the back office, and nobody further than setting up the second factor they owe."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import second_factor, sessions

BACK_OFFICE = "/admin/"
OPERATORS_PAGES = (BACK_OFFICE, "/api/", "/me/", "/login/", "/logout/", "/healthz", "/readyz")
# Whole paths, because what stands below one of them is another thing: /me/keys/ gives API keys away.
ALWAYS_OPEN = {"/login/", "/login/code/", "/logout/", "/api/auth/login", "/api/auth/logout", "/healthz", "/readyz"}
OPEN_FOR_SETTING_UP = {"/me/", "/me/second-factor/", "/me/second-factor/picture.svg", "/me/theme/"}


class GateMiddleware:
    """After TenantMiddleware, because what admins owe is read inside their organization."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user, path = request.user, request.path
        if user.is_authenticated:
            if path not in ALWAYS_OPEN and sessions.lacks_second_factor(
                user, token=request.token, session=request.session
            ):
                if path not in OPEN_FOR_SETTING_UP or second_factor.is_set_up(user):
                    return _refuse_without_factor(request)
            elif user.organization_id is None and not path.startswith(OPERATORS_PAGES):
                return redirect(BACK_OFFICE)
            sessions.note_seen(request)
        return self.get_response(request)


def _refuse_without_factor(request: HttpRequest) -> HttpResponse:
    """Who has set it up signs in again with a code; the others set it up first."""
    set_up = second_factor.is_set_up(request.user)
    if not request.path.startswith("/api/"):
        if not set_up:
            return redirect(f"{reverse('me')}#second-factor")
        sessions.sign_out(request)
        return redirect("login")
    if request.user.organization_id is None:  # the API keeps telling operators that they have no business there
        code, text = "operators_use_admin", str(sessions.OperatorsUseAdmin())
    else:
        code = "mfa_required"
        todo = _("Sign in again with a code.") if set_up else _("Set it up at /me/.")
        text = _("Your organization requires two-factor authentication for admins.") + f" {todo}"
    return JsonResponse({"error": {"code": code, "message": text}}, status=403)
