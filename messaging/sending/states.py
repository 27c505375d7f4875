"""The order of an outbound message's statuses, and refunds of failures."""

from accounts.models import Organization
from messagehub import sentences
from messaging.live import event_log
from messaging.models import UNSUCCESSFUL, Message
from tokens import ledger

# Reports come in any order (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status), so a status
# only moves to a higher rank. `sending` has been seen half a minute after `delivered`.
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
    """Whether a message moves from the status `current` to `new`."""
    # "Delivered" beats every failure. A message reported both ways is looked up at the provider as well
    # (`reconciliation.look_up_message`), because neither report is always right.
    # `not_sent` is only our belief, so every status of the provider's beats it.
    if current == "not_sent":
        return RANK[new] > RANK["unknown"]
    return RANK[new] > RANK[current] or (current in UNSUCCESSFUL and new in ("delivered", "read"))


def refund_undelivered(row: dict) -> None:
    """Refund a message that the carrier did not deliver, where the organization's policy says so."""
    # Off by default: Twilio bills undelivered messages too.
    if row["refund_policy"] == Organization.RefundPolicy.UNDELIVERED and row["status"] in ("failed", "undelivered"):
        refund_message(row, state=row["status"], reason=sentences.NOT_DELIVERED_CODE.format(code=row["error_code"]))


def refund_message(row: dict, *, state: str, reason: str) -> None:
    """Refund a locked message once. `row` has its id, tokens and sent_by_id; `state` is the status that it is for."""
    if row["tokens"] and row["sent_by_id"]:
        ledger.refund(row["sent_by_id"], row["tokens"], reference=f"message:{row['id']}", reason=reason)
        Message.objects.filter(pk=row["id"]).update(tokens=0, refunded_as=state)


def message_updated(row: dict) -> event_log.Change:
    return event_log.Change(
        event_log.UPDATED, row["organization_id"], row["chatroom_id"], row["conversation_id"], row["id"]
    )
