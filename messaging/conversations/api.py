"""/api/conversations and /api/messages: parse, one call, answer."""

from functools import partial
from uuid import UUID

from django.db.models import Q
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from chatrooms.models import Chatroom, UserChatroom
from messagehub.api import conventions
from messagehub.api.schema import operation
from messaging import payloads
from messaging.conversations import changes, listing, notes, reading
from messaging.conversations.serializers import (
    ConversationChangeSerializer,
    ConversationFilters,
    NewNoteSerializer,
    ReadSerializer,
)
from messaging.models import Conversation
from messaging.payload_schema import (
    ConversationSerializer,
    MessageSerializer,
    NoteSerializer,
)


def visible(model, request, pk: UUID):
    """The row if the caller may see it; otherwise it does not exist."""
    return conventions.found(model.objects.visible_to(request.user), pk)


def position_of(conversation: dict) -> conventions.Position:
    return conventions.moment(conversation["last_message_at"]), UUID(conversation["id"])


def list_filters(user: User, given: dict) -> dict:
    """Filters of the contract as those of `conversations.listed`."""
    wanted = {name: given[name] for name in ("platform", "status") if name in given}
    if "chatroom_id" in given:
        wanted["chatroom_id"] = given["chatroom_id"].pk
    if "search" in given:
        escaped = given["search"].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        wanted["search"] = f"%{escaped}%"
    if "unread" in given:
        wanted["unread" if given["unread"] else "read"] = True
    if "assigned_to" in given:
        wanted |= assignee(user, given["assigned_to"])
    return wanted


def assignee(user: User, given: str) -> dict:
    if given == "none":
        return {"unassigned": True}
    if given == "me":
        return {"assigned_to": user.pk}
    rooms = Chatroom.objects.visible_to(user)
    colleagues = User.objects.filter(organization_id=user.organization_id)
    if not user.is_admin:  # whom one meets: who works in the same chatrooms, and the admins
        colleagues = colleagues.filter(Q(role=User.Role.ADMIN) | Q(pk=user.pk) | Q(pk__in=_people_of(rooms)))
    try:
        return {"assigned_to": colleagues.get(pk=UUID(given)).pk}
    except (ValueError, User.DoesNotExist):
        raise ValidationError({"assigned_to": ["Not found."]}) from None


def _people_of(rooms):
    return UserChatroom.objects.filter(chatroom__in=rooms).values("user_id")


class ConversationsView(APIView):
    """The inbox."""

    @operation(
        "List conversations",
        description="Those with the newest messages first, each with a preview. `assigned_to` is me, none or an id.",
        query=ConversationFilters,
        answers={200: [ConversationSerializer]},
    )
    def get(self, request):
        wanted = list_filters(request.user, conventions.filters(ConversationFilters, request))
        return conventions.page(request, partial(listing.listed, request.user, **wanted), position_of, list)


class ConversationView(APIView):
    """One conversation."""

    @operation("Read a conversation", answers={200: ConversationSerializer})
    def get(self, request, pk):
        return Response(listing.one(request.user, visible(Conversation, request, pk)))

    @operation(
        "Change a conversation",
        description="Its state, assignee or labels. Reopening one while the contact has a newer one is 409.",
        body=ConversationChangeSerializer,
        answers={200: ConversationSerializer, 409: None},
        examples=[
            {"name": "Close it", "value": {"status": "CLOSED"}, "request_only": True},
            {"name": "Snooze it", "value": {"snoozed_until": "2030-01-01T09:00:00Z"}, "request_only": True},
        ],
    )
    def patch(self, request, pk):
        conversation = visible(Conversation, request, pk)
        data = conventions.validated(
            ConversationChangeSerializer, request, request.data, partial=True, conversation=conversation
        )
        changes.change(conversation, by=request.user, **data)
        return Response(listing.one(request.user, conversation))


class NotesView(APIView):
    """What colleagues tell each other about a conversation. It never leaves the building and costs nothing."""

    @operation("List notes", description="Newest first.", answers={200: [NoteSerializer]})
    def get(self, request, pk):
        conventions.known_only(request, ())
        notes = visible(Conversation, request, pk).notes.select_related("author")
        return conventions.page(
            request,
            conventions.keyset(notes, "created_at"),
            lambda note: (note.created_at, note.pk),
            lambda found: [payloads.note(note) for note in found],
        )

    @operation("Write a note", body=NewNoteSerializer, answers={201: NoteSerializer})
    def post(self, request, pk):
        conversation = visible(Conversation, request, pk)
        data = conventions.validated(NewNoteSerializer, request, request.data, conversation=conversation)
        note = notes.add_note(conversation, author=request.user, **data)
        note.refresh_from_db()
        return Response(payloads.note(note), status=201)


class ThreadView(APIView):
    """A conversation's messages."""

    @operation("List a conversation's messages", description="Newest first.", answers={200: [MessageSerializer]})
    def get(self, request, pk):
        conventions.known_only(request, ())
        conversation = visible(Conversation, request, pk)
        return conventions.page(
            request,
            partial(listing.thread, conversation),
            lambda row: (row["occurred_at"], row["id"]),
            payloads.messages,
        )


class ReadView(APIView):
    """How far the caller has read."""

    @operation(
        "Mark a conversation as read",
        description="For the caller, up to a message.",
        body=ReadSerializer,
        answers={200: ConversationSerializer},
    )
    def post(self, request, pk):
        conversation = visible(Conversation, request, pk)
        up_to = conventions.validated(ReadSerializer, request, request.data)["up_to"]
        if up_to.conversation_id != conversation.pk:
            raise ValidationError({"up_to": ["Not found."]})
        reading.mark_read(request.user, conversation, up_to)
        return Response(listing.one(request.user, conversation))
