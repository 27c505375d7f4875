"""What people do about a message after they have sent it: try again, call off, change, say what became of it."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from integrations import segments
from messaging.conversations import changes
from messaging.live import event_log
from messaging.models import UNSUCCESSFUL, Message
from messaging.sending import eligibility, enqueue, states


class WrongMessageState(Exception):
    """The message is in another state than this takes. `code` is for clients."""

    def __init__(self, code: str, words: str):
        self.code = code
        super().__init__(words)


@transaction.atomic
def retry_message(message: Message, *, by: User) -> enqueue.Sent:
    """Send the text of a message that failed once more, as a new message with a debit of its own.

    Raises WrongMessageState for a message that has not failed or was retried already, and what `send_message` raises.
    """
    changes.lock_conversation(message.conversation)  # before its messages, as everybody does
    message = _held(message)
    if message.status == Message.Status.UNKNOWN:
        raise WrongMessageState(
            "unknown", "This message's delivery status is unknown. Wait for it, or mark the message first."
        )
    if message.direction != Message.Direction.OUTBOUND or message.status not in UNSUCCESSFUL:
        raise WrongMessageState("not_failed", "Only a failed message can be retried.")
    if Message.objects.filter(retry_of=message).exclude(status__in=UNSUCCESSFUL).exists():
        raise WrongMessageState("already_retried", "This message was already retried.")
    return enqueue.send_message(
        message.conversation, message.content, sent_by=by, media_urls=message.media_urls, retry_of=message
    )


@transaction.atomic
def cancel_message(message: Message, *, by: User) -> None:
    """Call off a scheduled message and give its tokens back. Raises WrongMessageState once it is on its way."""
    message = _scheduled(message)
    _change(message, status="canceled")
    states.refund_message(_row(message), state="canceled", reason="Scheduled message canceled")
    audit.record_action("message.cancel", actor=by, target=message)
    event_log.record_events([states.message_updated(_row(message))])


@transaction.atomic
def change_message(message: Message, *, by: User, content: str | None = None, send_at: datetime | None = None) -> None:
    """Change the text or the time of a scheduled message.

    Raises WrongMessageState once it is on its way, and SendRefused where it may not be sent at the new time.
    """
    message = _scheduled(message)
    values: dict = {}
    if send_at:
        verdict = eligibility.recheck_message(message, at=send_at)
        if not verdict.allowed:
            raise eligibility.SendRefused(verdict)
        values |= {"send_at": send_at, "sendability": verdict.as_json()}
    if content is not None:
        values |= {"content": content, "segments": max(1, segments.count_segments(content))}
    if values:
        before = {name: getattr(message, name) for name in ("content", "send_at") if name in values}
        _change(message, **values)
        after = {name: values[name] for name in before}
        audit.record_action("message.change", actor=by, target=message, before=_said(before), after=_said(after))
        event_log.record_events([states.message_updated(_row(message))])


@transaction.atomic
def settle_message(message: Message, *, accepted: bool, by: User) -> None:
    """A person has looked at the provider and says what became of an unknown message. Raises WrongMessageState."""
    message = _held(message)
    if message.status != Message.Status.UNKNOWN:
        raise WrongMessageState("not_unknown", "This message's delivery status is already known.")
    status = "accepted" if accepted else "not_sent"
    words = {"error_code": "", "error_message": ""} if accepted else {
        "error_code": "not_sent",
        "error_message": f"Marked as not sent by {by.name}.",
    }  # fmt: skip
    _change(message, status=status, **words)
    if not accepted:
        states.refund_message(_row(message), state="not_sent", reason="Marked as not sent")
    audit.record_action(
        "message.settle", actor=by, target=message, before={"status": "unknown"}, after={"status": status}
    )
    event_log.record_events([states.message_updated(_row(message))])


def _scheduled(message: Message) -> Message:
    message = _held(message)
    if message.status != Message.Status.SCHEDULED:
        raise WrongMessageState("not_scheduled", "This message is no longer scheduled.")
    return message


def _held(message: Message) -> Message:
    """The row as it is now, held until the commit."""
    held = Message.objects.select_for_update(no_key=True, of=("self",))
    return held.select_related("conversation").get(pk=message.pk)


def _change(message: Message, **values) -> None:
    Message.objects.filter(pk=message.pk).update(**values)


def _said(values: dict) -> dict[str, str]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _row(message: Message) -> dict:
    names: Sequence[str] = ("id", "organization_id", "chatroom_id", "conversation_id", "tokens", "sent_by_id")
    return {name: getattr(message, name) for name in names}
