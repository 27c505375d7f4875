"""Messages that went out from our channels, as the provider echoes them.

An echo of ours settles it like any report, also where the answer to the send was lost. One that somebody wrote in the
provider's own inbox is stored as sent, and costs nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from integrations.events import Echo, StatusUpdate
from messagehub import sql
from messaging.sending import matching

# Read without locks: `delivery_reports` asks again under its own, and a foreign message is stored once by its id.
# An echo without our metadata is ours where its id is known, or where it says what is just under way to this contact.
# The others under way there may be it too, should the provider have changed their text.
CANDIDATES = """
WITH echo AS (
    SELECT * FROM unnest(%(platform)s::text[], %(channel)s::text[], %(contact)s::text[], %(provider_id)s::text[],
                         %(message)s::uuid[]) WITH ORDINALITY
        AS e (platform, channel, contact, provider_id, message, place)
), candidate AS (
    SELECT e.place, m.id FROM echo e JOIN messages m ON m.id = e.message
    UNION SELECT e.place, m.id FROM echo e JOIN messages m ON m.platform = e.platform AND m.provider_id = e.provider_id
    UNION SELECT e.place, m.id FROM echo e JOIN messages m ON m.status = 'sending' AND m.to_address = e.contact
    UNION SELECT e.place, m.id FROM echo e JOIN messages m ON m.status = 'unknown' AND m.to_address = e.contact
)
SELECT e.place, m.id, m.provider_id, m.content, m.status, n.retired_at IS NULL AS in_service, m.attempted_at,
       coalesce(m.attempted_at, greatest(m.created_at, m.send_at)) AS since
FROM echo e JOIN candidate USING (place) JOIN messages m ON m.id = candidate.id JOIN channels n ON n.id = m.channel_id
WHERE m.direction = 'outbound' AND n.platform = e.platform AND n.address = e.channel
  AND (m.provider_id IS NULL OR m.provider_id = e.provider_id OR m.id = e.message)
ORDER BY e.place, m.id
"""


@dataclass(slots=True)
class Echoes:
    """Sorted echoes: reports on our messages, messages of others, and the webhooks that have to wait."""

    reports: list[tuple[UUID, StatusUpdate]] = field(default_factory=list)
    foreign: list[Echo] = field(default_factory=list)
    waiting_ids: set[UUID] = field(default_factory=set)


def sort_echoes(echoes: Sequence[tuple[UUID, Echo]], patient_ids: set[UUID]) -> Echoes:
    """Tell our own messages from others. `patient_ids` are those that may still wait for a message under way."""
    sorted_echoes, taken_ids = Echoes(), set()
    if not echoes:
        return sorted_echoes
    candidates_of = defaultdict(list)
    for row in sql.fetch_rows(CANDIDATES, _build_columns([echo for _, echo in echoes])):
        candidates_of[row["place"]].append(row)
    for place, (webhook_id, echo) in enumerate(echoes, start=1):
        candidates = candidates_of[place]
        known = [row for row in candidates if row["provider_id"] == echo.provider_id or row["id"] == echo.message_id]
        # The text alone says nothing of a former owner's messages, for the page is somebody else's now, and nothing of
        # one that was not under way at that time.
        current = [
            row
            for row in candidates
            if row["in_service"]
            and row["id"] not in taken_ids
            and matching.is_in_time(echo.occurred_at, row["since"], row["attempted_at"])
        ]
        if own_id := known[0]["id"] if known else _find_own(echo, current):
            taken_ids.add(own_id)
            sorted_echoes.reports.append((webhook_id, _build_report(echo, own_id)))
        elif webhook_id in patient_ids and any(row["status"] == "sending" for row in current):
            sorted_echoes.waiting_ids.add(webhook_id)
        else:
            sorted_echoes.foreign.append(echo)
    return sorted_echoes


def _find_own(echo: Echo, current: Sequence[dict]) -> UUID | None:
    """The message under way that the echo is of: by the same text, or the only one by a text that Meta changed."""
    for row in current:
        if row["content"] == echo.body:
            return row["id"]
    folded_body = matching.fold_text(echo.body)
    alike = [row for row in current if matching.fold_text(row["content"]) == folded_body]
    # An answer to what is still being sent comes any moment, and says it for certain.
    if folded_body and len(alike) == 1 and alike[0]["status"] == "unknown":
        return alike[0]["id"]
    return None


def _build_columns(echoes: Sequence[Echo]) -> dict[str, list]:
    return {
        "platform": [echo.platform for echo in echoes],
        "channel": [echo.channel_address for echo in echoes],
        "contact": [echo.contact_address for echo in echoes],
        "message": [echo.message_id for echo in echoes],
        "provider_id": [echo.provider_id for echo in echoes],
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
