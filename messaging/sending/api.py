"""/api/messages."""

from collections.abc import Callable
from functools import partial

from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response

from accounts.models import User
from chatrooms import contacts
from messagehub.api.schema import IDEMPOTENCY_KEY, operation
from messagehub.api.viewsets import TenantViewSet, read_idempotency_key
from messaging import idempotency, payloads
from messaging.conversations import changes, message_listing
from messaging.conversations.api import position_of_message
from messaging.conversations.filters import MessageFilterSet
from messaging.media import links, uploads
from messaging.message_templates import templates
from messaging.models import Conversation, Message
from messaging.payload_schema import MessageSerializer, SentSerializer
from messaging.sending import enqueue, message_actions
from messaging.sending.serializers import ScheduledSerializer, SendSerializer, SettleSerializer, require_length


class MessageViewSet(TenantViewSet):
    """Messages of all conversations that the current user can see."""

    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    input_classes = {"partial_update": ScheduledSerializer}
    filterset_class = MessageFilterSet

    @operation("List messages", description="Newest first.")
    def list(self, request, **values):
        fetch = partial(message_listing.list_visible_messages, request.user, **{**self.read_filters(), **values})
        page = self.paginator.paginate_rows(fetch, position_of_message, request)
        return self.get_paginated_response(payloads.describe_messages(page))

    @operation("List inbound messages", description="Newest first.", page=True)
    @action(detail=False)
    def inbound(self, request):
        return self.list(request, direction=Message.Direction.INBOUND)

    @operation("Get a message")
    def retrieve(self, request, pk):
        return self.answer_message(self.get_object())

    @operation(
        "Update a scheduled message",
        description="Sets its text or time. Returns 409 `not_scheduled` once it is being sent, and the errors of "
        "sending.",
        answers={200: MessageSerializer},
        refuses=[409, 422],
    )
    def partial_update(self, request, pk):
        message = self.get_object()
        if values := self.read_input():
            require_length(message.platform, "content", values.get("content", ""))
            message_actions.change_message(message, by=request.user, **values)
        return self.answer_message(message)

    @operation(
        "Send a message",
        description="Sends a text or a template, with or without media, to a number, a contact or a conversation. "
        "Creates a contact if the number is new. Returns 201 once the message is paid for and queued, and 200 with the "
        "original message when `client_id` was already used. Errors: 402 `insufficient_tokens`; 409 `blocked`, "
        "`opted_out`, `newer_messages` (with `seen_message_id`), `duplicate` (without `allow_duplicate`) or "
        "`client_id_taken`; 422 `no_sender`, `invalid_number`, `quiet_hours`, `outside_messaging_window`, "
        "`media_unsupported`, `media_too_large` or `idempotency_mismatch`. `reasons` lists all that apply.",
        header=IDEMPOTENCY_KEY,
        answers={200: SentSerializer, 201: SentSerializer},
        refuses=[402, 409, 422],
    )
    @action(detail=False, methods=["post"], serializer_class=SendSerializer)
    def send(self, request):
        return self.send_once(self.send_message)

    @operation(
        "Retry a failed message",
        description="Sends a new message, paid for separately, whose `retry_of` is the failed one. Returns 409 "
        "`not_failed`, `already_retried`, `automatic` for an answer that nobody wrote, or `unknown` while the delivery "
        "status is unknown.",
        header=IDEMPOTENCY_KEY,
        body=None,
        answers={201: SentSerializer},
        refuses=[402, 409, 422],
    )
    @action(detail=True, methods=["post"])
    def retry(self, request, pk):
        return self.send_once(partial(message_actions.retry_message, self.get_object(), by=request.user))

    @operation(
        "Cancel a scheduled message",
        description="Refunds its tokens. Returns 409 `not_scheduled` once it is being sent.",
        body=None,
        refuses=[409],
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk):
        message = self.get_object()
        message_actions.cancel_message(message, by=request.user)
        return self.answer_message(message)

    @operation(
        "Settle a message with unknown delivery status",
        description="After checking the provider's log: `accepted` if the provider has it, or `not_sent`, which "
        "refunds its tokens. Returns 409 `not_unknown` for any other message.",
        answers={200: MessageSerializer},
        refuses=[409],
    )
    @action(detail=True, methods=["post"], serializer_class=SettleSerializer)
    def settle(self, request, pk):
        message = self.get_object()
        message_actions.settle_message(message, accepted=self.read_input()["outcome"] == "accepted", by=request.user)
        return self.answer_message(message)

    def answer_message(self, message: Message) -> Response:
        return Response(payloads.describe_messages_by_id([message.pk])[message.pk])

    def send_message(self) -> enqueue.Sent:
        data = self.read_input()
        conversation = data.get("conversation_id") or conversation_for(data)
        seen_message = data.get("seen_message_id")
        if seen_message and seen_message.conversation_id != conversation.pk:
            raise ValidationError({"seen_message_id": ["Not found."]})
        own_media = data["template_id"].media_urls if "template_id" in data else []
        used_template = data.get("template_id") or data.get("used_template_id")
        return enqueue.send_message(
            conversation,
            data["content"] or written(data, conversation, self.request.user),
            sent_by=self.request.user,
            media_urls=[each for each in data["media"] if isinstance(each, str)] + links.list_elsewhere(own_media),
            uploads=[each for each in data["media"] if not isinstance(each, str)] + uploads.find_uploads(own_media),
            send_at=data.get("send_at"),
            client_id=data.get("client_id"),
            template_id=used_template.pk if used_template else None,
            seen_message=seen_message,
            allow_duplicate=data["allow_duplicate"],
        )

    def send_once(self, act: Callable[[], enqueue.Sent]) -> Response:
        """Count the request against the user's limit, and answer a repeated Idempotency-Key with the first answer."""
        read_idempotency_key(self.request)
        enqueue.count_send(self.request.user)
        response = respond_once(self.request, lambda: answered(act()))
        pk = response.data["message"]["id"]
        # The user may have lost access to the chatroom since the first answer.
        if "Idempotency-Replayed" in response:
            get_object_or_404(self.get_queryset(), pk=pk)
        response["Location"] = f"/api/messages/{pk}"
        return response


