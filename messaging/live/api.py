"""/api/events: the socket's frames for clients that poll."""

import orjson
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from chatrooms.models import Chatroom
from messagehub.api import conventions
from messagehub.api.schema import operation
from messaging.live import cursors, event_log
from messaging.live.serializers import EventFilters
from messaging.payload_schema import (
    EventsSerializer,
)


class EventsView(APIView):
    """The socket's frames for clients that poll: `?after=` the last cursor seen; without it, the cursor of now."""

    @operation("List events", query=EventFilters, answers={200: EventsSerializer})
    def get(self, request):
        conventions.known_only(request, {"after"}, paged=False)
        rooms = [str(pk) for pk in Chatroom.objects.visible_to(request.user).values_list("pk", flat=True)]
        try:
            after = cursors.read(request.query_params["after"]) if "after" in request.query_params else cursors.now()
        except cursors.BadCursor as error:
            raise ValidationError({"after": [str(error)]}) from None
        if after.too_old:
            raise ValidationError({"after": ["This cursor is more than a day old. Load everything again."]})
        texts, cursor, more = event_log.page(str(request.user.pk), after, rooms)
        following = request.build_absolute_uri(f"{request.path}?after={cursor}") if more else None
        return Response(
            {
                "results": [orjson.Fragment(text) for text in texts],
                "next": following,
                "previous": None,
                "cursor": cursor,
            }
        )
