"""Turning stored webhooks into contacts, conversations and messages, in sets, each provider id once."""

import logging
from collections.abc import Iterable, Sequence

from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.types import JSONDict

from integrations import isolation, providers
from integrations.events import InboundMessage, StatusUpdate, Unsupported
from integrations.models import WebhookEvent
from messagehub import sql, tenancy
from messaging.live import event_log
from messaging.sending import consent, delivery_reports

log = logging.getLogger(__name__)
BATCH = 200
Key = tuple[str, str, str]  # account, platform, provider id

# Eight attempts with doubling pauses take about four minutes. So long a status report without a known message is tried
# again too; then it is kept for operators.
WAITING = """
FROM webhook_events
WHERE processed_at IS NULL AND quarantined = '' AND attempts < 8 AND (try_again_at IS NULL OR try_again_at <= now())
  AND (%s::uuid[] IS NULL OR id = ANY(%s::uuid[]))
ORDER BY id LIMIT %s
"""
CLAIM = f"SELECT id, source, account, query, body, created_at, attempts {WAITING} FOR UPDATE SKIP LOCKED"
DONE = "UPDATE webhook_events SET processed_at = now(), error = '' WHERE id = ANY(%s)"
FAILED = """
UPDATE webhook_events SET attempts = attempts + 1, error = %s, try_again_at = now() + interval '1 s' * 2 ^ attempts
WHERE id = %s
"""
SET_ASIDE = "UPDATE webhook_events SET quarantined = %s WHERE id = %s"

