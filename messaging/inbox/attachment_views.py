"""/attachments/<id>/: our own copies of what came with messages.

Whatever a customer sent can't act as a page of ours: only pictures, sounds and films are shown, under a policy that
allows nothing.
"""

import re
from uuid import UUID

from csp.decorators import csp
from django.core.files import File
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from messagehub.images import FILMS, SHOWN, SOUNDS
from messaging.models import Attachment

RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})?")
CLOSED = {"default-src": ["'none'"], "sandbox": [True]}


@require_safe
@cache_control(private=True, max_age=24 * 3600, immutable=True)
@csp(CLOSED)
def show_attachment(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The file, or the range of it that a player asks for; shown or played if browsers can, else saved."""
    attachment = get_object_or_404(Attachment.objects.visible_to(request.user).select_related("upload"), pk=pk)
    if attachment.state != Attachment.State.STORED:
        raise Http404
    is_picture = attachment.content_type in SHOWN and attachment.width is not None
    is_played = attachment.content_type in SOUNDS + FILMS
    try:
        opened = attachment.stored_file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(
        opened,
        as_attachment=not (is_picture or is_played),
        # In one line: what the provider calls it may be a caption, and a header takes no line break.
        filename=" ".join(attachment.name.split()) or f"{attachment.pk}",
        content_type=attachment.content_type if is_picture or is_played else "application/octet-stream",
    )
    return serve_range(response, opened, request.headers.get("Range", "")) if is_played else response


def serve_range(response: FileResponse, opened: File, wanted: str) -> HttpResponse:
    """The answer to a player, which asks for a part of the file to jump there. One range; others get the whole file."""
    # https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
    response["Accept-Ranges"] = "bytes"
    found = RANGE.fullmatch(wanted)
    if not found:
        return response
    start, size = int(found[1]), opened.size
    end = min(int(found[2]) if found[2] else size - 1, size - 1)
    if start > end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    opened.seek(start)
    content = opened.read(end - start + 1)
    opened.close()
    headers = {"Content-Range": f"bytes {start}-{end}/{size}", "Accept-Ranges": "bytes"}
    return HttpResponse(content, status=206, content_type=response["Content-Type"], headers=headers)
