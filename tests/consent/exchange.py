"""What a desk's contact writes, and what answers them by itself."""

from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from accounts.models import Organization
from integrations.events import InboundMessage
from messagehub import tenancy
from messaging.live import event_log
from messaging.models import Message
from messaging.receiving import arrivals
from tests.desk import Desk


def set_rules(desk: Desk, **values) -> None:
    with tenancy.system():
        Organization.objects.filter(pk=desk.tenant["organization"].pk).update(**values)


def arrive(desk: Desk, *texts: str, keyword: str = "", at: datetime | None = None) -> list[InboundMessage]:
    """The desk's contact writes, and the intake's batch is stored."""
    channel, contact = desk.tenant["number"], desk.tenant["contact"]
    with tenancy.system():
        address = contact.addresses.get(platform=channel.platform).address
    messages = [
        InboundMessage(
            account=desk.account if channel.platform == "SMS" else "",
            platform=channel.platform,
            provider_id=f"SM{uuid7().hex}",
            from_address=address,
            to_address=channel.address,
            body=text,
            occurred_at=at or datetime.now(UTC),
            keyword=keyword,
        )
        for text in texts
    ]
    store(messages)
    return messages


def store(messages: list[InboundMessage]) -> None:
    with tenancy.system():
        event_log.record_events(arrivals.receive_messages(messages))


def list_answers(desk: Desk) -> list[Message]:
    with tenancy.organization(desk.tenant["organization"].pk):
        return list(Message.objects.exclude(automatic="").order_by("pk"))
