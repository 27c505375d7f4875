"""Double opt-in: whoever writes a keyword to join is asked, and their YES to that question is their consent."""

from collections.abc import Iterable

from chatrooms import phones
from messagehub import sentences, sql
from messaging.consent import entries
from messaging.consent.keywords import Reading
from messaging.live import event_log

# Whether who wrote the message `m` has opted out of the channel `n`: the newest word about any form of their number.
ANY_FORM = f"ANY({phones.FORMS_IN_SQL.format(number='m.from_address')})"
HAS_OPTED_OUT = f"({entries.OPTED_OUT.format(address=ANY_FORM)} IS TRUE)"
# YES means it only right after the question: people say it to others too. Whoever has opted out in between needs START.
CONFIRMED = f"""
SELECT m.id, asked.content AS word
FROM unnest(%s::uuid[], %s::text[]) AS w (message_id, languages)
JOIN messages m ON m.id = w.message_id
JOIN channels n ON n.id = m.channel_id
JOIN organizations o ON o.id = m.organization_id
    AND string_to_array(w.languages, ' ') && ('{{en}}' || o.keyword_languages::text[])
CROSS JOIN LATERAL (
    SELECT b.automatic, b.status, b.occurred_at, b.reply_to_id FROM messages b
    WHERE b.contact_id = m.contact_id AND b.channel_id = m.channel_id
      AND (b.occurred_at, b.id) < (m.occurred_at, m.id)
    ORDER BY b.occurred_at DESC, b.id DESC LIMIT 1
) question
JOIN messages asked ON asked.id = question.reply_to_id
WHERE question.automatic = 'join' AND question.occurred_at > m.occurred_at - interval '24 hours'
  AND question.status IN ('sending', 'unknown', 'accepted', 'sent', 'delivered', 'read')
  AND NOT {HAS_OPTED_OUT}
ORDER BY m.occurred_at, m.id
"""


def confirm_joining(readings: Iterable[Reading]) -> list[event_log.Change]:
    """Record the consent of those who say YES to the question whether they want to join, within a day.

    Returns the changes to record.
    """
    said = [(reading.message_id, reading.languages) for reading in readings if reading.keyword == "YES"]
    if not said:
        return []
    rows = sql.fetch_rows(CONFIRMED, [list(column) for column in zip(*said, strict=True)])
    return entries.record_confirmations([(row["id"], sentences.JOINED.format(word=row["word"][:100])) for row in rows])
