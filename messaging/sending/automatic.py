"""Answers that nobody writes: to HELP, where the provider does not, and to who wants to join. Nobody pays for them."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from uuid_utils.compat import uuid7

from accounts.rules import LONGEST_JOIN_KEYWORD
from integrations.providers import read_limits
from messagehub import sql
from messaging.consent.joining import HAS_OPTED_OUT
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
# Whoever has opted out needs START. Three times in an hour at most: YES has to come right after the question, so who
# writes the keyword again is asked again. Words that nobody asks about go first: short texts are frequent.
JOINING = f"""
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(%s::uuid[], %s::text[]) AS w (message_id, word)
    WHERE w.word IN (SELECT unnest(o.join_keywords) FROM organizations o WHERE o.join_question <> '')
)
SELECT DISTINCT ON (m.contact_id, m.channel_id) m.organization_id, m.chatroom_id, m.conversation_id, m.contact_id,
       m.channel_id, m.platform, m.to_address AS from_address, m.from_address AS to_address, m.id AS reply_to_id,
       o.join_question AS content
FROM asked w
JOIN messages m ON m.id = w.message_id
JOIN conversations v ON v.id = m.conversation_id AND v.status <> 'CLOSED'
JOIN channels n ON n.id = m.channel_id AND n.retired_at IS NULL
JOIN organizations o ON o.id = m.organization_id AND o.join_question <> '' AND w.word = ANY(o.join_keywords)
WHERE m.occurred_at > now() - interval '1 hour'
  AND NOT {HAS_OPTED_OUT}
  AND 3 > (SELECT count(*) FROM messages a
           WHERE a.contact_id = m.contact_id AND a.occurred_at > now() - interval '1 hour' AND a.automatic = 'join')
ORDER BY m.contact_id, m.channel_id, m.occurred_at DESC, m.id DESC
"""
# `waiting_since` stays: what the customer wanted to know is not answered by it.
TOUCH = """
UPDATE conversations v SET last_message_id = u.message_id, last_message_at = now()
FROM unnest(%s::uuid[], %s::uuid[]) AS u (id, message_id) WHERE v.id = u.id
"""


def answer_keywords(readings: Sequence[Reading]) -> list[event_log.Change]:
    """Queue answers to HELP and to keywords to join among new inbound messages, whose contacts and conversations are
    locked.

    Returns the changes to record.
    """
    ours = [reading for reading in readings if reading.word and not reading.is_providers]
    return _answer_help([reading for reading in ours if reading.keyword == "HELP"]) + _ask_to_join(
        [reading for reading in ours if not reading.keyword and len(reading.word) <= LONGEST_JOIN_KEYWORD]
    )


def _answer_help(readings: Sequence[Reading]) -> list[event_log.Change]:
    if not readings:
        return []
    asked = [(reading.message_id, reading.languages, reading.text.strip().lower() in TWILIOS) for reading in readings]
    rows = sql.fetch_rows(ASKED, [list(column) for column in zip(*asked, strict=True)])
    return _queue_answers(rows, Message.Automatic.HELP)


def _ask_to_join(readings: Sequence[Reading]) -> list[event_log.Change]:
    if not readings:
        return []
    columns = [[reading.message_id for reading in readings], [reading.word for reading in readings]]
    return _queue_answers(sql.fetch_prepared(JOINING, columns), Message.Automatic.JOIN)


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
