"""Which wire speaks for which platform."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from integrations.events import InboundMessage, Incoming, Listed, Outcome, OutgoingText
from integrations.models import WebhookEvent
from integrations.twilio import callbacks, errors, limits, listing, parsing, sending

MOST_MEDIA = limits.MOST_MEDIA
Away, Refusal = errors.Away, errors.Refusal


def parse(source: str, account: str, body: bytes, query: str, received_at: datetime) -> Incoming:
    """A stored webhook in the one vocabulary. Raises ValueError for a body that can't be read.

    Whose it is says `account`, which the intake has verified, and never the body.
    """
    if not account:
        raise ValueError("No account was verified for this.")
    if source == WebhookEvent.Source.TWILIO_MESSAGE:
        return parsing.parse_message(account, body, received_at)
    if source == WebhookEvent.Source.TWILIO_STATUS:
        return parsing.parse_status(account, body, query, received_at)
    raise ValueError(f"Nothing here reads {source}.")


def callback_url(message_id: UUID) -> str:
    """Where the provider is to report on this message."""
    return callbacks.callback_url(message_id)


def sent_messages(account: str, secret: str, from_address: str, to_address: str, since: datetime) -> list[Listed]:
    """What the provider has of messages from one address of ours to somebody. Raises Refusal and Away."""
    return listing.sent_messages(account, secret, from_address, to_address, since)


def all_sent(account: str, secret: str, since: datetime) -> Iterator[Listed]:
    """Everything that the provider has of an account's messages since then, newest first. Raises Refusal and Away."""
    return listing.all_sent(account, secret, since)


def one_sent(account: str, secret: str, provider_id: str) -> Listed:
    """A message of ours as the provider has it now. Raises Refusal and Away."""
    return listing.one_sent(account, secret, provider_id)


def received_messages(account: str, secret: str, to_address: str, since: datetime) -> list[InboundMessage]:
    """What the provider has taken in for a number of ours, oldest first. Raises Refusal and Away."""
    return listing.received_messages(account, secret, to_address, since)


class Connections:
    """A process's open connections to the providers, for many messages in flight at once."""

    def __init__(self, connections: int) -> None:
        self.twilio = sending.Transport(connections)

    async def send(self, text: OutgoingText) -> Outcome:
        """Hand a message over, once. Never raises: what can't be told apart from success is Unclear."""
        return await sending.send_text(self.twilio, text)

    async def close(self) -> None:
        await self.twilio.close()
