"""/api/conversations and /api/messages: parse, one call, answer."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import orjson
from django.db.models import F
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from chatrooms import contacts
from chatrooms.models import Chatroom
from messagehub import rest
from messaging import conversations, cursors, idempotency, live, sending, shapes
from messaging.models import Conversation, Message
from messaging.serializers import ConversationFilters, MessageFilters, ReadSerializer, SendSerializer

MESSAGE_FIELDS = (
    "id", "conversation_id", "chatroom_id", "contact_id", "direction", "platform", "content", "status", "error_code",
    "error_message", "segments", "sent_by_id", "sent_by_name", "provider_id", "client_id", "created_at", "sent_at",
    "delivered_at", "read_at", "occurred_at",
)  # fmt: skip


def visible(model, request, pk: UUID):
    """The row if the caller may see it; otherwise it does not exist."""
    return rest.found(model.objects.visible_to(request.user), pk)


# ---------------------------------------------------------------- conversations
def position_of(conversation: dict) -> rest.Position:
    return rest.moment(conversation["last_message_at"]), UUID(conversation["id"])


def listing(user: User, given: dict) -> dict:
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
    try:
        return {"assigned_to": User.objects.get(organization_id=user.organization_id, pk=UUID(given)).pk}
    except (ValueError, User.DoesNotExist):
        raise ValidationError({"assigned_to": ["Not found."]}) from None


class ConversationsView(APIView):
    def get(self, request):
        wanted = listing(request.user, rest.filters(ConversationFilters, request))
        return rest.page(request, partial(conversations.listed, request.user, **wanted), position_of, list)


class ConversationView(APIView):
    def get(self, request, pk):
        return Response(conversations.one(request.user, visible(Conversation, request, pk)))


class ThreadView(APIView):
    def get(self, request, pk):
        rest.known_only(request, ())
        conversation = visible(Conversation, request, pk)
        return rest.page(
            request,
            partial(conversations.thread, conversation),
            lambda row: (row["occurred_at"], row["id"]),
            shapes.messages,
        )


class ReadView(APIView):
    def post(self, request, pk):
        conversation = visible(Conversation, request, pk)
        up_to = rest.validated(ReadSerializer, request, request.data)["up_to"]
        if up_to.conversation_id != conversation.pk:
            raise ValidationError({"up_to": ["Not found."]})
        conversations.mark_read(request.user, conversation, up_to)
        return Response(conversations.one(request.user, conversation))


# ---------------------------------------------------------------- messages
def message_rows(queryset) -> Callable:
    rows = queryset.annotate(sent_by_name=F("sent_by__name")).values(*MESSAGE_FIELDS)
    return rest.keyset(rows, "occurred_at")


def messages_page(request, queryset) -> Response:
    return rest.page(request, message_rows(queryset), lambda row: (row["occurred_at"], row["id"]), shapes.messages)


LOOKUPS = {"since": "occurred_at__gte", "until": "occurred_at__lt", "search": "content__icontains"}


class MessagesView(APIView):
    direction: str | None = None

    def get(self, request):
        given = rest.filters(MessageFilters, request)
        found = Message.objects.visible_to(request.user)
        if self.direction:
            found = found.filter(direction=self.direction)
        for name, value in given.items():
            found = found.filter(**{LOOKUPS.get(name, name): getattr(value, "pk", value)})
        return messages_page(request, found)


class MessageView(APIView):
    def get(self, request, pk):
        return Response(shapes.messages_by_id([visible(Message, request, pk).pk])[pk])


class SendView(APIView):
    """Send a message. Once it is answered 201, payment, message and job are committed together."""

    def post(self, request):
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > 200 or not key.isprintable():
            raise ValidationError({"Idempotency-Key": ["Give at most 200 printable characters."]})
        sending.count(request.user)
        asked = {"path": request.path, "body": request.data}
        answer = idempotency.once(request.user, key, asked, partial(self.send, request))
        response = Response(answer.body, status=answer.status)
        if answer.replayed:
            response["Idempotency-Replayed"] = "true"
        return response

    def send(self, request) -> idempotency.Answer:
        data = rest.validated(SendSerializer, request, request.data)
        sent = sending.send(
            data.get("conversation_id") or conversation_for(data),
            data["content"],
            sent_by=request.user,
            media_urls=data["media"],
            send_at=data.get("send_at"),
            client_id=data.get("client_id"),
        )
        message = shapes.messages_by_id([sent.message.pk])[sent.message.pk]
        return idempotency.Answer(
            200 if sent.repeated else 201, {"message": message, "remaining_tokens": sent.remaining_tokens}
        )


def conversation_for(data: dict) -> Conversation:
    """The open conversation with a contact or a number that need not be a contact yet."""
    sender = data.get("sender_number_id") or sending.sender_of(data["chatroom"].pk)
    contact = data.get("contact_id") or contacts.find_or_create(data["chatroom"], data["to"])
    return conversations.open_with(contact, sender)


# ---------------------------------------------------------------- the log
class EventsView(APIView):
    """The socket's frames for clients that poll: `?after=` the last cursor seen; without it, the cursor of now."""

    def get(self, request):
        rest.known_only(request, {"after"})
        rooms = [str(pk) for pk in Chatroom.objects.visible_to(request.user).values_list("pk", flat=True)]
        try:
            after = cursors.read(request.query_params["after"]) if "after" in request.query_params else cursors.now()
        except cursors.BadCursor as error:
            raise ValidationError({"after": [str(error)]}) from None
        if after.too_old:
            raise ValidationError({"after": ["This cursor is more than a day old. Load everything again."]})
        texts, cursor, more = live.page(str(request.user.pk), after, rooms)
        following = request.build_absolute_uri(f"{request.path}?after={cursor}") if more else None
        return Response(
            {
                "results": [orjson.Fragment(text) for text in texts],
                "next": following,
                "previous": None,
                "cursor": cursor,
            }
        )
