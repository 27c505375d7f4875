"""/api/schema, the OpenAPI document, and /api/docs: a quickstart, and the document to read and try."""

from functools import cache

import orjson
from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

MEDIA_TYPE = "application/vnd.oai.openapi+json"


@cache
def document() -> bytes:
    """The same for everybody: it tells what there is, not what one may."""
    return orjson.dumps(SchemaGenerator().get_schema(request=None, public=True))


@login_not_required
@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    return HttpResponse(document(), content_type=MEDIA_TYPE)


@csp_update({"img-src": ["data:"]})  # Swagger UI's arrows; a picture runs nothing
@login_not_required
@require_safe
def browser(request: HttpRequest) -> HttpResponse:
    return render(request, "docs.html", {"base_url": settings.PUBLIC_BASE_URL})
