"""Retrying, canceling, changing and settling messages."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from messagehub import sentences, sql
from messaging.conversations import changes
from messaging.live import event_log
from messaging.media import links, uploads
from messaging.models import UNSUCCESSFUL, Message
from messaging.sending import eligibility, enqueue, states

# A message with all that it is a retry of, and all that are retries of one of those.
FAMILY = """
WITH RECURSIVE older AS (
    SELECT id, retry_of_id FROM messages WHERE id = {message}
    UNION SELECT p.id, p.retry_of_id FROM messages p JOIN older ON p.id = older.retry_of_id
), family AS (
    SELECT id FROM older UNION SELECT n.id FROM messages n JOIN family ON n.retry_of_id = family.id
)
"""
# In the order in which claiming and settling lock them. Whoever retries any of them waits for whoever retries another.
LOCK_FAMILY = f"""
SELECT FROM messages WHERE id IN ({FAMILY.format(message="%s")} SELECT id FROM family) ORDER BY id FOR NO KEY UPDATE
"""
# By a person, or by a campaign whose recipient waits for another message.
RETRIED = f"""
{FAMILY.format(message="%(message)s")}
SELECT FROM family JOIN messages m USING (id) WHERE m.id <> %(message)s AND m.status <> ALL(%(unsuccessful)s)
    OR EXISTS (SELECT FROM campaign_recipients r WHERE r.campaign_id = m.campaign_id AND r.contact_id = m.contact_id
               AND r.outcome = 'waiting' AND r.failed_message_id = m.id)
LIMIT 1
"""


class WrongMessageState(Exception):
    """The message's status does not allow the action. `code` is part of the API."""

    def __init__(self, code: str, words: str):
        self.code = code
        super().__init__(words)


@transaction.atomic
def retry_message(message: Message, *, by: User) -> enqueue.Sent:
    """Send a failed message's text and files again, as a new message with a debit of its own.

    Raises WrongMessageState for a message that has not failed, was retried already or was an automatic answer, and what
    `send_message` raises.
    """
    changes.hold_contact(message.conversation)  # lock order: contact, conversation, message
    changes.lock_conversation(message.conversation)
    sql.fetch_rows(LOCK_FAMILY, [message.pk])
    message = _lock_message(message)
    if message.status == Message.Status.UNKNOWN:
        raise WrongMessageState(
            "unknown", _("This message's delivery status is unknown. Wait for it, or mark the message first.")
        )
    if message.direction != Message.Direction.OUTBOUND or message.status not in UNSUCCESSFUL:
        raise WrongMessageState("not_failed", _("Only a failed message can be retried."))
    if message.automatic:
        raise WrongMessageState("automatic", _("An automatic answer can't be retried. Answer the customer yourself."))
    if sql.fetch_rows(RETRIED, {"message": message.pk, "unsuccessful": UNSUCCESSFUL}):
        raise WrongMessageState("already_retried", _("This message was already retried."))
    sent = enqueue.send_message(
        message.conversation,
        message.content,
        sent_by=by,
        media_urls=links.list_elsewhere(message.media_urls),
        uploads=uploads.list_uploads_of(message),
        retry_of=message,
        template_id=message.template_id,
    )
    # It can't be retried any more, wherever it is shown.
    event_log.record_events([states.message_updated(_as_row(message))])
    return sent


@transaction.atomic
def cancel_message(message: Message, *, by: User) -> None:
    """Cancel and refund a scheduled message. Raises WrongMessageState once it is being sent."""
    message = _lock_scheduled(message)
    _update_message(message, status="canceled")
    states.refund_message(_as_row(message), state="canceled", reason=sentences.SCHEDULED_CANCELED)
    audit.record_action("message.cancel", actor=by, target=message)
    event_log.record_events([states.message_updated(_as_row(message))])


@transaction.atomic
def change_message(message: Message, *, by: User, content: str | None = None, send_at: datetime | None = None) -> None:
    """Change the text or the time of a scheduled message.

    Raises WrongMessageState once it is being sent, and SendRefused where it may not be sent at the new time or the
    platform does not take the text.
    """
    message = _lock_scheduled(message)
    values: dict = {}
    if send_at:
        verdict = eligibility.recheck_message(message, at=send_at)
        if not verdict.allowed:
            raise eligibility.SendRefused(verdict)
        values |= {"send_at": send_at, "sendability": verdict.as_json()}
    if content is not None:
        if reason := eligibility.check_content(message.platform, content, len(message.media_urls)):
            raise eligibility.SendRefused(eligibility.Verdict((reason,)))
        values |= {"content": content, "segments": enqueue.count_parts(message.platform, content)}
    if values:
        previous_values = {name: getattr(message, name) for name in ("content", "send_at") if name in values}
        _update_message(message, **values)
        new_values = {name: values[name] for name in previous_values}
        audit.record_action(
            "message.change",
            actor=by,
            target=message,
            before=_describe_values(previous_values),
            after=_describe_values(new_values),
        )
        event_log.record_events([states.message_updated(_as_row(message))])


@transaction.atomic
def settle_message(message: Message, *, accepted: bool, by: User) -> None:
    """Resolve an unknown message by a person's word, who checked the provider's log. Raises WrongMessageState."""
    message = _lock_message(message)
    if message.status != Message.Status.UNKNOWN:
        raise WrongMessageState("not_unknown", _("This message's delivery status is already known."))
    status = "accepted" if accepted else "not_sent"
    error_values = {"error_code": "", "error_message": ""} if accepted else {
        "error_code": "not_sent",
        "error_message": f"Marked as not sent by {by.name}.",
    }  # fmt: skip
    _update_message(message, status=status, **error_values)
    if not accepted:
        states.refund_message(_as_row(message), state="not_sent", reason=sentences.MARKED_NOT_SENT)
    audit.record_action(
        "message.settle", actor=by, target=message, before={"status": "unknown"}, after={"status": status}
    )
    event_log.record_events([states.message_updated(_as_row(message))])


def _lock_scheduled(message: Message) -> Message:
    message = _lock_message(message)
    if message.status != Message.Status.SCHEDULED:
        raise WrongMessageState("not_scheduled", _("This message is no longer scheduled."))
    return message


def _lock_message(message: Message) -> Message:
    locked_rows = Message.objects.select_for_update(no_key=True, of=("self",))
    return locked_rows.select_related("conversation").get(pk=message.pk)


def _update_message(message: Message, **values) -> None:
    Message.objects.filter(pk=message.pk).update(**values)


def _describe_values(values: dict) -> dict[str, str]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _as_row(message: Message) -> dict:
    names: Sequence[str] = ("id", "organization_id", "chatroom_id", "conversation_id", "tokens", "sent_by_id")
    return {name: getattr(message, name) for name in names}
