"""The whole life of a message: created, paid, handed over, every receipt, and what people did about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import AuditEntry
from integrations import failures
from messaging.message_log.log_listing import STATUSES
from messaging.models import Message, MessageReceipt
from tokens.models import TokenEntry

OUTBOUND = Message.Direction.OUTBOUND
Kind = TokenEntry.Kind


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a message. `detail` is what a provider or a person said about it."""

    at: datetime
    icon: str
    words: str
    detail: str = ""
    is_bad: bool = False


def tell_history(message: Message) -> list[Step]:
    """Oldest first, in five queries. `message` has its people, channel and campaign selected."""
    steps = [*_tell_beginning(message), *_tell_tokens(message), *_tell_sending(message), *_tell_people(message)]
    return sorted(steps, key=lambda step: step.at)


def _tell_beginning(message: Message) -> Iterator[Step]:
    if message.direction != OUTBOUND:
        yield Step(message.occurred_at, "mail", _("Received from the customer."))
        if (message.created_at - message.occurred_at).total_seconds() >= 1:
            yield Step(message.created_at, "inbox", _("Stored in the conversation."))
        return
    if message.campaign:
        words = _("Created by the campaign {name}.").format(name=message.campaign.name)
    elif message.sent_by:
        words = _("Written by {name}.").format(name=message.sent_by.name)
    elif message.automatic:
        words = _("Answered automatically.")
    else:
        words = _("Created.")
    yield Step(message.created_at, "pencil", words)
    if message.retry_of_id:
        yield Step(message.created_at, "rotate-cw", _("It repeats an earlier message that failed."))
    if message.send_at:
        yield Step(message.send_at, "calendar-clock", _("Scheduled for this time."))
    for retry in message.retries.select_related("sent_by").order_by("pk"):
        name = retry.sent_by.name if retry.sent_by else "?"
        yield Step(retry.created_at, "rotate-cw", _("Sent again as a new message by {name}.").format(name=name))


def _tell_tokens(message: Message) -> Iterator[Step]:
    entries = TokenEntry.objects.filter(reference=f"message:{message.pk}").select_related("account__user")
    for entry in entries:
        n = entry.amount_size
        who = entry.account.user.name
        if entry.kind == Kind.DEBIT:
            words = ngettext("{n} token paid by {name}.", "{n} tokens paid by {name}.", n)
        else:
            words = ngettext("{n} token given back to {name}.", "{n} tokens given back to {name}.", n)
        yield Step(entry.created_at, "coins", words.format(n=n, name=who), entry.reason)


def _tell_sending(message: Message) -> Iterator[Step]:
    if message.direction != OUTBOUND:
        return
    if message.attempted_at:
        words = _("Handed to the provider, attempt {n}.").format(n=message.attempt)
        detail = ""
        if message.failures:
            detail = ngettext(
                "The provider couldn't be reached {n} time before.",
                "The provider couldn't be reached {n} times before.",
                message.failures,
            ).format(n=message.failures)
        yield Step(message.attempted_at, "share-2", words, detail)
    receipts = list(MessageReceipt.objects.filter(message=message).order_by("created_at", "pk"))
    for receipt in receipts:
        yield _tell_receipt(receipt)
    told = {receipt.status for receipt in receipts}
    for status, at in (("delivered", message.delivered_at), ("read", message.read_at)):
        if at and status not in told:  # of Meta's marks, which are about all messages up to a time
            yield Step(at, "check-check", str(STATUSES[status][0]))
    if message.looked_at:
        detail = _("It was missing there.") if message.missing_since else ""
        yield Step(message.looked_at, "search", _("Looked for in the provider's list."), detail)


def _tell_receipt(receipt: MessageReceipt) -> Step:
    name, tag = STATUSES.get(receipt.status, (receipt.status, ""))
    words = _("The provider reports: {status}").format(status=name)
    detail = ""
    if receipt.error_code:
        detail = f"{failures.describe_failure(receipt.error_code)} ({receipt.error_code})"
    is_bad = tag == "tag-danger"
    return Step(receipt.created_at, "circle-alert" if is_bad else "check", words, detail, is_bad)


def _tell_people(message: Message) -> Iterator[Step]:
    # Of this organization and newer than the message: the index of the newest entries bounds what is read.
    entries = AuditEntry.objects.filter(
        organization_id=message.organization_id,
        pk__gt=message.pk,
        target_type="message",
        target_id=str(message.pk),
    )
    for entry in entries.select_related("actor"):
        yield Step(entry.created_at, "user", _describe_action(entry))


def _describe_action(entry: AuditEntry) -> str:
    name = entry.actor.name if entry.actor else "?"
    after: Any = entry.after or {}
    if entry.action == "message.settle":
        words = (
            _("Marked as sent by {name}.") if after.get("status") == "accepted" else _("Marked as not sent by {name}.")
        )
    elif entry.action == "message.cancel":
        words = _("Canceled by {name}.")
    elif entry.action == "message.change":
        words = _("Changed by {name}.")
    else:
        words = f"{entry.action}: {{name}}"
    return words.format(name=name)