def respond_once(request, act: Callable[[], idempotency.Answer]) -> Response:
    """Act once for each Idempotency-Key; a repeated one gets the first answer."""
    request_values = {"path": request.path, "body": request.data}
    answer = idempotency.act_once(request.user, read_idempotency_key(request), request_values, act)
    response = Response(answer.body, status=answer.status)
    if answer.replayed:
        response["Idempotency-Replayed"] = "true"
    return response


def answered(sent: enqueue.Sent) -> idempotency.Answer:
    message = payloads.describe_messages_by_id([sent.message.pk])[sent.message.pk]
    body = {"message": message, "remaining_tokens": sent.remaining_tokens}
    return idempotency.Answer(200 if sent.repeated else 201, body)


def conversation_for(data: dict) -> Conversation:
    """The open conversation with a contact or a number. A new number becomes a contact."""
    sender = data.get("sender_number_id") or enqueue.find_sender(data["chatroom"].pk, data.get("contact_id"))
    if "contact_id" in data:
        return changes.open_conversation(data["contact_id"], sender)
    try:
        return changes.open_conversation(contacts.find_or_create_contact(data["chatroom"], data["to"]), sender)
    except contacts.ContactGone:  # merged by another request; the number belongs to the other contact now
        return changes.open_conversation(contacts.find_or_create_contact(data["chatroom"], data["to"]), sender)


def written(data: dict, conversation: Conversation, sender: User) -> str:
    """The template's text filled in for the contact; empty where only media are sent."""
    if "template_id" not in data:
        return ""
    text = templates.render_template(
        data["template_id"], conversation.contact, sender=sender, variables=data.get("variables")
    )
    require_length(conversation.platform, "template_id", text)
    return text
