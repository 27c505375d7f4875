"""What every answer has in common, whichever page or endpoint gave it."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from messagehub import datetimes, languages


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
        if named not in datetimes.list_time_zones():
            named = user.organization.time_zone
        with timezone.override(datetimes.read_time_zone(named)):
            return self.get_response(request)


class LanguageMiddleware:
    """Speaks the viewer's language: what they chose, else what the browser asks for.

    Stands after TenantMiddleware, which knows who asks, and before whatever refuses them in words.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = languages.choose_language(request)
        with translation.override(language):
            response = self.get_response(request)
        patch_vary_headers(response, ["Accept-Language"])
        response.headers.setdefault("Content-Language", language)
        return response


class NoStoreMiddleware:
    """Lets no cache keep an answer that does not say otherwise: nearly all of them are about somebody's customers."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response
