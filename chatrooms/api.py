"""/api/chatrooms and /api/user-chatrooms: the workspaces, and who works in them."""

from django.http import Http404
from drf_spectacular.utils import extend_schema_view
from rest_framework import mixins
from rest_framework.response import Response

from accounts.api.permissions import AdminWrites, IsAdmin
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
    retrieve=operation("Read a chatroom"),
    partial_update=operation("Rename a chatroom"),
    destroy=operation("Archive a chatroom", description="It disappears for everybody; its conversations are kept."),
)
class ChatroomViewSet(TenantModelViewSet):
    """The workspaces that the caller may see."""

    permission_classes = [AdminWrites]
    queryset = Chatroom.objects.prefetch_related("sender_numbers")
    serializer_class = ChatroomSerializer

    def perform_create(self, serializer):
        organization, name = self.request.user.organization, serializer.validated_data["name"]
        serializer.instance = rooms.create(organization, name, by=self.request.user)

    def perform_update(self, serializer):
        if name := serializer.validated_data.get("name"):
            rooms.rename(serializer.instance, name, by=self.request.user)

    def perform_destroy(self, room):
        rooms.archive(room, by=self.request.user)


@extend_schema_view(list=operation("List assignments"))
class AssignmentViewSet(TenantViewSet, mixins.ListModelMixin):
    """Which agents work in which chatrooms."""

    permission_classes = [IsAdmin]
    queryset = UserChatroom.objects.select_related("assigned_by")
    serializer_class = AssignedSerializer
    input_classes = {"create": AssignmentSerializer, "destroy_matching": AssignmentSerializer}
    filterset_class = AssignmentFilterSet

    @operation(
        "Assign somebody to a chatroom",
        description="A second time it changes nothing and is 200.",
        answers={200: AssignedSerializer, 201: AssignedSerializer},
    )
    def create(self, request):
        assignment, created = membership.assign(**self.read_input(), by=request.user)
        assignment.refresh_from_db()
        return Response(AssignedSerializer(assignment).data, status=201 if created else 200)

    @operation(
        "End an assignment",
        description="Open sockets lose the chatroom at once.",
        query=AssignmentSerializer,
        refuses=[404],
    )
    def destroy_matching(self, request):
        refuse_unknown_parameters(request, AssignmentSerializer().fields)
        if not membership.unassign(**self.read_input(request.query_params), by=request.user):
            raise Http404
        return Response(status=204)
