"""The providers behind one protocol, for rooms that must not know which provider a message goes to."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol
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
    Reply,
    SignedWebhook,
    WebhookRequest,
)
from integrations.meanings import Meaning
from integrations.meta.provider import Meta
from integrations.models import Channel, Platform
from integrations.twilio.provider import Twilio


class Sending(Protocol):
    """A process's open connections to one provider, for many messages in flight at once."""

    async def send(self, text: OutgoingText) -> Outcome:
        """Send a message once. Never raises."""

    async def close(self) -> None: ...


class Provider(Protocol):
    """A company that carries messages. docs/adding-a-channel.md shows how to add one."""

    name: str  # as in ProviderAccount.provider
    label: str  # for people
    webhook_paths: frozenset[str]
    most_webhook_bytes: int
    signs_by_app: bool  # with our app's secrets, and not with those of each account
    platforms: frozenset[str]
    batch_sources: frozenset[str]  # sources of webhooks that carry several events
    lists_everything: bool  # whether `all_sent` can prove that nothing was sent twice

    def read_app_secrets(self) -> Sequence[str]: ...

    def answer_handshake(self, query: str) -> Reply | None:
        """The answer to a GET that only asks whether the webhook is ours; None where there is no such thing."""

    def open_webhook(self, request: WebhookRequest) -> SignedWebhook:
        """Raises ValueError for a body that can't be read without ambiguity."""

    def read_event(self, source: str, account: str, body: bytes, query: str, received_at: datetime) -> Incoming | None:
        """Parse a stored webhook of the verified account; None for another provider's. Raises ValueError."""

    def split_batch(self, body: bytes) -> tuple[str, list[Part]]:
        """The events of a batch, with the source that each is stored under. Raises ValueError."""

    def list_origins(
        self, account: str, platform: str, channel_address: str, provider_id: str
    ) -> list[tuple[str, str]]:
        """Source and key of the webhooks that may have brought a message; none where it can't be told."""

    def callback_url(self, message_id: UUID) -> str:
        """Where the provider reports on a message; empty where it reports elsewhere."""

    def open_connections(self, count: int) -> Sending: ...

    def list_sent(
        self, account: str, secret: str, platform: str, from_address: str, to_address: str, since: datetime
    ) -> list[Listed]:
        """Messages from a channel to a contact, oldest first. Raises Refusal and Away."""

    def list_received(
        self, account: str, secret: str, platform: str, to_address: str, since: datetime
    ) -> list[InboundMessage]:
        """Inbound messages of a channel, oldest first. Raises Refusal and Away."""

    def all_sent(self, account: str, secret: str, since: datetime) -> Iterator[Listed]:
        """Outbound messages of an account, newest first. Raises Refusal and Away."""

    def one_sent(self, account: str, secret: str, provider_id: str) -> Listed:
        """One outbound message. Raises Refusal and Away."""

    def check_health(self, account: str, secret: str) -> None:
        """Ask for something that sends nothing. Raises Refusal and Away."""

    def read_limits(self, platform: str) -> Limits: ...

    def fetch_profile(self, account: str, secret: str, platform: str, channel: str, address: str) -> Profile | None:
        """What the contact is called who wrote to the channel; None where that is unknown. Raises Refusal and Away."""

    def error_meanings(self) -> Mapping[str, Meaning]: ...


_PROVIDERS: dict[str, Provider] = {}


def add_provider(provider: Provider) -> None:
    _PROVIDERS[provider.name] = provider


add_provider(Twilio())
add_provider(Meta())


def all_providers() -> Sequence[Provider]:
    return list(_PROVIDERS.values())


def find_provider(name: str) -> Provider:
    """Raises KeyError for a provider that was removed."""
    return _PROVIDERS[name]


def parse_event(source: str, account: str, body: bytes, query: str, received_at: datetime) -> Incoming:
    """Parse a stored webhook of the verified `account`. Raises ValueError for an unreadable body."""
    for provider in all_providers():
        if event := provider.read_event(source, account, body, query, received_at):
            return event
    raise ValueError(f"Nothing here reads {source}.")


def split_batch(source: str, body: bytes) -> tuple[str, list[Part]]:
    """The events of a batch, with the source that each is stored under. Raises ValueError."""
    return next(provider for provider in all_providers() if source in provider.batch_sources).split_batch(body)


def list_origins(account: str, platform: str, channel_address: str, provider_id: str) -> list[tuple[str, str]]:
    """Source and key of the stored webhooks that may have brought a message."""
    provider = next(provider for provider in all_providers() if platform in provider.platforms)
    return provider.list_origins(account, platform, channel_address, provider_id)


def find_meaning(code: str) -> Meaning | None:
    """What the code of some provider means. Their codes differ in form, so no two have the same."""
    return next((meaning for each in all_providers() if (meaning := each.error_meanings().get(code))), None)


class Connections:
    """A process's open connections to all providers."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.of: dict[str, Sending] = {}

    async def send(self, text: OutgoingText) -> Outcome:
        """Send a message once. Never raises."""
        if text.provider not in self.of:
            self.of[text.provider] = find_provider(text.provider).open_connections(self.count)
        return await self.of[text.provider].send(text)

    async def close(self) -> None:
        for connections in self.of.values():
            await connections.close()


def read_limits(platform: str) -> Limits:
    """What the platform takes in one message."""
    return next(provider for provider in all_providers() if platform in provider.platforms).read_limits(platform)


def name_platform(platform: str) -> str:
    """The platform's name for people."""
    return dict(Platform.choices).get(platform, platform)


def name_channel(channel: Channel) -> str:
    """A channel for people: "Messenger, Acme", or "SMS, Sales +15550100"."""
    own_name = f"{channel.name} {channel.address}".strip() if channel.platform == Platform.SMS else str(channel)
    return f"{name_platform(channel.platform)}, {own_name}"


def _list_limits() -> list[Limits]:
    return [provider.read_limits(platform) for provider in all_providers() for platform in provider.platforms]


def count_most_media() -> int:
    """How many attachments a message may have on the platform that takes the most."""
    return max(limits.most_media for limits in _list_limits())


def count_most_bytes() -> int:
    """How large a file may be on the platform that takes the largest."""
    return max(most for limits in _list_limits() for most in limits.media_bytes.values())


def list_takers(content_type: str, size: int) -> list[str]:
    """The platforms that take a file of this type and of so many bytes."""
    return [platform for platform in Platform.values if read_limits(platform).takes(content_type, size)]


def count_most_characters() -> int:
    """How long a message may be on the platform that takes the longest."""
    return max(limits.longest_text for limits in _list_limits())
