"""/api/events: live frames for clients that poll."""

import orjson
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from chatrooms.models import Chatroom
from messagehub.api.filters import refuse_unknown_parameters
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantViewSet
from messaging.live import cursors, event_log
from messaging.payload_schema import EventsSerializer

AFTER = OpenApiParameter("after", str, description="The last cursor received. If omitted, returns the current cursor.")


class EventViewSet(TenantViewSet):
    """Events in the chatrooms that the current user can see."""

    @operation("List events", query=AFTER, answers={200: EventsSerializer})
    def list(self, request):
        refuse_unknown_parameters(request, {AFTER.name})
        rooms = [str(pk) for pk in Chatroom.objects.visible_to(request.user).values_list("pk", flat=True)]
        try:
            position = (
                cursors.parse_cursor(request.query_params["after"])
                if "after" in request.query_params
                else cursors.current_cursor()
            )
        except cursors.BadCursor as error:
            raise ValidationError({"after": [str(error)]}) from None
        if position.too_old:
            raise ValidationError({"after": [_("This cursor has expired. Load everything again.")]})
        texts, cursor, has_more = event_log.list_frames(str(request.user.pk), position, rooms)
        following = request.build_absolute_uri(f"{request.path}?after={cursor}") if has_more else None
        results = [orjson.Fragment(text) for text in texts]
        return Response({"results": results, "next": following, "previous": None, "cursor": cursor})