# Lock order of all statements below: contacts, conversations, messages, the chatrooms' event counters.
# ORDINALITY keeps the order of arrival. An account is named where its own secret signed; Meta's app signs for all, and
# there the channel in service counts.
INCOMING = """
WITH incoming AS (
    SELECT n.organization_id, n.chatroom_id, n.id AS channel_id, k.contact_id, i.*
    FROM unnest(%(account)s::text[], %(platform)s::text[], %(provider_id)s::text[], %(from_address)s::text[],
                %(to_address)s::text[], %(body)s::text[], %(occurred_at)s::timestamptz[], %(segments)s::int[])
        WITH ORDINALITY
        AS i (account, platform, provider_id, from_address, to_address, body, occurred_at, segments, place)
    JOIN channels n ON n.platform = i.platform AND n.address = i.to_address
    JOIN provider_accounts a ON a.id = n.account_id
        AND CASE WHEN i.account = '' THEN n.retired_at IS NULL ELSE a.external_id = i.account END
    LEFT JOIN contact_addresses k
        ON k.chatroom_id = n.chatroom_id AND k.platform = i.platform AND k.address = i.from_address
)
"""
# The address is claimed first: its unique index decides between two workers that meet a new customer at once. A phone
# number is the contact's `phone` too.
CONTACTS = f"""
{INCOMING}, claimed AS (
    INSERT INTO contact_addresses (organization_id, chatroom_id, contact_id, platform, address, is_primary, channel_id)
    SELECT DISTINCT ON (chatroom_id, platform, from_address)
           organization_id, chatroom_id, uuidv7(), platform, from_address, true,
           CASE WHEN platform <> 'SMS' THEN channel_id END
    FROM incoming WHERE contact_id IS NULL
    ORDER BY chatroom_id, platform, from_address
    ON CONFLICT (chatroom_id, platform, address) DO NOTHING
    RETURNING organization_id, chatroom_id, contact_id, platform, address
), made AS (
    INSERT INTO contacts (id, organization_id, chatroom_id, phone)
    SELECT contact_id, organization_id, chatroom_id, CASE WHEN platform = 'SMS' THEN address END FROM claimed
    RETURNING id, organization_id
)
INSERT INTO contact_activities (organization_id, contact_id, kind, reference)
SELECT organization_id, id, 'created', id FROM made
"""
# Two statements ("Never lock and update the same rows in one statement" in docs/decisions.md): an update goes by the
# rows as they were before its statement waited, and deadlocked 260 times in 37,125 commits.
HOLD_CONTACTS = f"""
{INCOMING}
SELECT id FROM contacts
WHERE id IN (SELECT contact_id FROM incoming) ORDER BY id FOR NO KEY UPDATE
"""
TOUCH_CONTACTS = f"""
{INCOMING}, latest AS (
    SELECT contact_id AS id, max(occurred_at) AS at FROM incoming GROUP BY contact_id
)
UPDATE contacts SET last_activity_at = greatest(last_activity_at, latest.at) FROM latest WHERE contacts.id = latest.id
RETURNING contacts.blocked_at IS NOT NULL AS blocked
"""
BLOCKED = f"""
{INCOMING}
SELECT i.account, i.platform, i.provider_id
FROM incoming i JOIN contacts c ON c.id = i.contact_id WHERE c.blocked_at IS NOT NULL
"""
CONVERSATIONS = f"""
{INCOMING}, made AS (
    INSERT INTO conversations (organization_id, chatroom_id, contact_id, platform, channel_id)
    SELECT DISTINCT i.organization_id, i.chatroom_id, i.contact_id, i.platform, i.channel_id
    FROM incoming i
    WHERE NOT EXISTS (
        SELECT FROM conversations v
        WHERE v.contact_id = i.contact_id AND v.platform = i.platform AND v.channel_id = i.channel_id
          AND v.status <> 'CLOSED')
    ORDER BY 3, 5
    ON CONFLICT (contact_id, platform, channel_id) WHERE NOT (status = 'CLOSED') DO NOTHING
    RETURNING id, organization_id, contact_id
)
INSERT INTO contact_activities (organization_id, contact_id, kind, reference)
SELECT organization_id, contact_id, 'conversation_opened', id FROM made
"""
LOCK_CONVERSATIONS = f"""
{INCOMING}
SELECT v.id, (SELECT count(DISTINCT (contact_id, channel_id)) FROM incoming) AS expected
FROM conversations v
WHERE v.id IN (
    SELECT o.id FROM incoming i
    JOIN conversations o ON o.contact_id = i.contact_id AND o.platform = i.platform AND o.channel_id = i.channel_id
) AND v.status <> 'CLOSED'
ORDER BY v.id FOR NO KEY UPDATE
"""
MESSAGES = f"""
{INCOMING}, made AS (
    INSERT INTO messages (organization_id, chatroom_id, conversation_id, contact_id, channel_id, direction, platform,
                          content, status, provider_id, from_address, to_address, segments, occurred_at)
    SELECT i.organization_id, i.chatroom_id, v.id, i.contact_id, i.channel_id, 'inbound', i.platform, i.body,
           'received', i.provider_id, i.from_address, i.to_address, i.segments, i.occurred_at
    FROM incoming i
    JOIN conversations v ON v.contact_id = i.contact_id AND v.platform = i.platform AND v.channel_id = i.channel_id
                        AND v.status <> 'CLOSED'
    ORDER BY i.occurred_at, i.place  -- keys are made in this order: they decide where times are the same
    ON CONFLICT (platform, provider_id, organization_id) DO NOTHING
    RETURNING id, organization_id, chatroom_id, conversation_id, platform, provider_id, occurred_at
), counted AS (
    SELECT conversation_id, count(*) AS n, min(occurred_at) AS first, max(occurred_at) AS at,
           (array_agg(id ORDER BY occurred_at DESC, id DESC))[1] AS newest
    FROM made GROUP BY conversation_id
), touched AS (
    UPDATE conversations v
    SET inbound_count = v.inbound_count + n, status = 'OPEN', snoozed_until = NULL,
        last_inbound_at = greatest(v.last_inbound_at, at), waiting_since = coalesce(v.waiting_since, first),
        last_message_id = CASE WHEN v.last_message_id IS NULL OR at >= v.last_message_at THEN newest
                               ELSE v.last_message_id END,
        last_message_at = CASE WHEN v.last_message_id IS NULL THEN at ELSE greatest(v.last_message_at, at) END
    FROM counted WHERE v.id = counted.conversation_id
)
SELECT made.id, made.organization_id, made.chatroom_id, made.conversation_id, made.platform, made.provider_id, i.account
FROM made JOIN incoming i ON i.provider_id = made.provider_id AND i.organization_id = made.organization_id
                         AND i.platform = made.platform
ORDER BY made.occurred_at, made.id
"""
# Messages of blocked contacts go into their newest closed conversation: kept, but without events and unread counts.
SILENT_CONVERSATIONS = f"""
{INCOMING}
INSERT INTO conversations (organization_id, chatroom_id, contact_id, platform, channel_id, status)
SELECT DISTINCT i.organization_id, i.chatroom_id, i.contact_id, i.platform, i.channel_id, 'CLOSED'
FROM incoming i
WHERE NOT EXISTS (
    SELECT FROM conversations v
    WHERE v.contact_id = i.contact_id AND v.platform = i.platform AND v.channel_id = i.channel_id
      AND v.status = 'CLOSED')
"""
LOCK_SILENT = f"""
{INCOMING}
SELECT id FROM conversations WHERE id IN (
    SELECT DISTINCT ON (o.contact_id, o.channel_id) o.id
    FROM incoming i
    JOIN conversations o ON o.contact_id = i.contact_id AND o.platform = i.platform AND o.channel_id = i.channel_id
                        AND o.status = 'CLOSED'
    ORDER BY o.contact_id, o.channel_id, o.last_message_at DESC, o.id DESC)
ORDER BY id FOR NO KEY UPDATE
"""
SILENT_MESSAGES = f"""
{INCOMING}, made AS (
    INSERT INTO messages (organization_id, chatroom_id, conversation_id, contact_id, channel_id, direction, platform,
                          content, status, provider_id, from_address, to_address, segments, occurred_at)
    SELECT i.organization_id, i.chatroom_id, v.id, i.contact_id, i.channel_id, 'inbound', i.platform, i.body,
           'received', i.provider_id, i.from_address, i.to_address, i.segments, i.occurred_at
    FROM incoming i
    JOIN conversations v ON v.id = ANY(%(targets)s) AND v.contact_id = i.contact_id AND v.channel_id = i.channel_id
    ORDER BY i.occurred_at, i.place
    ON CONFLICT (platform, provider_id, organization_id) DO NOTHING
    RETURNING id, organization_id, chatroom_id, conversation_id, platform, provider_id, occurred_at
), counted AS (
    SELECT conversation_id, count(*) AS n, max(occurred_at) AS at,
           (array_agg(id ORDER BY occurred_at DESC, id DESC))[1] AS newest
    FROM made GROUP BY conversation_id
), touched AS (
    UPDATE conversations v
    SET inbound_count = v.inbound_count + n, last_inbound_at = greatest(v.last_inbound_at, at),
        last_message_id = CASE WHEN v.last_message_id IS NULL OR at >= v.last_message_at THEN newest
                               ELSE v.last_message_id END,
        last_message_at = CASE WHEN v.last_message_id IS NULL THEN at ELSE greatest(v.last_message_at, at) END
    FROM counted WHERE v.id = counted.conversation_id
)
SELECT made.id, made.organization_id, made.chatroom_id, made.conversation_id, made.platform, made.provider_id, i.account
FROM made JOIN incoming i ON i.provider_id = made.provider_id AND i.organization_id = made.organization_id
                         AND i.platform = made.platform
ORDER BY made.occurred_at, made.id
"""
ATTACH = """
INSERT INTO attachments (organization_id, message_id, position, content_type, source_url)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::int[], %s::text[], %s::text[])
RETURNING id
"""


