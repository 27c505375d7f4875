"""The one map from what goes wrong to an HTTP answer, and the one shape it has."""

import logging
import sys

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_handler

from accounts import organizations, sessions, team
from accounts.api import permissions
from chatrooms import contacts, groups, phones, rooms
from integrations import numbers, pages
from messagehub import constraints, limits
from messaging import idempotency
from messaging.campaigns import lifecycle, responses
from messaging.consent import evidence, offers
from messaging.contacts import csv_files
from messaging.conversations import assignments, changes, listing
from messaging.media import uploads
from messaging.message_templates import templates
from messaging.sending import eligibility, enqueue, message_actions
from tokens import ledger

log = logging.getLogger(__name__)

# exception -> (status, code). One that is about fields of the body has them in `fields`, as answers of 400 show them.
OURS: dict[type[Exception], tuple[int, str]] = {
    ledger.InsufficientTokens: (402, "insufficient_tokens"),
    ledger.NoAccount: (409, "no_token_account"),
    message_actions.WrongMessageState: (409, "not_now"),
    lifecycle.WrongCampaignState: (409, "not_now"),
    responses.NobodyInOutcome: (409, "nobody"),
    eligibility.SendRefused: (409, "refused"),
    ledger.KeyUsed: (422, "idempotency_mismatch"),
    enqueue.ClientIdTaken: (409, "client_id_taken"),
    idempotency.IdempotencyMismatch: (422, "idempotency_mismatch"),
    sessions.SecondFactorOwed: (401, "mfa_required"),
    sessions.WrongCredentials: (401, "wrong_credentials"),
    sessions.OperatorsUseAdmin: (403, "operators_use_admin"),
    permissions.ScopeMissing: (403, "scope_missing"),
    team.AlreadyHere: (409, "duplicate"),
    team.LastAdmin: (409, "last_admin"),
    organizations.OwnSecondFactorFirst: (400, "invalid"),
    team.OwnRole: (409, "own_role"),
    team.SuccessorUnavailable: (400, "invalid"),
    offers.OfferClosed: (409, "not_open"),
    evidence.NoAddress: (409, "no_address"),
    evidence.StillOptedOut: (409, "opted_out"),
    changes.NewerIsOpen: (409, "newer_open"),
    changes.NoWakingTime: (400, "invalid"),
    assignments.AssigneeGone: (400, "invalid"),
    csv_files.BadFile: (400, "invalid"),
    templates.BadTemplate: (400, "invalid"),
    templates.MissingVariables: (400, "invalid"),
    contacts.DuplicateContact: (409, "duplicate"),
    listing.ConversationGone: (404, "not_found"),
    contacts.ContactGone: (404, "not_found"),
    groups.GroupGone: (404, "not_found"),
    rooms.ChatroomHasNumbers: (409, "in_use"),
    rooms.ChatroomArchived: (400, "invalid"),
    lifecycle.CampaignGone: (404, "not_found"),
    contacts.ContactHasConversations: (409, "has_conversations"),
    phones.ImpossibleNumber: (400, "invalid"),
    phones.AreaCodeMissing: (400, "invalid"),
    constraints.NameTaken: (400, "invalid"),
    numbers.Claimed: (409, "claimed"),
    numbers.InUse: (409, "in_use"),
    numbers.BadCredentials: (400, "invalid"),
    numbers.NotInAccount: (400, "invalid"),
    numbers.ProviderAway: (503, "provider_unavailable"),
    pages.BadPageToken: (400, "invalid"),
    pages.WrongPage: (400, "invalid"),
    pages.PageInUse: (409, "in_use"),
    pages.MetaAway: (503, "provider_unavailable"),
    uploads.FileTooLarge: (413, "too_large"),
    uploads.FileUnsupported: (422, "unsupported_file"),
    uploads.UploadInUse: (409, "in_use"),
    uploads.UploadGone: (409, "upload_gone"),
    limits.TooMany: (429, "throttled"),
    limits.Unavailable: (503, "unavailable"),
    RequestDataTooBig: (413, "too_large"),
}
CODES = {
    400: "invalid",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    429: "throttled",
}


# Of the reasons why something may not be sent; all others are 409.
REASONS = {
    "insufficient_tokens": 402,
    "no_access": 403,
    "invalid_number": 422,
    "too_long": 422,
    "text_and_media": 422,
    "media_unsupported": 422,
    "media_too_large": 422,
    "no_sender": 422,
    "outside_messaging_window": 422,
    "quiet_hours": 422,
}


