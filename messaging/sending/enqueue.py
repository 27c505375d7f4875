"""Sending a message: checked, charged and stored in one transaction. The queued row is the job for `delivery`."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from chatrooms.models import Contact
from integrations import segments
from integrations.models import Channel, Platform
from messagehub import limits
from messaging.consent import footers
from messaging.conversations import changes
from messaging.live import event_log
from messaging.media import links
from messaging.media.uploads import attach_uploads, hold_uploads
from messaging.models import Conversation, Message, Upload
from messaging.sending import eligibility
from tokens import ledger

log = logging.getLogger(__name__)
WAKE_CHANNEL = "outbox"


class ClientIdTaken(Exception):
    """Another message has this client_id."""

    def __init__(self) -> None:
        super().__init__(_("Another message already used this client_id. Use a new one for each message."))


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that is paid and queued, and the tokens left (None for admins)."""

    message: Message
    remaining_tokens: int | None
    repeated: bool = False


def count_send(user: User) -> None:
    """Count one send against the user's limit. Raises limits.TooMany; without Valkey sending goes on uncounted."""
    try:
        limits.count_attempt("send_per_user", str(user.pk))
    except limits.Unavailable:
        log.warning("Sends are not counted: Valkey is away.")


@transaction.atomic
def send_message(
    conversation: Conversation,
    content: str,
    *,
    sent_by: User,
    media_urls: Sequence[str] = (),
    uploads: Sequence[Upload] = (),
    send_at: datetime | None = None,
    client_id: UUID | None = None,
    retry_of: Message | None = None,
    template_id: UUID | None = None,
    priority: int = Message.Priority.REPLY,
    seen_message: Message | None = None,
    allow_duplicate: bool = True,
) -> Sent:
    """Charge the sender and store the message as queued, or as scheduled with `send_at`.

    It carries along what is at `media_urls`, and `uploads`; its text was made from the template `template_id`. A
    repeated `client_id` with the same values returns the first message. Raises SendRefused, InsufficientTokens,
    ClientIdTaken and UploadGone.
    """
    # Lock order: contact, conversation, message, the sender's wallet, the chatroom's event counter.
    changes.hold_contact(conversation)
    conversation = changes.lock_conversation(conversation)
    contact, sender = conversation.contact, conversation.channel
    from_address = sender.address if sender else ""
    to_address = eligibility.find_recipient(conversation)
    media = [*media_urls, *(links.build_reference(upload) for upload in uploads)]
    request_values = (sent_by.pk, contact.pk, from_address, content, media, send_at)
    if client_id and (existing_message := Message.objects.filter(client_id=client_id).first()):
        return _repeat_answer(existing_message, request_values, sent_by)
    text = footers.complete_text(content, conversation.platform, sent_by.organization, contact.pk)
    hold_uploads(uploads)
    verdict = eligibility.may_send(
        sent_by,
        conversation,
        content=text,
        at=send_at,
        seen_message=seen_message,
        media_count=len(media),
        uploads=uploads,
        allow_duplicate=allow_duplicate or retry_of is not None,
    )
    if not verdict.allowed or sender is None:
        raise eligibility.SendRefused(verdict)
    if conversation.status == Conversation.Status.CLOSED:
        conversation = changes.open_conversation(contact, sender)
    message = Message(
        organization_id=conversation.organization_id,
        chatroom_id=conversation.chatroom_id,
        conversation=conversation,
        contact_id=conversation.contact_id,
        channel=sender,
        direction=Message.Direction.OUTBOUND,
        platform=conversation.platform,
        content=text,
        media_urls=media,
        status=Message.Status.SCHEDULED if send_at else Message.Status.QUEUED,
        from_address=from_address,
        to_address=to_address,
        segments=count_parts(conversation.platform, text),
        tokens=eligibility.price_of(sent_by, conversation.platform, has_media=bool(media)),
        sent_by=sent_by,
        client_id=client_id,
        retry_of=retry_of,
        template_id=template_id,
        waited_since=conversation.waiting_since,
        send_at=send_at,
        priority=priority,
        sendability=verdict.as_json(),
    )
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:  # a concurrent request used this client_id
        existing_message = Message.objects.filter(client_id=client_id).first()
        if existing_message is None:
            raise
        return _repeat_answer(existing_message, request_values, sent_by)
    attach_uploads(message.organization_id, [message.pk], uploads)
    if message.tokens:
        remaining: int | None = ledger.debit(sent_by, message.tokens, reference=f"message:{message.pk}")
    else:
        remaining = ledger.balance(sent_by)
    changes.touch_conversation(conversation, message)
    event_log.record_events(
        [event_log.Change(event_log.CREATED, message.organization_id, message.chatroom_id, conversation.pk, message.pk)]
    )
    # NOTIFY is delivered at commit. It is a hint: workers also look once a second.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [WAKE_CHANNEL])
    return Sent(message, remaining)


def count_parts(platform: str, content: str) -> int:
    """In how many parts a message goes out: an SMS in segments, any other in one."""
    return max(1, segments.count_segments(content)) if platform == Platform.SMS else 1


def _repeat_answer(existing_message: Message, request_values: tuple, sent_by: User) -> Sent:
    footer = footers.build_footer(sent_by.organization)
    written = request_values[3]
    stored_values = (
        existing_message.sent_by_id,
        existing_message.contact_id,
        existing_message.from_address,
        written if existing_message.content == written + footer else existing_message.content,
        existing_message.media_urls,
    )
    if (*stored_values, existing_message.send_at) != request_values:
        raise ClientIdTaken
    return Sent(existing_message, ledger.balance(sent_by), repeated=True)


def find_sender(chatroom_id: UUID, contact: Contact | None = None) -> Channel:
    """The chatroom's default number, its oldest; for a contact without a phone, the channel that they wrote to last.

    Raises SendRefused where there is none.
    """
    if contact and not contact.phone:
        conversation = contact.conversations.select_related("channel").order_by("-last_message_at", "-pk").first()
        if conversation and conversation.channel:
            return conversation.channel
    number = Channel.objects.filter(chatroom_id=chatroom_id, platform=Platform.SMS).order_by("id").first()
    if number is None:
        raise eligibility.SendRefused(eligibility.Verdict((eligibility.no_sender(),)))
    return number
