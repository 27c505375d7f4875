"""The menu of all actions (Ctrl K), and what stands in it on every page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from messagehub.ui import navigation


def list_commands(request: HttpRequest) -> list[dict]:
    """Pages to go to, then what static/ui/keyboard.js can do on each of them."""
    pages = [
        {
            "do": page.url_name,
            "name": _("Go to: {page}").format(page=page.words),
            "key": f"G {page.key}" if page.key else "",
            "href": reverse(page.url_name),
        }
        for page in navigation.list_pages(request.user)
    ]
    acts = [("side", _("Hide or show the sidebar"), "["), ("help", _("Keyboard"), "?")]
    return pages + [{"do": do, "name": name, "key": key} for do, name, key in acts]


@require_safe
def show_commands(request: HttpRequest) -> HttpResponse:
    return render(request, "ui/commands.html", {"commands": list_commands(request)})
