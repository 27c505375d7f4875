"""Meta, as `integrations.providers` knows it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from django.conf import settings

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
    WebhookRequest,
)
from integrations.meanings import Meaning
from integrations.meta import errors, graph, limits, listing, pages, parsing, sending, signature, webhooks
from integrations.refusals import Away, Refusal

BATCH, EVENT = webhooks.SOURCE, parsing.SOURCE


class Connections:
    """Open connections to the Graph API."""

    def __init__(self, count: int) -> None:
        self.transport = graph.GraphTransport(count)

    async def send(self, text: OutgoingText) -> Outcome:
        return await sending.send_text(self.transport, text)

    async def close(self) -> None:
        await self.transport.close()


class Meta:
    """Messenger and Instagram."""

    name, label = "meta", "Meta"
    webhook_paths = frozenset({webhooks.PATH, webhooks.DELETION_PATH})
    # Up to 1,000 updates: https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications
    most_webhook_bytes = 4 * 1024 * 1024
    signs_by_app = True
    platforms = frozenset({limits.MESSENGER, limits.INSTAGRAM})
    batch_sources = frozenset({BATCH})
    lists_everything = False

    def read_app_secrets(self) -> list[str]:
        return [settings.META_APP_SECRET, settings.META_PREVIOUS_APP_SECRET]

    def answer_handshake(self, query: str) -> Reply | None:
        if not settings.META_VERIFY_TOKEN:
            return Reply(403)
        challenge = signature.answer_handshake(query, settings.META_VERIFY_TOKEN)
        return Reply(403) if challenge is None else Reply(200, "text/plain; charset=utf-8", challenge.encode())

    def open_webhook(self, request: WebhookRequest) -> webhooks.MetaWebhook | webhooks.DeletionWebhook:
        if request.path == webhooks.DELETION_PATH:
            return webhooks.DeletionWebhook(request)
        return webhooks.MetaWebhook(request)

    def read_event(self, source: str, account: str, body: bytes, query: str, received_at: datetime) -> Incoming | None:
        if source == webhooks.DELETION_SOURCE:
            return webhooks.parse_deletion(body)
        return parsing.parse_part(body, received_at) if source == EVENT else None

    def split_batch(self, body: bytes) -> tuple[str, list[Part]]:
        return EVENT, parsing.split_body(body)

    def list_origins(
        self, account: str, platform: str, channel_address: str, provider_id: str
    ) -> list[tuple[str, str]]:
        return [(EVENT, key) for key in parsing.list_keys(platform, channel_address, provider_id)]

    def callback_url(self, message_id: UUID) -> str:
        return ""  # reports come to the one webhook; echoes carry our id

    def open_connections(self, count: int) -> Connections:
        return Connections(count)

    def list_sent(
        self, account: str, secret: str, platform: str, from_address: str, to_address: str, since: datetime
    ) -> list[Listed]:
        return listing.list_sent(account, secret, from_address, to_address, since, platform=platform)

    def list_received(
        self, account: str, secret: str, platform: str, to_address: str, since: datetime
    ) -> list[InboundMessage]:
        return listing.list_received(account, secret, to_address, since, platform=platform)

    def all_sent(self, account: str, secret: str, since: datetime) -> Iterator[Listed]:
        raise Away("Meta lists conversations, and not everything that a page sent.")

    def one_sent(self, account: str, secret: str, provider_id: str) -> Listed:
        raise Away("Meta's messages have no status to ask for.")

    def check_health(self, account: str, secret: str) -> None:
        try:
            pages.fetch_page(secret)
        except Refusal:
            pages.fetch_instagram_account(secret)  # connected by Instagram Login, without a page

    def read_limits(self, platform: str) -> Limits:
        counts_bytes = platform in limits.MOST_TEXT_BYTES
        longest = limits.MOST_TEXT_BYTES if counts_bytes else limits.MOST_CHARACTERS
        return Limits(
            longest[platform],
            counts_bytes=counts_bytes,
            most_media=limits.MOST_MEDIA,
            text_with_media=limits.TEXT_AND_MEDIA,
            media_bytes=limits.list_media_bytes(platform),
            most_media_bytes=limits.MOST_MEDIA_BYTES,
            window=limits.WINDOW,
            human_window=limits.HUMAN_AGENT_WINDOW,
        )

    def fetch_profile(self, account: str, secret: str, platform: str, channel: str, address: str) -> Profile | None:
        return pages.fetch_profile(address, platform, secret, account=account, channel=channel)

    def error_meanings(self) -> Mapping[str, Meaning]:
        return errors.MEANINGS
