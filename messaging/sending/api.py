"""/api/messages."""

from collections.abc import Callable
from functools import partial

from django.db.models import F
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from chatrooms import contacts
from integrations import segments
from messagehub.api import conventions
from messagehub.api.schema import IDEMPOTENCY_KEY, operation
from messaging import idempotency, payloads
from messaging.conversations import changes
from messaging.conversations.api import visible
from messaging.message_templates import templates
from messaging.models import Conversation, Message
from messaging.payload_schema import (
    MessageSerializer,
    SentSerializer,
)
from messaging.sending import enqueue, message_actions
from messaging.sending.serializers import MessageFilters, ScheduledSerializer, SendSerializer, SettleSerializer

MESSAGE_FIELDS = (
    "id", "conversation_id", "chatroom_id", "contact_id", "direction", "platform", "content", "status", "error_code",
    "error_message", "segments", "sent_by_id", "sent_by_name", "provider_id", "client_id", "created_at", "sent_at",
    "delivered_at", "read_at", "occurred_at", "retry_of_id", "send_at", "reply_to_id", "reactions", "deleted_at",
    "campaign_id",
)  # fmt: skip


def message_rows(queryset) -> Callable:
    rows = queryset.annotate(sent_by_name=F("sent_by__name")).values(*MESSAGE_FIELDS)
    return conventions.keyset(rows, "occurred_at")


def messages_page(request, queryset) -> Response:
    return conventions.page(
        request, message_rows(queryset), lambda row: (row["occurred_at"], row["id"]), payloads.messages
    )


LOOKUPS = {"since": "occurred_at__gte", "until": "occurred_at__lt", "search": "content__icontains"}


class MessagesView(APIView):
    """Messages of every conversation that the caller may see."""

    direction: str | None = None

    @operation("List messages", description="Newest first.", query=MessageFilters, answers={200: [MessageSerializer]})
    def get(self, request):
        given = conventions.filters(MessageFilters, request)
        found = Message.objects.visible_to(request.user)
        if self.direction:
            found = found.filter(direction=self.direction)
        for name, value in given.items():
            found = found.filter(**{LOOKUPS.get(name, name): getattr(value, "pk", value)})
        return messages_page(request, found)


class MessageView(APIView):
    """One message."""

    @operation("Read a message", answers={200: MessageSerializer})
    def get(self, request, pk):
        return Response(payloads.messages_by_id([visible(Message, request, pk).pk])[pk])

    @operation(
        "Change a scheduled message",
        description="Its text or its time. 409 `not_scheduled` once it is on its way; otherwise refused as sending is.",
        body=ScheduledSerializer,
        answers={200: MessageSerializer, 409: None, 422: None},
    )
    def patch(self, request, pk):
        message = visible(Message, request, pk)
        message_actions.change(
            message, by=request.user, **conventions.validated(ScheduledSerializer, request, request.data)
        )
        return Response(payloads.messages_by_id([pk])[pk])


def answered(sent: enqueue.Sent) -> idempotency.Answer:
    """A message that was just sent, or the one that the same client_id made before."""
    message = payloads.messages_by_id([sent.message.pk])[sent.message.pk]
    return idempotency.Answer(
        200 if sent.repeated else 201, {"message": message, "remaining_tokens": sent.remaining_tokens}
    )


class SendingView(APIView):
    """What every POST that sends has in common: it is counted, and a repeated key gets the first answer."""

    def once(self, request, act: Callable[[], enqueue.Sent]) -> Response:
        key = conventions.idempotency_key(request)
        enqueue.count(request.user)
        asked = {"path": request.path, "body": request.data}
        answer = idempotency.once(request.user, key, asked, lambda: answered(act()))
        if answer.replayed:  # what was theirs then need not be theirs now
            visible(Message, request, answer.body["message"]["id"])
        response = Response(answer.body, status=answer.status)
        response["Location"] = f"/api/messages/{answer.body['message']['id']}"
        if answer.replayed:
            response["Idempotency-Replayed"] = "true"
        return response


