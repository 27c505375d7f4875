"""Twilio, as `integrations.providers` knows it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from integrations.events import (
    InboundMessage,
    Incoming,
    Limits,
    Listed,
    Outcome,
    OutgoingText,
    Part,
    Profile,
    WebhookRequest,
)
from integrations.meanings import Meaning
from integrations.twilio import callbacks, errors, limits, listing, parsing, sending, webhooks

MESSAGE, STATUS = "twilio.message", "twilio.status"  # as in WebhookEvent.Source


class Connections:
    """Open connections to Twilio."""

    def __init__(self, count: int) -> None:
        self.transport = sending.Transport(count)

    async def send(self, text: OutgoingText) -> Outcome:
        return await sending.send_text(self.transport, text)

    async def close(self) -> None:
        await self.transport.close()


class Twilio:
    """SMS and MMS."""

    name, label = "twilio", "Twilio"
    webhook_paths = frozenset({webhooks.MESSAGES, webhooks.STATUS})
    most_webhook_bytes = 256 * 1024
    signs_by_app = False
    platforms = frozenset({"SMS"})
    batch_sources: frozenset[str] = frozenset()
    lists_everything = True

    def read_app_secrets(self) -> list[str]:
        return []

    def answer_handshake(self, query: str) -> None:
        return None

    def open_webhook(self, request: WebhookRequest) -> webhooks.TwilioWebhook:
        return webhooks.TwilioWebhook(request)

    def read_event(self, source: str, account: str, body: bytes, query: str, received_at: datetime) -> Incoming | None:
        # The account in the body is not read again: it counted only together with its signature, at the intake.
        if source == MESSAGE:
            return parsing.parse_message(_verified(account), body, received_at)
        if source == STATUS:
            return parsing.parse_status(_verified(account), body, query, received_at)
        return None

    def split_batch(self, body: bytes) -> tuple[str, list[Part]]:
        raise ValueError("Twilio sends one event in each webhook.")

    def list_origins(
        self, account: str, platform: str, channel_address: str, provider_id: str
    ) -> list[tuple[str, str]]:
        return [(MESSAGE, f"{account}:{provider_id}")]

    def callback_url(self, message_id: UUID) -> str:
        return callbacks.callback_url(message_id)

    def open_connections(self, count: int) -> Connections:
        return Connections(count)

    def list_sent(
        self, account: str, secret: str, platform: str, from_address: str, to_address: str, since: datetime
    ) -> list[Listed]:
        return listing.sent_messages(account, secret, from_address, to_address, since)

    def list_received(
        self, account: str, secret: str, platform: str, to_address: str, since: datetime
    ) -> list[InboundMessage]:
        return listing.received_messages(account, secret, to_address, since)

    def all_sent(self, account: str, secret: str, since: datetime) -> Iterator[Listed]:
        return listing.all_sent(account, secret, since)

    def one_sent(self, account: str, secret: str, provider_id: str) -> Listed:
        return listing.one_sent(account, secret, provider_id)

    def check_health(self, account: str, secret: str) -> None:
        listing.numbers(account, secret)  # proves that we are let in, without sending anything

    def read_limits(self, platform: str) -> Limits:
        return Limits(
            limits.LONGEST_TEXT,
            most_media=limits.MOST_MEDIA,
            media_bytes=limits.MEDIA_BYTES,
            most_media_bytes=limits.MOST_MEDIA_BYTES,
        )

    def fetch_profile(self, account: str, secret: str, platform: str, channel: str, address: str) -> Profile | None:
        return None  # a phone number says nothing of its owner

    def error_meanings(self) -> Mapping[str, Meaning]:
        return errors.MEANINGS


def _verified(account: str) -> str:
    if not account:
        raise ValueError("No account was verified for this.")
    return account
