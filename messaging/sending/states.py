"""The states of an outbound message, which of them may follow which, and what they cost."""

from accounts.models import Organization
from messaging.live import event_log
from messaging.models import UNSUCCESSFUL, Message
from tokens import ledger

RANK = {
    "scheduled": 0,
    "queued": 1,
    "sending": 2,
    "unknown": 2,
    "accepted": 3,
    "sent": 4,
    "delivered": 5,
    "undelivered": 5,
    "failed": 5,
    "canceled": 5,
    "not_sent": 5,
    "read": 6,
}
FINAL = {"delivered", "read", "undelivered", "failed"}


def is_progress(current: str, new: str) -> bool:
    """Whether a message in `current` becomes `new`.

    Having been delivered beats any failure, and whatever the provider says beats our belief that it never got it.
    """
    if current == "not_sent":
        return RANK[new] > RANK["unknown"]
    return RANK[new] > RANK[current] or (current in UNSUCCESSFUL and new in ("delivered", "read"))


def refund_undelivered(row: dict) -> None:
    """Give back the tokens of a message that the carrier did not deliver, where the organization's policy says so."""
    if row["refund_policy"] == Organization.RefundPolicy.UNDELIVERED and row["status"] in ("failed", "undelivered"):
        refund_message(row, state=row["status"], reason=f"Not delivered: {row['error_code']}")


def refund_message(row: dict, *, state: str, reason: str) -> None:
    """Give the sender the tokens of a message back, once, for the state that it has come to.

    The caller holds the message's row and gives its id, tokens and sent_by_id.
    """
    if row["tokens"] and row["sent_by_id"]:
        ledger.refund(row["sent_by_id"], row["tokens"], reference=f"message:{row['id']}", reason=reason)
        Message.objects.filter(pk=row["id"]).update(tokens=0, refunded_as=state)


def message_updated(row: dict) -> event_log.Change:
    """The change that a row of a message stands for."""
    return event_log.Change(
        event_log.UPDATED, row["organization_id"], row["chatroom_id"], row["conversation_id"], row["id"]
    )
