"""/api/conversations."""

from datetime import datetime
from functools import partial
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from messagehub.api.pagination import Position
from messagehub.api.schema import operation
from messagehub.api.viewsets import TenantViewSet
from messaging import payloads
from messaging.conversations import changes, listing, notes, reading
from messaging.conversations.filters import ConversationFilterSet
from messaging.conversations.serializers import ConversationChangeSerializer, NewNoteSerializer, ReadSerializer
from messaging.models import Conversation
from messaging.payload_schema import ConversationSerializer, MessageSerializer, NoteSerializer


class ConversationViewSet(TenantViewSet):
    """The inbox. Lists and single rows are read by the statements of `listing`."""

    queryset = Conversation.objects.all()
    serializer_class = ConversationSerializer
    input_classes = {"partial_update": ConversationChangeSerializer, "create_note": NewNoteSerializer}
    filterset_class = ConversationFilterSet

    @operation("List conversations", description="Most recently active first, each with its newest message.")
    def list(self, request):
        conditions = listing.build_conditions(request.user, **self.read_filters())
        fetch = partial(listing.list_conversations, request.user, **conditions)
        return self.get_paginated_response(self.paginator.paginate_rows(fetch, position_of_conversation, request))

    @operation("Get a conversation")
    def retrieve(self, request, pk):
        return Response(listing.read_conversation(request.user, self.get_object()))

    @operation(
        "Update a conversation",
        description="Sets status, assignee or labels. Returns 409 if the contact has a newer open conversation.",
        refuses=[409],
    )
    def partial_update(self, request, pk):
        conversation = self.get_object()
        changes.change_conversation(conversation, by=request.user, **self.read_input(conversation=conversation))
        return Response(listing.read_conversation(request.user, conversation))

    @operation("List a conversation's messages", description="Newest first.", page=True)
    @action(detail=True, serializer_class=MessageSerializer, filterset_class=None)
    def messages(self, request, pk):
        self.read_filters()
        fetch = partial(listing.list_thread, self.get_object())
        page = self.paginator.paginate_rows(fetch, position_of_message, request)
        return self.get_paginated_response(payloads.describe_messages(page))

    @operation("List notes", description="Newest first.", page=True)
    @action(detail=True, serializer_class=NoteSerializer, filterset_class=None)
    def notes(self, request, pk):
        return self.answer_page(self.get_object().notes.select_related("author"))

    @operation("Add a note", answers={201: NoteSerializer})
    @notes.mapping.post
    def create_note(self, request, pk):
        conversation = self.get_object()
        note = notes.add_note(conversation, author=request.user, **self.read_input(conversation=conversation))
        note.refresh_from_db()
        return Response(NoteSerializer(note).data, status=201)

    @operation(
        "Mark a conversation as read",
        description="For the current user, up to a message.",
        answers={200: ConversationSerializer},
    )
    @action(detail=True, methods=["post"], serializer_class=ReadSerializer)
    def read(self, request, pk):
        conversation, up_to = self.get_object(), self.read_input()["up_to"]
        if up_to.conversation_id != conversation.pk:
            raise ValidationError({"up_to": [_("Not found.")]})
        reading.mark_read(request.user, conversation, up_to)
        return Response(listing.read_conversation(request.user, conversation))


def position_of_conversation(conversation: dict) -> Position:
    return datetime.fromisoformat(conversation["last_message_at"]), UUID(conversation["id"])


def position_of_message(row: dict) -> Position:
    return row["occurred_at"], row["id"]
