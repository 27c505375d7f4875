"""Storing messages that came from a provider, with their contacts and conversations, in sets, each provider id once."""

from collections.abc import Iterable, Mapping, Sequence

from procrastinate.contrib.django import app
from procrastinate.types import JSONDict

from integrations.events import Echo, InboundMessage, Referred
from messagehub import sql
from messaging.consent import keywords, offers
from messaging.live import event_log
from messaging.sending import automatic

Message = InboundMessage | Echo
Key = tuple[str, str, str, str]  # account, platform, the channel's address, provider id

# Lock order of all statements below: contacts, conversations, messages, the chatrooms' event counters.
# ORDINALITY keeps the order of arrival. An account is named where its own secret signed; Meta's app signs for all, and
# there the channel in service counts.
INCOMING = """
WITH incoming AS (
    SELECT n.organization_id, n.chatroom_id, n.id AS channel_id, k.contact_id, i.*
    FROM unnest(%(account)s::text[], %(platform)s::text[], %(provider_id)s::text[], %(contact_address)s::text[],
                %(channel_address)s::text[], %(direction)s::text[], %(body)s::text[], %(occurred_at)s::timestamptz[],
                %(segments)s::int[]) WITH ORDINALITY
        AS i (account, platform, provider_id, contact_address, channel_address, direction, body, occurred_at, segments,
              place)
    JOIN channels n ON n.platform = i.platform AND n.address = i.channel_address
    JOIN provider_accounts a ON a.id = n.account_id
        AND CASE WHEN i.account = '' THEN n.retired_at IS NULL ELSE a.external_id = i.account END
    LEFT JOIN contact_addresses k
        ON k.chatroom_id = n.chatroom_id AND k.platform = i.platform AND k.address = i.contact_address
)
"""
ROUTED = f"{INCOMING} SELECT account, platform, channel_address, provider_id FROM incoming"
# Left out before anything is made for them: a message that comes once more must not open an empty conversation.
KNOWN = f"""
{INCOMING}
SELECT account, platform, channel_address, provider_id, EXISTS (
    SELECT FROM messages m
    WHERE m.platform = i.platform AND m.provider_id = i.provider_id AND m.organization_id = i.organization_id) AS known
FROM incoming i
"""
# The address is claimed first: its unique index decides between two workers that meet a new customer at once. A phone
# number is the contact's `phone` too.
CONTACTS = f"""
{INCOMING}, claimed AS (
    INSERT INTO contact_addresses (organization_id, chatroom_id, contact_id, platform, address, is_primary, channel_id)
    SELECT DISTINCT ON (chatroom_id, platform, contact_address)
           organization_id, chatroom_id, uuidv7(), platform, contact_address, true,
           CASE WHEN platform <> 'SMS' THEN channel_id END
    FROM incoming WHERE contact_id IS NULL
    ORDER BY chatroom_id, platform, contact_address
    ON CONFLICT (chatroom_id, platform, address) DO NOTHING
    RETURNING organization_id, chatroom_id, contact_id, platform, address
), made AS (
    INSERT INTO contacts (id, organization_id, chatroom_id, phone)
    SELECT contact_id, organization_id, chatroom_id, CASE WHEN platform = 'SMS' THEN address END FROM claimed
    RETURNING id, organization_id
)
INSERT INTO contact_activities (organization_id, contact_id, kind, reference)
SELECT organization_id, id, 'created', id FROM made RETURNING contact_id AS id
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
SELECT i.account, i.platform, i.channel_address, i.provider_id
FROM incoming i JOIN contacts c ON c.id = i.contact_id WHERE c.blocked_at IS NOT NULL
"""
# One that an echo opens goes on with the reply window of those before it.
CONVERSATIONS = f"""
{INCOMING}, new AS (
    SELECT DISTINCT i.organization_id, i.chatroom_id, i.contact_id, i.platform, i.channel_id
    FROM incoming i
    WHERE NOT EXISTS (
        SELECT FROM conversations v
        WHERE v.contact_id = i.contact_id AND v.platform = i.platform AND v.channel_id = i.channel_id
          AND v.status <> 'CLOSED')
), made AS (
    INSERT INTO conversations (organization_id, chatroom_id, contact_id, platform, channel_id, last_inbound_at)
    SELECT organization_id, chatroom_id, contact_id, platform, channel_id,
           CASE WHEN platform <> 'SMS' THEN (
               SELECT max(v.last_inbound_at) FROM conversations v
               WHERE v.contact_id = new.contact_id AND v.channel_id = new.channel_id) END
    FROM new
    ORDER BY contact_id, channel_id
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
                          content, status, provider_id, from_address, to_address, segments, occurred_at, sent_at)
    SELECT i.organization_id, i.chatroom_id, v.id, i.contact_id, i.channel_id, i.direction, i.platform, i.body,
           CASE i.direction WHEN 'inbound' THEN 'received' ELSE 'sent' END, i.provider_id,
           CASE i.direction WHEN 'inbound' THEN i.contact_address ELSE i.channel_address END,
           CASE i.direction WHEN 'inbound' THEN i.channel_address ELSE i.contact_address END,
           i.segments, i.occurred_at, CASE i.direction WHEN 'outbound' THEN i.occurred_at END
    FROM incoming i
    JOIN conversations v ON v.contact_id = i.contact_id AND v.platform = i.platform AND v.channel_id = i.channel_id
                        AND v.status <> 'CLOSED'
    ORDER BY i.occurred_at, i.place  -- keys are made in this order: they decide where times are the same
    ON CONFLICT (platform, provider_id, organization_id) DO NOTHING
    RETURNING id, organization_id, chatroom_id, conversation_id, channel_id, direction, platform, provider_id,
              occurred_at
), counted AS (
    SELECT conversation_id, max(occurred_at) AS at, (array_agg(id ORDER BY occurred_at DESC, id DESC))[1] AS newest,
           count(*) FILTER (WHERE direction = 'inbound') AS n,
           min(occurred_at) FILTER (WHERE direction = 'inbound') AS first,
           max(occurred_at) FILTER (WHERE direction = 'inbound') AS last,
           max(occurred_at) FILTER (WHERE direction = 'outbound') AS answered
    FROM made GROUP BY conversation_id
), touched AS (
    UPDATE conversations v
    SET inbound_count = v.inbound_count + n, last_inbound_at = greatest(v.last_inbound_at, last),
        status = CASE WHEN n > 0 THEN 'OPEN' ELSE v.status END,
        snoozed_until = CASE WHEN n > 0 THEN NULL ELSE v.snoozed_until END,
        waiting_since = CASE
            WHEN answered IS NULL AND (v.last_message_id IS NULL OR first >= v.last_message_at)
            THEN coalesce(v.waiting_since, first)
            -- Late messages and echoes: the first unanswered one, of those stored before and of these.
            ELSE (
                SELECT least(
                    (SELECT min(m.occurred_at) FROM messages m
                     WHERE m.conversation_id = v.id AND m.direction = 'inbound' AND m.occurred_at > answer.at),
                    (SELECT min(made.occurred_at) FROM made
                     WHERE made.conversation_id = v.id AND made.direction = 'inbound' AND made.occurred_at > answer.at))
                FROM (SELECT coalesce(greatest(answered, (
                    SELECT max(m.occurred_at) FROM messages m
                    WHERE m.conversation_id = v.id AND m.direction = 'outbound' AND m.campaign_id IS NULL
                      AND m.automatic = ''
                )), '-infinity') AS at) answer)
        END,
        last_message_id = CASE WHEN v.last_message_id IS NULL OR at >= v.last_message_at THEN newest
                               ELSE v.last_message_id END,
        last_message_at = CASE WHEN v.last_message_id IS NULL THEN at ELSE greatest(v.last_message_at, at) END
    FROM counted WHERE v.id = counted.conversation_id
)
SELECT made.id, made.organization_id, made.chatroom_id, made.conversation_id, made.direction, made.platform,
       made.provider_id, i.account, i.channel_address
FROM made JOIN incoming i ON i.provider_id = made.provider_id AND i.channel_id = made.channel_id
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
                          content, status, provider_id, from_address, to_address, segments, occurred_at, sent_at)
    SELECT i.organization_id, i.chatroom_id, v.id, i.contact_id, i.channel_id, i.direction, i.platform, i.body,
           CASE i.direction WHEN 'inbound' THEN 'received' ELSE 'sent' END, i.provider_id,
           CASE i.direction WHEN 'inbound' THEN i.contact_address ELSE i.channel_address END,
           CASE i.direction WHEN 'inbound' THEN i.channel_address ELSE i.contact_address END,
           i.segments, i.occurred_at, CASE i.direction WHEN 'outbound' THEN i.occurred_at END
    FROM incoming i
    JOIN conversations v ON v.id = ANY(%(targets)s::uuid[])
                        AND v.contact_id = i.contact_id AND v.channel_id = i.channel_id
    ORDER BY i.occurred_at, i.place
    ON CONFLICT (platform, provider_id, organization_id) DO NOTHING
    RETURNING id, organization_id, chatroom_id, conversation_id, channel_id, direction, platform, provider_id,
              occurred_at
), counted AS (
    SELECT conversation_id, max(occurred_at) AS at, (array_agg(id ORDER BY occurred_at DESC, id DESC))[1] AS newest,
           count(*) FILTER (WHERE direction = 'inbound') AS n,
           max(occurred_at) FILTER (WHERE direction = 'inbound') AS last
    FROM made GROUP BY conversation_id
), touched AS (
    UPDATE conversations v
    SET inbound_count = v.inbound_count + n, last_inbound_at = greatest(v.last_inbound_at, last),
        last_message_id = CASE WHEN v.last_message_id IS NULL OR at >= v.last_message_at THEN newest
                               ELSE v.last_message_id END,
        last_message_at = CASE WHEN v.last_message_id IS NULL THEN at ELSE greatest(v.last_message_at, at) END
    FROM counted WHERE v.id = counted.conversation_id
)
SELECT made.id, made.organization_id, made.chatroom_id, made.conversation_id, made.direction, made.platform,
       made.provider_id, i.account, i.channel_address
FROM made JOIN incoming i ON i.provider_id = made.provider_id AND i.channel_id = made.channel_id
ORDER BY made.occurred_at, made.id
"""
ATTACH = """
INSERT INTO attachments (organization_id, message_id, position, kind, name, content_type, source_url, state)
SELECT *, CASE WHEN source_url = '' THEN 'failed' ELSE 'pending' END
FROM unnest(%s::uuid[], %s::uuid[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS a (organization_id, message_id, position, kind, name, content_type, source_url)
RETURNING id, state
"""
# After they are stored: a message may answer one of the same batch.
REPLIES = """
UPDATE messages m SET reply_to_id = r.id
FROM unnest(%s::uuid[], %s::text[]) AS answer (id, reply_to), messages r
WHERE m.id = answer.id AND r.platform = m.platform AND r.provider_id = answer.reply_to
  AND r.organization_id = m.organization_id AND r.channel_id = m.channel_id
"""
REFERRALS = """
INSERT INTO contact_activities (organization_id, contact_id, kind, reference, about)
SELECT m.organization_id, m.contact_id, 'referred', m.id, left(r.about, 200)
FROM unnest(%s::uuid[], %s::text[]) AS r (id, about) JOIN messages m ON m.id = r.id
"""
REFERRED = f"""
{INCOMING}
INSERT INTO contact_activities (organization_id, contact_id, kind, reference, about)
SELECT organization_id, contact_id, 'referred', uuidv7(), left(body, 200) FROM incoming
"""


