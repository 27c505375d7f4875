"""/api/labels."""

from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import AdminChanges, AdminWrites
from messagehub.api import conventions
from messagehub.api.conventions import newest
from messagehub.api.schema import operation
from messaging.conversations import labels
from messaging.models import Label
from messaging.payload_schema import LabelSerializer


def label_shape(label: Label) -> dict:
    return {"id": label.pk, "name": label.name, "color": label.color}


class LabelsView(APIView):
    """Words that sort conversations."""

    permission_classes = [AdminWrites]

    @operation("List labels", answers={200: [LabelSerializer]})
    def get(self, request):
        conventions.known_only(request, ())
        found = conventions.keyset(Label.objects.visible_to(request.user), "created_at")
        return conventions.page(request, found, newest, lambda rows: [*map(label_shape, rows)])

    @operation("Make a label", body=LabelSerializer, answers={201: LabelSerializer})
    def post(self, request):
        data = conventions.validated(LabelSerializer, request, request.data)
        return conventions.created(request, label_shape(labels.create(request.user.organization, **data)))


class LabelView(APIView):
    """One label."""

    permission_classes = [AdminChanges]

    def found(self, request, pk) -> Label:
        label = conventions.found(Label.objects.visible_to(request.user), pk)
        self.check_object_permissions(request, label)
        return label

    @operation("Read a label", answers={200: LabelSerializer})
    def get(self, request, pk):
        return Response(label_shape(self.found(request, pk)))

    @operation("Change a label", body=LabelSerializer, answers={200: LabelSerializer})
    def patch(self, request, pk):
        label = self.found(request, pk)
        labels.change(label, **conventions.validated(LabelSerializer, request, request.data, partial=True))
        return Response(label_shape(label))

    @operation("Delete a label", description="It leaves all conversations.", answers={204: None})
    def delete(self, request, pk):
        self.found(request, pk).delete()
        return Response(status=204)
