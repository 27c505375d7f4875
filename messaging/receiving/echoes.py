"""Messages that went out from our channels, as the provider echoes them.

An echo of ours settles it like any report, also where the answer to the send was lost. One that somebody wrote in the
provider's own inbox is stored as sent, and costs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from integrations.events import Echo, StatusUpdate
from messagehub import sql

# Read without locks: `delivery_reports` asks again under its own, and a foreign message is stored once by its id.
# An echo without our metadata is ours where its id is known, or where it says what is just under way to this contact.
# The others under way there may be it too, should the provider have changed their text.
CANDIDATES = """
WITH candidate AS (
    SELECT id FROM messages WHERE id = %(message)s
    UNION SELECT id FROM messages WHERE platform = %(platform)s AND provider_id = %(provider_id)s
    UNION SELECT id FROM messages WHERE status = 'sending' AND to_address = %(contact)s
    UNION SELECT id FROM messages WHERE status = 'unknown' AND to_address = %(contact)s
)
SELECT m.id, m.provider_id, m.content, m.status, n.retired_at IS NULL AS in_service,
       greatest(m.created_at, m.send_at) AS since
FROM candidate JOIN messages m ON m.id = candidate.id JOIN channels n ON n.id = m.channel_id
WHERE m.direction = 'outbound' AND n.platform = %(platform)s AND n.address = %(channel)s
  AND (m.provider_id IS NULL OR m.provider_id = %(provider_id)s OR m.id = %(message)s)
ORDER BY m.id
"""
CLOCKS = timedelta(minutes=2)  # how far the provider's clock may be behind ours


@dataclass(slots=True)
class Echoes:
    """Sorted echoes: reports on our messages, messages of others, and the webhooks that have to wait."""

    reports: list[tuple[UUID, StatusUpdate]] = field(default_factory=list)
    foreign: list[Echo] = field(default_factory=list)
    waiting_ids: set[UUID] = field(default_factory=set)


def sort_echoes(echoes: Sequence[tuple[UUID, Echo]], patient_ids: set[UUID]) -> Echoes:
    """Tell our own messages from others. `patient_ids` are those that may still wait for a message under way."""
    sorted_echoes, taken_ids = Echoes(), set()
    for webhook_id, echo in echoes:
        candidates = sql.fetch_rows(CANDIDATES, _build_columns(echo))
        known = [row for row in candidates if row["provider_id"] == echo.provider_id or row["id"] == echo.message_id]
        # The text alone says nothing of a former owner's messages, for the page is somebody else's now, and nothing of
        # one that was not written yet.
        current = [row for row in candidates if row["in_service"] and row["since"] <= echo.occurred_at + CLOCKS]
        alike = [row for row in current if row["content"] == echo.body and row["id"] not in taken_ids]
        if own := (known or alike)[:1]:
            taken_ids.add(own[0]["id"])
            sorted_echoes.reports.append((webhook_id, _build_report(echo, own[0]["id"])))
        elif webhook_id in patient_ids and any(row["status"] == "sending" for row in current):
            sorted_echoes.waiting_ids.add(webhook_id)
        else:
            sorted_echoes.foreign.append(echo)
    return sorted_echoes


def _build_columns(echo: Echo) -> dict[str, object]:
    return {
        "platform": echo.platform,
        "channel": echo.channel_address,
        "contact": echo.contact_address,
        "message": echo.message_id,
        "provider_id": echo.provider_id,
    }


def _build_report(echo: Echo, message_id: UUID) -> StatusUpdate:
    return StatusUpdate(
        account=echo.channel_address,
        platform=echo.platform,
        provider_id=echo.provider_id,
        status="sent",
        provider_status="echo",
        occurred_at=echo.occurred_at,
        message_id=message_id,
    )
