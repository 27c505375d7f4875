"""The providers' functions, for rooms that must not know which provider a message goes to."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from integrations.events import InboundMessage, Incoming, Listed, Outcome, OutgoingText
from integrations.models import WebhookEvent
from integrations.twilio import callbacks, errors, limits, listing, parsing, sending

MOST_MEDIA = limits.MOST_MEDIA
Away, Refusal = errors.Away, errors.Refusal


def parse(source: str, account: str, body: bytes, query: str, received_at: datetime) -> Incoming:
    """Parse a stored webhook of the verified `account`. Raises ValueError for an unreadable body."""
    # The account in the body is not read again: it counted only together with its signature, at the intake.
    if not account:
        raise ValueError("No account was verified for this.")
    if source == WebhookEvent.Source.TWILIO_MESSAGE:
        return parsing.parse_message(account, body, received_at)
    if source == WebhookEvent.Source.TWILIO_STATUS:
        return parsing.parse_status(account, body, query, received_at)
    raise ValueError(f"Nothing here reads {source}.")


def callback_url(message_id: UUID) -> str:
    return callbacks.callback_url(message_id)


def sent_messages(account: str, secret: str, from_address: str, to_address: str, since: datetime) -> list[Listed]:
    """Messages between two addresses, oldest first. Raises Refusal and Away."""
    return listing.sent_messages(account, secret, from_address, to_address, since)


def all_sent(account: str, secret: str, since: datetime) -> Iterator[Listed]:
    """Outbound messages of an account, newest first. Raises Refusal and Away."""
    return listing.all_sent(account, secret, since)


def one_sent(account: str, secret: str, provider_id: str) -> Listed:
    """One outbound message. Raises Refusal and Away."""
    return listing.one_sent(account, secret, provider_id)


def received_messages(account: str, secret: str, to_address: str, since: datetime) -> list[InboundMessage]:
    """Inbound messages to a number, oldest first. Raises Refusal and Away."""
    return listing.received_messages(account, secret, to_address, since)


class Connections:
    """A process's open connections to the providers, for many messages in flight at once."""

    def __init__(self, connections: int) -> None:
        self.twilio = sending.Transport(connections)

    async def send(self, text: OutgoingText) -> Outcome:
        """Send a message once. Never raises."""
        return await sending.send_text(self.twilio, text)

    async def close(self) -> None:
        await self.twilio.close()
