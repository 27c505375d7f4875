"""/manage/channels/<id>/: where an alert leads, which knows an account or a channel and not which kind. For admins."""

from uuid import UUID

from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.pages.manage import admins_only
from integrations.models import Channel, Platform


@require_safe
@admins_only
def find_subject(request: HttpRequest, pk: UUID) -> HttpResponse:
    """To its page with the doctor; to the list of its kind where it is not in service."""
    mine = Channel.every.filter(Q(pk=pk) | Q(account=pk), organization_id=request.user.organization_id)
    channel = mine.order_by(F("retired_at").asc(nulls_first=True), "created_at", "pk").first()
    if channel is None or channel.platform == Platform.SMS:
        in_service = channel is not None and channel.retired_at is None
        return redirect("manage-number", channel.pk) if in_service and channel else redirect("manage-numbers")
    return redirect("manage-pages") if channel.retired_at else redirect("manage-page", channel.account_id)
