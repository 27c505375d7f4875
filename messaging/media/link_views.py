"""/media/<signed>/<name>: a file for the provider that sends it; good for whoever has the link until it expires."""

from csp.decorators import csp
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from messagehub import tenancy
from messaging.media import links
from messaging.models import Upload


@login_not_required
@require_safe
@csp({"default-src": ["'none'"], "sandbox": [True]})
def serve_upload(request: HttpRequest, signed: str, name: str) -> HttpResponse:
    """The file; 404 for a link that has expired, was not made here, or whose file is gone."""
    upload_id = links.read_signature(signed)
    with tenancy.system():
        upload = Upload.objects.filter(pk=upload_id).first() if upload_id else None
    if upload is None:
        raise Http404
    try:
        opened = upload.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(
        opened, as_attachment=True, filename=links.build_file_name(upload), content_type=upload.content_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    return response
