"""/api/chatrooms and /api/user-chatrooms: the workspaces, and who works in them."""

from django.http import Http404
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import AdminChanges, AdminWrites, IsAdmin
from chatrooms import membership, rooms
from chatrooms.models import Chatroom, UserChatroom
from chatrooms.serializers import AssignedSerializer, AssignmentFilters, AssignmentSerializer, ChatroomSerializer
from messagehub.api import conventions
from messagehub.api.schema import operation


def shapes(found: list[Chatroom], user) -> list[dict]:
    """Chatrooms as the API shows them, with the viewer's unread count."""
    unread = Chatroom.objects.filter(pk__in=[room.pk for room in found]).unread_by(user)
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
        for room in found
    ]


def visible(request):
    return Chatroom.objects.visible_to(request.user).prefetch_related("sender_numbers")


class ChatroomsView(APIView):
    """The workspaces that the caller may see."""

    permission_classes = [AdminWrites]

    @operation("List chatrooms", answers={200: [ChatroomSerializer]})
    def get(self, request):
        conventions.known_only(request, ())
        return conventions.page(
            request,
            conventions.keyset(visible(request), "created_at"),
            lambda room: (room.created_at, room.pk),
            lambda found: shapes(found, request.user),
        )

    @operation("Open a chatroom", body=ChatroomSerializer, answers={201: ChatroomSerializer})
    def post(self, request):
        data = conventions.validated(ChatroomSerializer, request, request.data)
        room = rooms.create(request.user.organization, data["name"], by=request.user)
        return conventions.created(request, shapes([room], request.user)[0])


class ChatroomView(APIView):
    """One workspace."""

    permission_classes = [AdminChanges]

    def found(self, request, pk) -> Chatroom:
        room = conventions.found(visible(request), pk)
        self.check_object_permissions(request, room)
        return room

    @operation("Read a chatroom", answers={200: ChatroomSerializer})
    def get(self, request, pk):
        return Response(shapes([self.found(request, pk)], request.user)[0])

    @operation("Rename a chatroom", body=ChatroomSerializer, answers={200: ChatroomSerializer})
    def patch(self, request, pk):
        room = self.found(request, pk)
        data = conventions.validated(ChatroomSerializer, request, request.data, partial=True)
        if "name" in data:
            rooms.rename(room, data["name"], by=request.user)
        return Response(shapes([room], request.user)[0])

    @operation(
        "Archive a chatroom",
        description="Nobody sees it any more, and its conversations are kept.",
        answers={204: None},
    )
    def delete(self, request, pk):
        rooms.archive(self.found(request, pk), by=request.user)
        return Response(status=204)


# ---------------------------------------------------------------- assignments
def assignment_shapes(found: list[UserChatroom]) -> list[dict]:
    return [
        {
            "id": each.pk,
            "user_id": each.user_id,
            "chatroom_id": each.chatroom_id,
            "assigned_by": {"id": each.assigned_by_id, "name": each.assigned_by.name} if each.assigned_by_id else None,
            "created_at": each.created_at,
        }
        for each in found
    ]


class UserChatroomsView(APIView):
    """Which agents work in which chatrooms."""

    permission_classes = [IsAdmin]

    @operation("List assignments", query=AssignmentFilters, answers={200: [AssignedSerializer]})
    def get(self, request):
        given = conventions.filters(AssignmentFilters, request)
        assigned = UserChatroom.objects.filter(chatroom__archived_at=None).select_related("assigned_by")
        return conventions.page(
            request,
            conventions.keyset(assigned.filter(**given), "created_at"),
            lambda each: (each.created_at, each.pk),
            assignment_shapes,
        )

    @operation(
        "Assign somebody to a chatroom",
        description="A second time it changes nothing and is 200.",
        body=AssignmentSerializer,
        answers={200: AssignedSerializer, 201: AssignedSerializer},
    )
    def post(self, request):
        data = conventions.validated(AssignmentSerializer, request, request.data)
        assignment, created = membership.assign(data["user"], data["chatroom"], by=request.user)
        assignment.refresh_from_db()
        return Response(assignment_shapes([assignment])[0], status=201 if created else 200)

    @operation(
        "End an assignment",
        description="Open sockets lose the chatroom at once.",
        query=AssignmentSerializer,
        answers={204: None, 404: None},
    )
    def delete(self, request):
        conventions.known_only(request, AssignmentSerializer().fields)
        data = conventions.validated(AssignmentSerializer, request, request.query_params)
        if not membership.unassign(data["user"], data["chatroom"], by=request.user):
            raise Http404
        return Response(status=204)
