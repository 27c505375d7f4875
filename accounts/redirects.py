"""Where a page leads to next."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def next_page_url(request: HttpRequest, otherwise: str) -> str:
    """Where the person was going (`next`), if that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else otherwise
