"""/attachments/<id>/: our own copies of what came with messages.

Whatever a customer sent can't act as a page of ours: only pictures are shown, under a policy that allows nothing.
"""

from uuid import UUID

from csp.decorators import csp
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from messagehub.images import SHOWN
from messaging.models import Attachment

CLOSED = {"default-src": ["'none'"], "sandbox": [True]}


@require_safe
@cache_control(private=True, max_age=24 * 3600, immutable=True)
@csp(CLOSED)
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The file, shown if it is a picture and saved if it is anything else."""
    attachment = get_object_or_404(Attachment.objects.visible_to(request.user), pk=pk)
    if attachment.state != Attachment.State.STORED:
        raise Http404
    shown = attachment.content_type in SHOWN and attachment.width is not None
    try:
        opened = attachment.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(
        opened,
        as_attachment=not shown,
        filename=attachment.name or f"{attachment.pk}",
        content_type=attachment.content_type if shown else "application/octet-stream",
    )
