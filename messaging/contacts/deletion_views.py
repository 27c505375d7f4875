"""What became of a request for deletion, for whoever has its confirmation code."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations.models import WebhookEvent
from messagehub import tenancy


@login_not_required
@require_safe
def show_deletion(request: HttpRequest, code: str) -> HttpResponse:
    with tenancy.system():
        requests = WebhookEvent.objects.filter(source=WebhookEvent.Source.META_DELETION, dedupe_key=code)
        deletion = requests.only("created_at", "processed_at").first()
    if deletion is None:
        raise Http404
    return render(request, "contacts/deletion.html", {"deletion": deletion, "code": code})
