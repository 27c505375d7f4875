"""Applying delivery reports. Each new report is kept as a receipt; a status only ever moves up."""

from collections.abc import Sequence
from uuid import UUID

from procrastinate.contrib.django import app

from integrations import failures, health, meanings
from integrations.events import StatusUpdate
from messagehub import sentences, sql
from messaging.live import event_log
from messaging.models import UNSUCCESSFUL
from messaging.sending import states
from messaging.sending.states import FINAL, is_progress, refund_undelivered

# Carriers block numbers whose messages they keep filtering as spam (https://www.twilio.com/docs/api/errors/30007), so
# admins are told at a tenth of an hour's messages, and five at least.
FILTERED_AT_LEAST, FILTERED_SHARE = 5, 0.1

# By our id where the callback's address has it: a report may come before the answer to the send, and so before our row
# has the provider's id. Twilio promises no order
# (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status).
FIND = """
SELECT a.external_id, n.address, m.platform, m.id, m.organization_id, m.chatroom_id, m.conversation_id, m.status,
       m.provider_id, m.sent_at, m.delivered_at, m.read_at, m.error_code, m.error_message, m.tokens, m.sent_by_id,
       n.id AS channel_id, n.account_id, o.refund_policy
FROM messages m
JOIN organizations o ON o.id = m.organization_id
JOIN channels n ON n.id = m.channel_id
JOIN provider_accounts a ON a.id = n.account_id
WHERE m.direction = 'outbound' AND (a.external_id = ANY(%(accounts)s::text[]) OR n.address = ANY(%(accounts)s::text[]))
  AND m.platform = ANY(%(platforms)s::text[]) AND m.id IN (
    SELECT id FROM messages WHERE id = ANY(%(ids)s::uuid[])
    UNION ALL
    SELECT id FROM messages WHERE platform = ANY(%(platforms)s::text[]) AND provider_id = ANY(%(sids)s::text[])
)
ORDER BY m.id FOR NO KEY UPDATE OF m
"""
# Twilio may repeat a report; a receipt for each status and code is enough.
RECEIPTS = """
INSERT INTO message_receipts (organization_id, message_id, status, error_code, webhook_event_id)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::uuid[])
ON CONFLICT (message_id, status, error_code) DO NOTHING
"""
MOVE = """
UPDATE messages m
SET status = u.status, provider_id = u.provider_id, sent_at = u.sent_at,
    delivered_at = u.delivered_at, read_at = u.read_at, error_code = u.code,
    error_message = u.message, lease_until = NULL
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
            %s::text[], %s::text[])
    AS u (id, status, provider_id, sent_at, delivered_at, read_at, code, message)
WHERE m.id = u.id
"""
FILTERED = """
SELECT count(*) FILTER (WHERE error_code = '30007') AS filtered, count(*) AS sent
FROM messages
WHERE organization_id = %s AND occurred_at > now() - interval '1 hour' AND direction = 'outbound'
  AND channel_id = %s
"""