class NotRouted(Exception):
    """No organization owns the number that the message was sent to."""

    def __init__(self) -> None:
        super().__init__("No organization owns this number any more.")


class ClosedMeanwhile(Exception):
    """A conversation was closed between finding and locking it. Trying again opens another one."""

    def __init__(self) -> None:
        super().__init__("The conversation was closed at the same moment.")


def drain_webhooks(limit: int = BATCH) -> int:
    """Process the oldest waiting webhooks; returns how many. Raises only when the database is away."""
    try:
        return _process_batch(limit)
    except isolation.DATABASE_AWAY:  # the worker repeats the call
        raise
    except Exception as error:
        # One bad webhook rolled back the whole batch. One by one, it stops only itself.
        log.warning("A batch of webhooks failed (%s) and is tried one by one.", type(error).__name__)
    return _process_each(limit)


def process_events(ids: Sequence) -> int:
    """Process failed or waiting webhooks again now; returns how many succeeded."""
    with tenancy.system():
        WebhookEvent.objects.filter(pk__in=ids, processed_at=None).update(
            attempts=0, try_again_at=None, error="", quarantined=""
        )
    return sum(_process_one(pk) for pk in ids)


def _process_each(limit: int) -> int:
    with tenancy.system():
        event_ids = [row["id"] for row in sql.fetch_rows(f"SELECT id {WAITING}", [None, None, limit])]
    for pk in event_ids:
        _process_one(pk)
    return len(event_ids)


def _process_one(pk) -> bool:
    try:
        _process_batch(1, [pk])
    except isolation.DATABASE_AWAY:
        raise
    except ClosedMeanwhile as error:
        _record_failure(pk, f"{error}")
        return False
    except Exception as error:
        log.exception("Webhook %s could not be processed.", pk)
        _record_failure(pk, f"{type(error).__name__}: {error}")
        return False
    return True


def _record_failure(pk, error: str) -> None:
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(FAILED, [error.encode(errors="replace").decode().replace("\0", "")[:2000], pk])


