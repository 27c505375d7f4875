"""/notifications/: one's own mentions and assignments, newest first."""

from urllib.parse import urlencode

from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from integrations import web_push
from messagehub import datetimes
from messaging.models import Notification
from messaging.notifications import notices

PAGE = 50


@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    if request.user.organization_id is None:
        raise PermissionDenied(_("Operators have no notifications. Sign in as somebody of the organization."))
    visible = Notification.objects.visible_to(request.user)
    if before := request.GET.get("before"):
        try:
            moment, pk = datetimes.parse_position(before)
        except ValueError:
            raise BadRequest("This isn't a valid position in the list.") from None
        visible = visible.filter(Q(created_at__lt=moment) | Q(created_at=moment, pk__lt=pk))
    rows = list(
        visible.select_related("actor", "note", "conversation__contact", "conversation__chatroom").order_by(
            "-created_at", "-pk"
        )[: PAGE + 1]
    )
    older_url = ""
    if len(rows) > PAGE:
        last = rows[PAGE - 1]
        position = {"before": datetimes.format_position(last.created_at, last.pk)}
        older_url = f"{reverse('notifications')}?{urlencode(position)}"
    context = {
        "own_page": "notifications",
        "notifications": rows[:PAGE],
        "older_url": older_url,
        "push_key": web_push.public_key(),
    }
    return render(request, "notifications/notifications.html", context)


@require_POST
def see_all(request: HttpRequest) -> HttpResponse:
    notices.mark_seen(request.user)
    return redirect("notifications")
