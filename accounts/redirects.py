"""Where a page leads to next."""

import re

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

# Anything else would be read as another host, or by django.shortcuts.redirect as the name of a view.
OWN_PATH = re.compile(r"/(?![/\\])[^\s\x00-\x1f\x7f]*")


def next_page_url(request: HttpRequest, otherwise: str) -> str:
    """Where the person was going (`next`), if that is a path of ours."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    ours = OWN_PATH.fullmatch(wanted) and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if ours else otherwise
