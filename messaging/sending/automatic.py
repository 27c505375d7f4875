"""Answers that nobody writes: to HELP, where the provider does not answer it. Nobody pays for them."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from uuid_utils.compat import uuid7

from integrations.providers import read_limits
from messagehub import sql
from messaging.consent.keywords import Reading
from messaging.live import event_log
from messaging.models import Message
from messaging.sending import enqueue

# Twilio answers these to long codes and toll-free numbers, whole and in any case, unless an account has had that turned
# off (https://support.twilio.com/hc/en-us/articles/223181748). It answers nothing to short codes, where carriers want
# an answer for everybody, also for who has opted out
# (https://support.twilio.com/hc/en-us/articles/223182208). Where it has blocked a number after STOP, ours would be
# refused with 21610. Meta answers nothing.
TWILIOS = ("help", "info")
# Once in an hour for each contact, so that two machines don't talk to each other; and not to what is fetched later.
# Contacts are locked by now, so another worker's answer is seen. The conversation of who is blocked is closed.
ASKED = """
SELECT DISTINCT ON (m.contact_id) m.organization_id, m.chatroom_id, m.conversation_id, m.contact_id, m.channel_id,
       m.platform, m.to_address AS from_address, m.from_address AS to_address, o.help_text AS content
FROM unnest(%s::uuid[], %s::text[], %s::boolean[]) AS w (message_id, languages, is_twilios)
JOIN messages m ON m.id = w.message_id
JOIN conversations v ON v.id = m.conversation_id AND v.status <> 'CLOSED'
JOIN channels n ON n.id = m.channel_id AND n.retired_at IS NULL
JOIN organizations o ON o.id = m.organization_id AND o.help_text <> ''
    AND string_to_array(w.languages, ' ') && ('{en}' || o.keyword_languages::text[])
WHERE m.occurred_at > now() - interval '1 hour'
  AND (n.platform <> 'SMS' OR n.address NOT LIKE '+%%'
       OR (o.help_on_long_codes OR NOT w.is_twilios)
          AND 'opt_out' IS DISTINCT FROM (
              SELECT e.kind FROM consent_entries e
              WHERE e.channel_id = n.id AND e.address = m.from_address AND e.source IN ('keyword', 'provider')
              ORDER BY e.created_at DESC, e.id DESC LIMIT 1))
  AND NOT EXISTS (
      SELECT FROM messages a
      WHERE a.contact_id = m.contact_id AND a.occurred_at > now() - interval '1 hour' AND a.automatic = 'help')
ORDER BY m.contact_id, m.occurred_at, m.id
"""
# `waiting_since` stays: what the customer wanted to know is not answered by it.
TOUCH = """
UPDATE conversations v SET last_message_id = u.message_id, last_message_at = now()
FROM unnest(%s::uuid[], %s::uuid[]) AS u (id, message_id) WHERE v.id = u.id
"""


def answer_keywords(readings: Sequence[Reading]) -> list[event_log.Change]:
    """Queue answers to HELP among new inbound messages, whose contacts and conversations are locked.

    Returns the changes to record.
    """
    asked = [
        (reading.message_id, reading.languages, reading.text.strip().lower() in TWILIOS)
        for reading in readings
        if reading.keyword == "HELP" and not reading.is_providers
    ]
    if not asked:
        return []
    rows = sql.fetch_rows(ASKED, [list(column) for column in zip(*asked, strict=True)])
    return _queue_answers(rows, Message.Automatic.HELP)


def _queue_answers(rows: Sequence[dict], kind: str) -> list[event_log.Change]:
    answers = [
        Message(
            pk=uuid7(),
            direction=Message.Direction.OUTBOUND,
            status=Message.Status.QUEUED,
            segments=enqueue.count_parts(row["platform"], row["content"]),
            automatic=kind,
            **row,
        )
        for row in rows
        if read_limits(row["platform"]).fits(row["content"])
    ]
    if not answers:
        return []
    Message.objects.bulk_create(answers)
    conversation_ids: list[UUID] = [answer.conversation_id for answer in answers]
    with connection.cursor() as cursor:
        cursor.execute(TOUCH, [conversation_ids, [answer.pk for answer in answers]])
        cursor.execute("SELECT pg_notify(%s, '')", [enqueue.WAKE_CHANNEL])
    return [
        event_log.Change(
            event_log.CREATED, answer.organization_id, answer.chatroom_id, answer.conversation_id, answer.pk
        )
        for answer in answers
    ]
