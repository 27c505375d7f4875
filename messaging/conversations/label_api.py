"""/api/labels."""

from drf_spectacular.utils import extend_schema_view

from accounts.api.permissions import AdminWrites
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantModelViewSet
from messaging.conversations import labels
from messaging.models import Label
from messaging.payload_schema import LabelSerializer


@extend_schema_view(
    list=operation("List labels"),
    create=operation("Create a label"),
    retrieve=operation("Get a label"),
    partial_update=operation("Update a label"),
    destroy=operation("Delete a label", description="Removes it from all conversations."),
)
class LabelViewSet(TenantModelViewSet):
    """Labels for organizing conversations."""

    permission_classes = [AdminWrites]
    queryset = Label.objects.all()
    serializer_class = LabelSerializer

    def perform_create(self, serializer):
        serializer.instance = labels.create_label(
            self.request.user.organization, by=self.request.user, **serializer.validated_data
        )

    def perform_update(self, serializer):
        labels.change_label(serializer.instance, by=self.request.user, **serializer.validated_data)

    def perform_destroy(self, label):
        labels.delete_label(label, by=self.request.user)
