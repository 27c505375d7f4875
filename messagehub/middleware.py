"""What every answer has in common, whichever page or endpoint gave it."""

from functools import cache
from zoneinfo import available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers


class TimeZoneMiddleware:
    """Shows times in the viewer's zone: the browser's, as its cookie names it, else the organization's.

    Stands after TenantMiddleware, which lets the organization be read.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if request.path.startswith("/api/") or not user.is_authenticated or user.organization_id is None:
            return self.get_response(request)
        named = request.COOKIES.get("timezone", "")
        with timezone.override(named if named in _known_zones() else user.organization.time_zone):
            return self.get_response(request)


@cache
def _known_zones() -> set[str]:
    return available_timezones()


class NoStoreMiddleware:
    """Lets no cache keep an answer that does not say otherwise: nearly all of them are about somebody's customers."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response
