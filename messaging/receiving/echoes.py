"""Messages that went out from our channels, as the provider echoes them.

An echo of ours settles it like any report, also where the answer to the send was lost. One that somebody wrote in the
provider's own inbox is stored as sent, and costs nothing.
"""

from collections.abc import Sequence
from uuid import UUID

from integrations.events import Echo, StatusUpdate
from messagehub import sql
from messaging.live import event_log
from messaging.receiving import arrivals
from messaging.sending import delivery_reports

# For echoes without our metadata: a message that is under way to the same contact with the same text. The oldest, and
# each for one echo only.
UNDER_WAY = """
SELECT m.id FROM messages m JOIN channels n ON n.id = m.channel_id
WHERE m.status IN ('sending', 'unknown') AND m.provider_id IS NULL AND n.platform = %s AND n.address = %s
  AND m.to_address = %s AND m.content = %s AND NOT m.id = ANY(%s)
ORDER BY m.id LIMIT 1
"""


def receive_echoes(echoes: Sequence[tuple[UUID, Echo]]) -> list[event_log.Change]:
    """Settle our own messages and store the others, each given with the id of its webhook; returns the changes.

    Raises NotRouted and ClosedMeanwhile.
    """
    if not echoes:
        return []
    changes, unmatched_ids = delivery_reports.apply_reports([(pk, _build_report(echo)) for pk, echo in echoes])
    foreign_echoes: list[Echo] = []
    found: list[tuple[UUID, StatusUpdate]] = []
    for pk, echo in echoes:
        if pk in unmatched_ids:
            message_id = _find_under_way(echo, [report.message_id for _, report in found])
            if message_id:
                found.append((pk, _build_report(echo, message_id)))
            else:
                foreign_echoes.append(echo)
    more_changes, _ = delivery_reports.apply_reports(found)
    return [*changes, *more_changes, *arrivals.receive_messages(foreign_echoes)]


def _build_report(echo: Echo, message_id: UUID | None = None) -> StatusUpdate:
    return StatusUpdate(
        account=echo.channel_address,
        platform=echo.platform,
        provider_id=echo.provider_id,
        status="sent",
        provider_status="echo",
        occurred_at=echo.occurred_at,
        message_id=message_id or echo.message_id,
    )


def _find_under_way(echo: Echo, taken: Sequence[UUID | None]) -> UUID | None:
    rows = sql.fetch_rows(
        UNDER_WAY, [echo.platform, echo.channel_address, echo.contact_address, echo.body, list(filter(None, taken))]
    )
    return rows[0]["id"] if rows else None