def apply_reports(updates: Sequence[tuple[UUID, StatusUpdate]]) -> tuple[list[event_log.Change], set[UUID]]:
    """Apply reports, each given with the id of its webhook.

    Returns the changes, which the caller records, and the webhooks without a known message, to be tried again.
    """
    if not updates:
        return [], set()
    rows = sql.fetch_prepared(
        FIND,
        {
            "accounts": list({u.account for _, u in updates}),
            "platforms": list({u.platform for _, u in updates}),
            "ids": [u.message_id for _, u in updates if u.message_id],
            "sids": [u.provider_id for _, u in updates if u.provider_id],
        },
    )
    # By platform, owner and id: a batch has webhooks of several accounts, and each may speak of its own messages only.
    # The owner is the account that signed or, where our app signs for all of them, the channel.
    by_id = {(row["platform"], owner, row["id"]): row for row in rows for owner in _owners(row)}
    by_sid = {
        (row["platform"], owner, row["provider_id"]): row
        for row in rows
        if row["provider_id"]
        for owner in _owners(row)
    }
    unmatched_webhooks, receipts, moved_rows, contested_ids, failed_rows = set(), [], {}, set(), {}
    for webhook_id, update in updates:
        row = by_sid.get((update.platform, update.account, update.provider_id)) or by_id.get(
            (update.platform, update.account, update.message_id)
        )
        if row is None or (row["provider_id"] and update.provider_id and row["provider_id"] != update.provider_id):
            unmatched_webhooks.add(webhook_id)
            continue
        receipts.append((row["organization_id"], row["id"], update.provider_status, update.error_code, webhook_id))
        statuses = {row["status"], update.status}
        if len(statuses) == 2 and statuses <= FINAL and statuses.intersection(UNSUCCESSFUL):
            contested_ids.add(row["id"])
        if _apply_report(row, update):
            moved_rows[row["id"]] = row
            if row["status"] in ("failed", "undelivered"):
                failed_rows[row["id"]] = row
    _write_columns(RECEIPTS, receipts)
    _write_columns(
        MOVE,
        [
            (
                row["id"], row["status"], row["provider_id"], row["sent_at"], row["delivered_at"],
                row["read_at"], row["error_code"], row["error_message"],
            )
            for row in moved_rows.values()
        ],
    )  # fmt: skip
    for row in sorted(failed_rows.values(), key=lambda row: (str(row["sent_by_id"]), row["id"])):
        refund_undelivered(row)
    _apply_meanings(list(failed_rows.values()))
    for pk in sorted(contested_ids):
        app.configure_task("messaging.tasks.look_up").defer(message_id=str(pk))
    return [states.message_updated(row) for row in moved_rows.values()], unmatched_webhooks


def _owners(row: dict) -> set[str]:
    return {row["external_id"], row["address"]}


def _apply_meanings(failed_rows: Sequence[dict]) -> None:
    """Apply what error codes say about our number or account."""
    for row in failed_rows:
        kind = failures.explain_code(row["error_code"]).kind
        if kind == meanings.SUSPENDED:
            health.pause_account(row["account_id"], row["error_code"], row["error_message"])
        elif kind == meanings.BACKLOG:
            health.hold_channel(row["channel_id"], 60)
        elif kind == meanings.CONFIGURATION:
            description = sentences.UNDELIVERED_MESSAGE.format(code=row["error_code"], answer=row["error_message"])
            health.raise_alert(row["organization_id"], row["channel_id"], row["error_code"], description)
    filtered_channels = {
        (row["organization_id"], row["channel_id"])
        for row in failed_rows
        if failures.explain_code(row["error_code"]).kind == meanings.FILTERED
    }
    for organization_id, channel_id in sorted(filtered_channels):
        (counts,) = sql.fetch_rows(FILTERED, [organization_id, channel_id])
        if counts["filtered"] >= max(FILTERED_AT_LEAST, FILTERED_SHARE * counts["sent"]):
            health.raise_alert(
                organization_id,
                channel_id,
                "30007",
                sentences.FILTERED_MESSAGES.format(filtered=counts["filtered"], sent=counts["sent"]),
            )


def _apply_report(row: dict, update: StatusUpdate) -> bool:
    """Apply the report to the row; returns whether it changed."""
    previous_row = dict(row)
    if not row["provider_id"] and update.provider_id:
        row["provider_id"] = update.provider_id
        if is_progress(row["status"], "accepted"):
            row["status"] = "accepted"
    if update.status in ("sent", "delivered", "read") and not row["sent_at"]:
        row["sent_at"] = update.occurred_at
    if update.status in ("delivered", "read") and not row["delivered_at"]:
        row["delivered_at"] = update.occurred_at
    if update.status == "read" and not row["read_at"]:
        row["read_at"] = update.occurred_at
    if update.status and is_progress(row["status"], update.status):
        row["status"] = update.status
        is_failure = update.status in UNSUCCESSFUL
        # A code that comes with a status other than a failure is ignored: Twilio repeats earlier codes there.
        row["error_code"] = (update.error_code or "unknown") if is_failure else ""
        row["error_message"] = failures.describe_failure(update.error_code) if is_failure else ""
    return row != previous_row


def _write_columns(statement: str, rows: list[tuple]) -> None:
    if rows:
        sql.fetch_prepared(statement, [list(column) for column in zip(*rows, strict=True)])
