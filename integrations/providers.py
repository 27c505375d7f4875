"""Which wire speaks for which platform."""

from datetime import datetime

from integrations import twilio
from integrations.events import Incoming
from integrations.models import WebhookEvent


def parse(source: str, body: bytes, query: str, received_at: datetime) -> Incoming:
    """A stored webhook in the one vocabulary. Raises ValueError for a body that can't be read."""
    if source == WebhookEvent.Source.TWILIO_MESSAGE:
        return twilio.parse_message(body, received_at)
    if source == WebhookEvent.Source.TWILIO_STATUS:
        return twilio.parse_status(body, query, received_at)
    raise ValueError(f"Nothing here reads {source}.")