class SendView(SendingView):
    """Send a message. Once it is answered 201, payment, message and job are committed together."""

    @operation(
        "Send a message",
        description="To a number, a contact or into a conversation; a text or a template, with or without media. "
        "A number that is no contact yet becomes one. 200 is the answer to a repeated `client_id`, 402 "
        "`insufficient_tokens`. 409 is `blocked`, `opted_out`, `newer_messages` (after `seen_message_id`), `duplicate` "
        "(only without `allow_duplicate`) or `client_id_taken`; 422 is `no_sender`, `invalid_number`, `quiet_hours`, "
        "`outside_messaging_window` or `idempotency_mismatch`. `reasons` holds all of them.",
        body=SendSerializer,
        header=IDEMPOTENCY_KEY,
        answers={200: SentSerializer, 201: SentSerializer, 402: None, 409: None, 422: None, 429: None},
        examples=[
            {
                "name": "To a number",
                "value": {"to": "+14155550123", "content": "Your table arrives on Friday."},
                "request_only": True,
            },
        ],
    )
    def post(self, request):
        return self.once(request, partial(self.send, request))

    def send(self, request) -> enqueue.Sent:
        data = conventions.validated(SendSerializer, request, request.data)
        conversation = data.get("conversation_id") or conversation_for(data)
        seen = data.get("seen_message_id")
        if seen and seen.conversation_id != conversation.pk:
            raise ValidationError({"seen_message_id": ["Not found."]})
        return enqueue.send(
            conversation,
            data["content"] or written(data, conversation, request.user),
            sent_by=request.user,
            media_urls=data["media"],
            send_at=data.get("send_at"),
            client_id=data.get("client_id"),
            seen_message=seen,
            allow_duplicate=data["allow_duplicate"],
        )


class RetryView(SendingView):
    """Send a message that failed once more."""

    @operation(
        "Send a failed message again",
        description="A new message with `retry_of` and its own debit; the failed one stays failed. 409 `not_failed`, "
        "`already_retried`, or `unknown` while nobody knows what became of it.",
        header=IDEMPOTENCY_KEY,
        answers={201: SentSerializer, 402: None, 409: None, 422: None, 429: None},
    )
    def post(self, request, pk):
        return self.once(request, partial(message_actions.retry, visible(Message, request, pk), by=request.user))


class CancelView(APIView):
    """Call a scheduled message off."""

    @operation(
        "Call a scheduled message off",
        description="Its tokens come back. 409 `not_scheduled` once it is on its way.",
        answers={200: MessageSerializer, 409: None},
    )
    def post(self, request, pk):
        message_actions.cancel(visible(Message, request, pk), by=request.user)
        return Response(payloads.messages_by_id([pk])[pk])


class SettleView(APIView):
    """Say what became of an unknown message."""

    @operation(
        "Settle an unknown message",
        description="For somebody who has looked at the provider: it was `accepted` there, or `not_sent`, which gives "
        "its tokens back. 409 `not_unknown` for any other message.",
        body=SettleSerializer,
        answers={200: MessageSerializer, 409: None},
    )
    def post(self, request, pk):
        message = visible(Message, request, pk)
        given = conventions.validated(SettleSerializer, request, request.data)
        message_actions.settle(message, accepted=given["outcome"] == "accepted", by=request.user)
        return Response(payloads.messages_by_id([pk])[pk])


def conversation_for(data: dict) -> Conversation:
    """The open conversation with a contact or a number that need not be a contact yet."""
    sender = data.get("sender_number_id") or enqueue.sender_of(data["chatroom"].pk)
    if "contact_id" in data:
        return changes.open_with(data["contact_id"], sender)
    try:
        return changes.open_with(contacts.find_or_create(data["chatroom"], data["to"]), sender)
    except contacts.Gone:  # merged just now: the number belongs to another contact
        return changes.open_with(contacts.find_or_create(data["chatroom"], data["to"]), sender)


def written(data: dict, conversation: Conversation, sender: User) -> str:
    """The template's text for whom it goes to; nothing where only media are sent."""
    if "template_id" not in data:
        return ""
    text = templates.render(data["template_id"], conversation.contact, sender=sender, given=data.get("variables"))
    if len(text) > segments.LONGEST_TEXT:
        raise ValidationError({"template_id": [f"Filled in, it has more than {segments.LONGEST_TEXT} characters."]})
    return text
