"""Who may be where in the browser: operators in the back office, and nobody further than setting up what they owe."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import second_factor, sessions

BACK_OFFICE = "/admin/"
OWN_PAGES = ("/me/", "/logout/", "/static/", "/healthz", "/readyz")


class GateMiddleware:
    """After TenantMiddleware, because what admins owe is read inside their organization."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        by_cookie = request.user.is_authenticated and request.token is None
        if by_cookie and not request.path.startswith(OWN_PAGES):
            if not request.session.get(sessions.SECOND_FACTOR) and second_factor.is_owed(request.user):
                return _set_up_first(request)
            if request.user.organization_id is None and not request.path.startswith((BACK_OFFICE, "/api/")):
                return redirect(BACK_OFFICE)
        if request.user.is_authenticated:
            sessions.note_seen(request)
        return self.get_response(request)


def _set_up_first(request: HttpRequest) -> HttpResponse:
    """The API keeps telling operators that they have no business there."""
    if not request.path.startswith("/api/"):
        return redirect(f"{reverse('me')}#second-factor")
    if request.user.organization_id is None:
        code, text = "operators_use_admin", str(sessions.OperatorsUseAdmin())
    else:
        code, text = (
            "mfa_required",
            "Your organization requires two-factor authentication for admins. Set it up at /me/.",
        )
    return JsonResponse({"error": {"code": code, "message": text}}, status=403)