def body(code: str, message: str, **more) -> dict:
    """The shape of every error; `more` is left out where it is empty."""
    return {"error": {"code": code, "message": message, **{name: value for name, value in more.items() if value}}}


def exception_handler(error: Exception, context: dict) -> Response | None:
    """DRF's hook. None lets Django make a 500 of it."""
    if type(error) in OURS:
        status, code = OURS[type(error)]
        code = getattr(error, "code", code)
        message = str(error) if not isinstance(error, RequestDataTooBig) else _("The request body is too large.")
        status = REASONS.get(code, status) if isinstance(error, eligibility.SendRefused) else status
        more = {name: getattr(error, name, None) for name in ("fields", "reasons")}
        response = Response(body(code, message, **more), status=status)
        if isinstance(error, limits.TooMany):
            response["Retry-After"] = str(error.retry_after)
        if status == 503:
            response["Retry-After"] = "5"
        if status == 401:
            response["WWW-Authenticate"] = "Bearer"
        return response
    if isinstance(error, Http404):
        error = exceptions.NotFound(_("Not found."))
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    response = drf_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        fields = flat(error.detail)
        response.data = body("invalid", _sentence(fields), fields=fields)
    else:
        code = getattr(error, "default_code", "error")
        code = code if code in ("csrf_failed",) else CODES.get(response.status_code, code)
        response.data = body(code, str(getattr(error, "detail", error)))
    return response


def flat(detail, path: str = "") -> dict[str, list[str]]:
    """Nested validation errors with dotted paths: {"variables.first_name": ["…"]}."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            found |= flat(inner, f"{path}.{name}" if path else str(name))
        return found
    if isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        found = {}
        for place, inner in enumerate(detail):
            found |= flat(inner, f"{path}.{place}" if path else str(place))
        return found
    return {path or "non_field_errors": [str(text) for text in (detail if isinstance(detail, list) else [detail])]}


def _sentence(fields: dict[str, list[str]]) -> str:
    name, texts = next(iter(fields.items()))
    return texts[0] if name == "non_field_errors" else f"{name}: {texts[0]}"


# ---------------------------------------------------------------- Django's handlers: JSON below /api/, pages elsewhere
def _is_api(request) -> bool:
    return request.path.startswith("/api/")


def not_found(request, exception=None):
    if _is_api(request):
        return JsonResponse(body("not_found", _("Not found.")), status=404)
    return defaults.page_not_found(request, exception)


def bad_request(request, exception=None):
    if _is_api(request):
        return JsonResponse(body("invalid", _("The request is malformed.")), status=400)
    return defaults.bad_request(request, exception)


def forbidden(request, exception=None):
    if _is_api(request):
        return JsonResponse(body("permission_denied", _("You don't have permission to do this.")), status=403)
    return defaults.permission_denied(request, exception)


def server_error(request):
    """500, or 503 while the database is away: that is worth trying again."""
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    status = 503 if away else 500
    if _is_api(request):
        text = (
            _("The database is unavailable. Nothing was changed. Try again in a moment.")
            if away
            else _("Something went wrong on our side.")
        )
        answer = JsonResponse(body("unavailable" if away else "server_error", text), status=status)
    else:
        answer = _problem(request, status)
    if away:
        answer["Retry-After"] = "5"
    return answer


def _problem(request, status: int) -> HttpResponse:
    """The page about a status. It needs nothing but the request's cookies: whatever is broken, it is shown."""
    return HttpResponse(render_to_string(f"{status}.html", {"request": request}), status=status)


def _refusal(request, error: Exception, status: int) -> HttpResponse:
    """The error's own sentence: as a page, or as text where a script asked and shows it."""
    if request.headers.get("HX-Request"):
        return HttpResponse(str(error), status=status, content_type="text/plain; charset=utf-8")
    return HttpResponse(render_to_string("refused.html", {"request": request, "words": str(error)}), status=status)


class PageErrorsMiddleware:
    """What no page caught itself is answered with the status and the words that the API has for it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, error: Exception) -> HttpResponse | None:
        status, code = OURS.get(type(error), (0, ""))
        if _is_api(request) or not status:
            return None
        if status == 404:
            return not_found(request, error)
        if status in (429, 503):
            answer = _problem(request, status)
            answer["Retry-After"] = str(getattr(error, "retry_after", 5))
            return answer
        if isinstance(error, eligibility.SendRefused):
            status = REASONS.get(error.code, status)
        return _refusal(request, error, status)
