"""/api/chatrooms: the workspaces that one may see."""

from django.http import Http404
from rest_framework.response import Response
from rest_framework.views import APIView

from chatrooms.models import Chatroom
from messagehub import rest


def shapes(rooms: list[Chatroom], user) -> list[dict]:
    """Chatrooms as the API shows them, with the viewer's unread count."""
    unread = Chatroom.objects.filter(pk__in=[room.pk for room in rooms]).unread_by(user)
    return [
        {
            "id": str(room.pk),
            "name": room.name,
            "sender_numbers": [
                {"id": str(number.pk), "phone": number.phone, "name": number.name}
                for number in room.sender_numbers.all()
            ],
            "facebook_pages": [],
            "unread_count": unread.get(room.pk, 0),
        }
        for room in rooms
    ]


class ChatroomsView(APIView):
    def get(self, request):
        rest.known_only(request, ())
        rooms = Chatroom.objects.visible_to(request.user).prefetch_related("sender_numbers")
        return rest.page(
            request,
            rest.keyset(rooms, "created_at"),
            lambda room: (room.created_at, room.pk),
            lambda found: shapes(found, request.user),
        )


class ChatroomView(APIView):
    def get(self, request, pk):
        rooms = Chatroom.objects.visible_to(request.user).prefetch_related("sender_numbers")
        room = rooms.filter(pk=pk).first()
        if room is None:
            raise Http404
        return Response(shapes([room], request.user)[0])