class NotRouted(Exception):
    """No organization owns the number that the message was sent to."""

    def __init__(self) -> None:
        super().__init__("No organization owns this number any more.")


class ClosedMeanwhile(Exception):
    """A conversation was closed between finding and locking it. Trying again opens another one."""

    def __init__(self) -> None:
        super().__init__("The conversation was closed at the same moment.")


def receive_messages(messages: Iterable[Message]) -> list[event_log.Change]:
    """Store messages with their contacts and conversations; returns the changes, which the caller records.

    Messages with a known provider id change nothing. Raises NotRouted and ClosedMeanwhile.
    """
    message_of = {identify_arrival(message): message for message in messages}
    if not message_of:
        return []
    rows = sql.fetch_prepared(KNOWN, _build_columns(message_of.values()))
    if len({_row_key(row) for row in rows}) < len(message_of):
        raise NotRouted
    for key in {_row_key(row) for row in rows if row["known"]}:
        del message_of[key]
    if not message_of:
        return []
    columns = _build_columns(message_of.values())
    _create_contacts(columns)
    blocked_keys = set()
    sql.fetch_prepared(HOLD_CONTACTS, columns)
    if any(row["blocked"] for row in sql.fetch_prepared(TOUCH_CONTACTS, columns)):
        blocked_keys = {_row_key(row) for row in sql.fetch_prepared(BLOCKED, columns)}
    visible_rows = _store_messages([message for key, message in message_of.items() if key not in blocked_keys])
    all_rows = [*visible_rows, *_store_blocked_messages([message_of[key] for key in message_of if key in blocked_keys])]
    _store_attachments(all_rows, message_of)
    message_by_row = [(row["id"], message_of[_row_key(row)]) for row in all_rows]
    _store_references(message_by_row)
    texts = [
        (pk, message.body, message.keyword) for pk, message in message_by_row if isinstance(message, InboundMessage)
    ]
    readings = keywords.read_texts(texts)
    consent_changes = offers.note_consent(readings)
    message_changes = [
        event_log.Change(
            event_log.CREATED, row["organization_id"], row["chatroom_id"], row["conversation_id"], row["id"]
        )
        for row in visible_rows
    ]
    return message_changes + consent_changes + automatic.answer_keywords(readings)