def _process_batch(limit: int, only: list | None = None) -> int:
    """Claim, process and mark a batch in one transaction, so that a crash leaves all of it waiting."""
    with tenancy.system():
        rows = sql.fetch_rows(CLAIM, [only, only, limit])
        if not rows:
            return 0
        processed_ids, inbound, updates = [], [], []
        for row in rows:
            try:
                event = providers.parse_event(
                    row["source"], row["account"], bytes(row["body"]), row["query"], row["created_at"]
                )
            except ValueError as error:
                _set_aside(row["id"], str(error))
                continue
            if isinstance(event, Unsupported):
                _set_aside(row["id"], event.reason)
                continue
            processed_ids.append(row["id"])
            if isinstance(event, InboundMessage):
                inbound.append(event)
            elif isinstance(event, StatusUpdate):
                updates.append((row["id"], event))
        message_changes = receive_messages(inbound)
        report_changes, unmatched_ids = delivery_reports.apply_reports(updates)
        event_log.record_events([*message_changes, *report_changes])
        with connection.cursor() as cursor:
            cursor.execute(DONE, [[pk for pk in processed_ids if pk not in unmatched_ids]])
            for pk in unmatched_ids:
                cursor.execute(FAILED, ["No message of ours is known by this id yet.", pk])
        return len(rows)


def _set_aside(pk, reason: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SET_ASIDE, [reason[:200], pk])


def receive_messages(events: Iterable[InboundMessage]) -> list[event_log.Change]:
    """Store inbound messages with their contacts and conversations; returns the changes, which the caller records.

    Messages with a known provider id change nothing. Raises NotRouted and ClosedMeanwhile.
    """
    event_of = {_key(event): event for event in events}
    if not event_of:
        return []
    columns = _build_columns(event_of.values())
    with connection.cursor() as cursor:
        cursor.execute(f"{INCOMING} SELECT count(*) FROM incoming", columns)
        if cursor.fetchone()[0] < len(event_of):
            raise NotRouted
        cursor.execute(CONTACTS, columns)
    blocked_keys = set()
    if any(row["blocked"] for row in sql.fetch_rows(f"{HOLD_CONTACTS}; {TOUCH_CONTACTS}", columns)):
        blocked_keys = {_row_key(row) for row in sql.fetch_rows(BLOCKED, columns)}
    visible_rows = _store_messages([event for key, event in event_of.items() if key not in blocked_keys])
    all_rows = [*visible_rows, *_store_blocked_messages([event_of[key] for key in event_of if key in blocked_keys])]
    _store_attachments(all_rows, event_of)
    event_by_row = [(row["id"], event_of[_row_key(row)]) for row in all_rows]
    kinds = [(pk, consent.read_consent(event.body, event.keyword)) for pk, event in event_by_row]
    consent_changes = consent.record_keywords([(pk, kind) for pk, kind in kinds if kind])
    message_changes = [
        event_log.Change(
            event_log.CREATED, row["organization_id"], row["chatroom_id"], row["conversation_id"], row["id"]
        )
        for row in visible_rows
    ]
    return message_changes + consent_changes


def _key(event: InboundMessage) -> Key:
    return event.account, event.platform, event.provider_id


def _row_key(row: dict) -> Key:
    return row["account"], row["platform"], row["provider_id"]


def _build_columns(events: Iterable[InboundMessage]) -> dict[str, list]:
    names = ("account", "platform", "provider_id", "from_address", "to_address", "body", "occurred_at", "segments")
    batch = list(events)
    return {name: [getattr(event, name) for event in batch] for name in names}


def _store_messages(events: Sequence[InboundMessage]) -> list[dict]:
    """Store messages of locked contacts in unclosed conversations. Raises ClosedMeanwhile."""
    if not events:
        return []
    columns = _build_columns(events)
    with connection.cursor() as cursor:
        cursor.execute(CONVERSATIONS, columns)
        cursor.execute(LOCK_CONVERSATIONS, columns)
        locked_rows = cursor.fetchall()
        if not locked_rows or len(locked_rows) < locked_rows[0][1]:
            raise ClosedMeanwhile
    return sql.fetch_rows(MESSAGES, columns)


def _store_blocked_messages(events: Sequence[InboundMessage]) -> list[dict]:
    """Store messages of locked, blocked contacts."""
    if not events:
        return []
    columns = _build_columns(events)
    with connection.cursor() as cursor:
        cursor.execute(SILENT_CONVERSATIONS, columns)
    targets = [row["id"] for row in sql.fetch_rows(LOCK_SILENT, columns)]
    return sql.fetch_rows(SILENT_MESSAGES, {**columns, "targets": targets})


def _store_attachments(rows: list[dict], events: dict[Key, InboundMessage]) -> None:
    attachment_values = [
        (row["organization_id"], row["id"], position, media.content_type, media.url[:2000])
        for row in rows
        for position, media in enumerate(events[_row_key(row)].media)
    ]
    if attachment_values:
        attachments = sql.fetch_rows(ATTACH, [list(column) for column in zip(*attachment_values, strict=True)])
        # Jobs are rows of the same database: they commit with the attachments, or not at all.
        jobs: list[JSONDict] = [{"attachment_id": str(row["id"])} for row in attachments]
        app.configure_task("messaging.tasks.fetch_attachment").batch_defer(*jobs)
