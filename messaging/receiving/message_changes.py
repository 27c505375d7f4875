"""What happens to a message after it was written: reactions, edits and unsending."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import orjson
from django.db import connection

from integrations.events import Edited, Reaction, Unsent
from integrations.models import WebhookEvent
from messagehub import sql, stored_files
from messaging.live import event_log
from messaging.media import uploads
from messaging.models import Attachment
from messaging.sending import states

MessageChange = Reaction | Edited | Unsent
MOST_REACTIONS = 20  # a page's thread has one contact, but everyone of ours may react in Meta's own inbox

FIND = """
SELECT m.id, m.organization_id, m.chatroom_id, m.conversation_id, m.platform, n.address, m.provider_id, m.content,
       m.reactions, m.edited_at, m.deleted_at
FROM messages m JOIN channels n ON n.id = m.channel_id
WHERE m.platform = ANY(%s) AND m.provider_id = ANY(%s) AND n.address = ANY(%s) AND n.retired_at IS NULL
ORDER BY m.id FOR NO KEY UPDATE OF m
"""
FORGET = """
UPDATE webhook_events SET body = '' FROM unnest(%s::text[], %s::text[]) AS origin (source, key)
WHERE webhook_events.source = origin.source AND dedupe_key = origin.key
"""
# Reads every webhook of the source: there is no index of whom they are about, and such requests are rare. Those that
# still wait are left, for they have to be processed.
FORGET_ABOUT = """
UPDATE webhook_events SET body = ''
WHERE source = %s AND position(convert_to(to_json(%s::text)::text, 'UTF8') IN body) > 0
  AND (processed_at IS NOT NULL OR quarantined <> '' OR attempts >= %s)
"""
WRITE = """
UPDATE messages m SET content = u.content, reactions = u.reactions::jsonb, edited_at = u.edited_at,
    deleted_at = u.deleted_at
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    AS u (id, content, reactions, edited_at, deleted_at)
WHERE m.id = u.id
"""


def apply_message_changes(
    changes: Sequence[tuple[UUID, MessageChange]], patient_ids: Collection[UUID]
) -> tuple[list[event_log.Change], set[UUID]]:
    """Apply changes in their order, each given with the id of its webhook.

    Returns the changes to record, and the webhooks without a known message. Those in `patient_ids` are tried again.
    """
    if not changes:
        return [], set()
    names = ("platform", "provider_id", "channel_address")
    columns = [list({getattr(change, name) for _, change in changes}) for name in names]
    rows = sql.fetch_rows(FIND, columns)
    row_of = {(row["platform"], row["address"], row["provider_id"]): row for row in rows}
    changed_rows: dict[UUID, dict] = {}
    unmatched_ids: set[UUID] = set()
    for webhook_id, change in changes:
        row = row_of.get((change.platform, change.channel_address, change.provider_id))
        if row is None:
            unmatched_ids.add(webhook_id)
        elif _apply_change(row, change):
            changed_rows[row["id"]] = row
    _write_rows(list(changed_rows.values()))
    # Unsending may overtake its message, whose webhook must not be emptied before it is processed.
    waiting_ids = unmatched_ids.intersection(patient_ids)
    unsent = [change for pk, change in changes if isinstance(change, Unsent) and pk not in waiting_ids]
    forget_webhooks([(change.webhook_source, change.webhook_key) for change in unsent if change.webhook_key])
    forget_files([row["id"] for row in changed_rows.values() if row["deleted_at"]])
    return [states.message_updated(row) for row in changed_rows.values()], unmatched_ids


def _apply_change(row: dict, change: MessageChange) -> bool:
    """Apply the change to the row; returns whether it changed. Nothing comes after unsending."""
    if row["deleted_at"]:
        return False
    if isinstance(change, Unsent):
        row |= {"content": "", "reactions": [], "deleted_at": change.occurred_at}
    elif isinstance(change, Edited):
        if row["edited_at"] and row["edited_at"] > change.occurred_at:
            return False
        row |= {"content": change.body, "edited_at": change.occurred_at}
    else:
        row["reactions"] = _react(row["reactions"], change)
    return True


def _react(reactions: Iterable[dict] | str, change: Reaction) -> list[dict]:
    """The reactions with the contact's newest in place of their former one.

    One that was taken back stays without an emoji, for its time: what it replaces may come after it.
    """
    reactions = orjson.loads(reactions) if isinstance(reactions, str) else list(reactions)
    at = round(change.occurred_at.timestamp() * 1000)
    if any(reaction.get("by") == "contact" and reaction.get("at", 0) > at for reaction in reactions):
        return reactions
    others = [reaction for reaction in reactions if reaction.get("by") != "contact"]
    return [*others, {"emoji": change.emoji, "by": "contact", "at": at}][-MOST_REACTIONS:]


def _write_rows(rows: Sequence[dict]) -> None:
    if rows:
        columns = zip(
            *(
                (
                    row["id"], row["content"],
                    row["reactions"] if isinstance(row["reactions"], str) else orjson.dumps(row["reactions"]).decode(),
                    row["edited_at"], row["deleted_at"],
                )
                for row in rows
            ),
            strict=True,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(WRITE, [list(column) for column in columns])


def forget_webhooks(origins: Sequence[tuple[str, str]]) -> None:
    """Empty the stored webhooks with these sources and keys."""
    if origins:
        with connection.cursor() as cursor:
            cursor.execute(FORGET, [list(column) for column in zip(*origins, strict=True)])


def forget_webhooks_about(source: str, address: str) -> None:
    """Empty the stored webhooks of this source that name the address, whatever they say."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET_ABOUT, [source, address, WebhookEvent.MOST_ATTEMPTS])


def forget_files(message_ids: Sequence[UUID]) -> None:
    """Delete what came with unsent or erased messages; the files once that is committed."""
    # Meta requires that an unsent message's content goes:
    # https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook#messages
    attachments = Attachment.objects.filter(message__in=message_ids)
    kept = list(attachments.values_list("file", "upload_id"))
    attachments.delete()
    uploads.forget_unused(upload_id for _, upload_id in kept if upload_id)
    stored_files.delete_after_commit(file for file, _ in kept if file)
