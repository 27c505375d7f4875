"""What makes the product an app that a phone can install: manifest, service worker, and the page without a network."""

import json
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

CODE = Path(__file__).with_name("service-worker.js")
CANVAS, ACCENT = "#f3f1ec", "#0b6570"
ICONS = (
    ("app-192", "192x192", "any"),
    ("app-512", "512x512", "any"),
    ("app-maskable-512", "512x512", "maskable"),
)


@login_not_required
@require_safe
@cache_control(max_age=3600)
def manifest(request: HttpRequest) -> HttpResponse:
    """https://www.w3.org/TR/appmanifest/"""
    icons = [
        {"src": static(f"ui/icons/{name}.png"), "sizes": sizes, "type": "image/png", "purpose": purpose}
        for name, sizes, purpose in ICONS
    ]
    document = {
        "id": "/",
        "name": "MessageHub",
        "short_name": "MessageHub",
        "description": _("A shared inbox for SMS, Messenger and Instagram."),
        "start_url": reverse("inbox"),
        "scope": "/",
        "display": "standalone",
        "background_color": CANVAS,
        "theme_color": ACCENT,
        "icons": icons,
    }
    return JsonResponse(document, content_type="application/manifest+json")


@login_not_required
@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """At the top, because a service worker is in charge of the addresses below its own."""
    offline, icon = reverse("offline"), static("ui/icons/app-192.png")
    shell = [offline, static("ui/ui.css"), static("ui/favicon.svg"), icon]
    values = {"SHELL": shell, "OFFLINE": offline, "ICON": icon}
    first_lines = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
    return HttpResponse(first_lines + CODE.read_text(), content_type="text/javascript; charset=utf-8")


@login_not_required
@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Kept by the service worker, so it is the same for everybody."""
    return render(request, "offline.html")
