"""Customers who write to a chatroom's number."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from uuid_utils.compat import uuid7

from integrations.events import InboundMessage
from messagehub import tenancy
from messaging.live import event_log
from messaging.receiving import arrivals


@pytest.fixture
def receive() -> Callable[..., None]:
    """Texts that came to the room's number: {phone: text}, or a text of the room's contact."""

    def write(held: SimpleNamespace, texts: dict[str, str] | str, at: datetime | None = None) -> None:
        texts = {held.contact.phone: texts} if isinstance(texts, str) else texts
        with tenancy.system():
            event_log.record_events(
                arrivals.receive_messages(
                    InboundMessage(
                        account=held.number.account.external_id,
                        provider_id=f"SM{uuid7().hex}",
                        from_address=phone,
                        to_address=held.number.address,
                        body=text,
                        occurred_at=at or datetime.now(UTC),
                    )
                    for phone, text in texts.items()
                )
            )

    return write