def receive_referrals(referrals: Sequence[Referred]) -> None:
    """Note on their timelines what led contacts here, of whom some are new. Raises NotRouted."""
    if not referrals:
        return
    columns = _build_columns(referrals)
    if len(find_routed(referrals)) < len(set(map(identify_arrival, referrals))):
        raise NotRouted
    _create_contacts(columns)
    sql.fetch_prepared(REFERRED, columns)


def find_routed(messages: Iterable[Message | Referred]) -> set[Key]:
    """The keys of those whose channel an organization has."""
    return {_row_key(row) for row in sql.fetch_prepared(ROUTED, _build_columns(messages))}


def identify_arrival(message: Message | Referred) -> Key:
    # With the channel: one message between two of our channels may have the same id at both.
    return message.account, message.platform, message.channel_address, message.provider_id


def _row_key(row: dict) -> Key:
    return row["account"], row["platform"], row["channel_address"], row["provider_id"]


def _build_columns(messages: Iterable[Message | Referred]) -> dict[str, list]:
    names = (
        "account", "platform", "provider_id", "contact_address", "channel_address", "direction", "body",
        "occurred_at", "segments",
    )  # fmt: skip
    batch = list(messages)
    return {name: [getattr(message, name) for message in batch] for name in names}


def _create_contacts(columns: Mapping[str, list]) -> None:
    """Create the contacts that are not known yet, and ask for the profiles of those with a scoped id."""
    new_contacts = sql.fetch_prepared(CONTACTS, columns)
    if new_contacts and set(columns["platform"]) != {"SMS"}:
        jobs: list[JSONDict] = [{"contact_id": str(row["id"])} for row in new_contacts]
        app.configure_task("messaging.tasks.fetch_profile").batch_defer(*jobs)


