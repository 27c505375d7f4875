"""/api/chatrooms and /api/user-chatrooms: the workspaces, and who works in them."""

from django.http import Http404
from drf_spectacular.utils import extend_schema_view
from rest_framework import mixins
from rest_framework.response import Response

from accounts.api.permissions import AdminWrites, IsAdmin
from accounts.api.quiet_hours import read_quiet_hours
from chatrooms import membership, rooms
from chatrooms.filters import AssignmentFilterSet
from chatrooms.models import Chatroom, UserChatroom
from chatrooms.serializers import AssignedSerializer, AssignmentSerializer, ChatroomSerializer
from messagehub.api.filters import refuse_unknown_parameters
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantModelViewSet, TenantViewSet


@extend_schema_view(
    list=operation("List chatrooms"),
    create=operation("Create a chatroom"),
    retrieve=operation("Get a chatroom"),
    partial_update=operation("Rename a chatroom, or set its quiet hours"),
    destroy=operation(
        "Archive a chatroom",
        description="Hides it for everyone. Its conversations are kept. Returns 409 `in_use` while it has numbers.",
        refuses=[409],
    ),
)
class ChatroomViewSet(TenantModelViewSet):
    """The workspaces that the caller may see."""

    permission_classes = [AdminWrites]
    queryset = Chatroom.objects.prefetch_related("channels")
    serializer_class = ChatroomSerializer

    def perform_create(self, serializer):
        organization, name = self.request.user.organization, serializer.validated_data["name"]
        serializer.instance = rooms.create_chatroom(organization, name, by=self.request.user)
        self._set_quiet_hours(serializer)

    def perform_update(self, serializer):
        if name := serializer.validated_data.get("name"):
            rooms.rename_chatroom(serializer.instance, name, by=self.request.user)
        self._set_quiet_hours(serializer)

    def _set_quiet_hours(self, serializer):
        if "quiet_hours" in serializer.validated_data:
            hours = read_quiet_hours(serializer.validated_data["quiet_hours"])
            rooms.set_quiet_hours(serializer.instance, **hours, by=self.request.user)

    def perform_destroy(self, room):
        rooms.archive_chatroom(room, by=self.request.user)


@extend_schema_view(list=operation("List assignments"))
class AssignmentViewSet(TenantViewSet, mixins.ListModelMixin):
    """Which agents work in which chatrooms."""

    permission_classes = [IsAdmin]
    queryset = UserChatroom.objects.select_related("assigned_by")
    serializer_class = AssignedSerializer
    input_classes = {"create": AssignmentSerializer, "destroy_matching": AssignmentSerializer}
    filterset_class = AssignmentFilterSet

    @operation(
        "Assign a user to a chatroom",
        description="Returns 200 if the user is already assigned.",
        answers={200: AssignedSerializer, 201: AssignedSerializer},
    )
    def create(self, request):
        assignment, created = membership.assign_user(**self.read_input(), by=request.user)
        assignment.refresh_from_db()
        return Response(AssignedSerializer(assignment).data, status=201 if created else 200)

    @operation(
        "Remove a user from a chatroom",
        description="Open sockets lose access immediately.",
        query=AssignmentSerializer,
        refuses=[404],
    )
    def destroy_matching(self, request):
        refuse_unknown_parameters(request, AssignmentSerializer().fields)
        if not membership.unassign_user(**self.read_input(request.query_params), by=request.user):
            raise Http404
        return Response(status=204)
