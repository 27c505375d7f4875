"""Contacts' pictures: our own copies of what their provider shows."""

from uuid import UUID

from csp.decorators import csp
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from chatrooms.models import Contact
from messagehub.images import picture_size

CLOSED = {"default-src": ["'none'"], "sandbox": [True]}


@require_safe
@cache_control(private=True, max_age=3600)
@csp(CLOSED)
def show_picture(request: HttpRequest, pk: UUID) -> HttpResponse:
    contact = get_object_or_404(Contact.objects.visible_to(request.user), pk=pk)
    path = contact.profile_picture_url
    if not path.startswith(f"{contact.organization_id}/"):
        raise Http404
    try:
        with default_storage.open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise Http404 from None
    picture = picture_size(content)
    if picture is None:
        raise Http404
    return HttpResponse(content, content_type=picture[0])