def _store_messages(messages: Sequence[Message]) -> list[dict]:
    """Store messages of locked contacts in unclosed conversations. Raises ClosedMeanwhile."""
    if not messages:
        return []
    columns = _build_columns(messages)
    sql.fetch_prepared(CONVERSATIONS, columns)
    locked_rows = sql.fetch_prepared(LOCK_CONVERSATIONS, columns)
    if not locked_rows or len(locked_rows) < locked_rows[0]["expected"]:
        raise ClosedMeanwhile
    return sql.fetch_prepared(MESSAGES, columns)


def _store_blocked_messages(messages: Sequence[Message]) -> list[dict]:
    """Store messages of locked, blocked contacts."""
    if not messages:
        return []
    columns = _build_columns(messages)
    sql.fetch_prepared(SILENT_CONVERSATIONS, columns)
    targets = [row["id"] for row in sql.fetch_prepared(LOCK_SILENT, columns)]
    return sql.fetch_prepared(SILENT_MESSAGES, {**columns, "targets": targets})


def _store_attachments(rows: list[dict], message_of: Mapping[Key, Message]) -> None:
    attachment_values = [
        (
            row["organization_id"], row["id"], position, media.kind, media.title[:200], media.content_type,
            media.url[:2000],
        )
        for row in rows
        for position, media in enumerate(message_of[_row_key(row)].media)
    ]  # fmt: skip
    if attachment_values:
        attachments = sql.fetch_prepared(ATTACH, [list(column) for column in zip(*attachment_values, strict=True)])
        # Jobs are rows of the same database: they commit with the attachments, or not at all.
        jobs: list[JSONDict] = [{"attachment_id": str(row["id"])} for row in attachments if row["state"] == "pending"]
        if jobs:
            app.configure_task("messaging.tasks.fetch_attachment").batch_defer(*jobs)


def _store_references(message_by_row: Sequence[tuple]) -> None:
    """What a message answers, and what led its writer here."""
    replies = [(pk, message.reply_to) for pk, message in message_by_row if message.reply_to]
    referrals = [(pk, message.referral) for pk, message in message_by_row if message.referral]
    for statement, rows in ((REPLIES, replies), (REFERRALS, referrals)):
        if rows:
            sql.fetch_prepared(statement, [list(column) for column in zip(*rows, strict=True)])
