"""/api/media."""

import hashlib

from django.core.files import File
from drf_spectacular.utils import extend_schema_view
from rest_framework.mixins import DestroyModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from chatrooms.filters import InChatroomFilterSet
from messagehub import limits
from messagehub.api.schema import IDEMPOTENCY_KEY, operation
from messagehub.api.viewsets import TenantViewSet, read_idempotency_key
from messaging import idempotency
from messaging.media import uploads
from messaging.media.serializers import NewUploadSerializer, UploadSerializer
from messaging.models import Upload


@extend_schema_view(
    list=operation("List uploads", description="Newest first."),
    retrieve=operation("Get an upload"),
    destroy=operation(
        "Delete an upload",
        description="Returns 409 `in_use` once a message carries it along. Uploads that are never sent are deleted "
        "after a week.",
        refuses=[409],
    ),
)
class UploadViewSet(ListModelMixin, RetrieveModelMixin, DestroyModelMixin, TenantViewSet):
    """Files to send along with messages."""

    queryset = Upload.objects.all()
    serializer_class = UploadSerializer
    input_classes = {"create": NewUploadSerializer}
    filterset_class = InChatroomFilterSet
    parser_classes = [MultiPartParser]

    @operation(
        "Upload a file",
        description="For `media` of a message. Its type is read from its bytes. `platforms` are those that take it: "
        "SMS takes pictures of 5 MB and other files of 500 KB, Messenger and Instagram take pictures of 8 MB and other "
        "files of 25 MB. Returns 413 `too_large` or 422 `unsupported_file` where no platform takes it.",
        header=IDEMPOTENCY_KEY,
        answers={201: UploadSerializer},
        refuses=[413, 422],
    )
    def create(self, request):
        limits.count_attempt("uploads_per_user", str(request.user.pk))
        data = self.read_input()
        file, chatroom = data["file"], data["chatroom"]

        def store() -> idempotency.Answer:
            upload = uploads.store_upload(chatroom, file, name=file.name, by=request.user)
            upload.refresh_from_db(fields=["created_at"])
            return idempotency.Answer(201, UploadSerializer(upload).data)

        values = {"path": request.path, "chatroom": chatroom.pk, "name": file.name, "digest": digest_file(file)}
        answer = idempotency.act_once(request.user, read_idempotency_key(request), values, store)
        headers = self.get_success_headers(answer.body) | ({"Idempotency-Replayed": "true"} if answer.replayed else {})
        return Response(answer.body, 201, headers=headers)

    def perform_destroy(self, upload):
        uploads.delete_upload(upload)


def digest_file(file: File) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
