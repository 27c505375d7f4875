"""How far a message has got: a state only ever moves up, whatever the order in which the provider reports.

Every new report is kept as a receipt. A report that comes before our own commit binds the provider's id, because its
URL carries ours.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from procrastinate.contrib.django import app

from integrations import failures, health, meanings
from integrations.events import StatusUpdate
from messagehub import sql
from messaging.live import event_log
from messaging.models import UNSUCCESSFUL
from messaging.sending import states
from messaging.sending.states import FINAL, is_progress, refund_undelivered

FILTERED_AT_LEAST, FILTERED_SHARE = 5, 0.1  # of a number's messages of an hour, from which its admins are told

FIND = """
SELECT a.account_sid, m.id, m.organization_id, m.chatroom_id, m.conversation_id, m.status, m.provider_id, m.sent_at,
       m.delivered_at, m.read_at, m.error_code, m.error_message, m.tokens, m.sent_by_id, n.id AS number_id,
       n.twilio_account_id, o.refund_policy
FROM messages m
JOIN organizations o ON o.id = m.organization_id
JOIN sender_numbers n ON n.phone = m.from_address AND n.organization_id = m.organization_id
JOIN twilio_accounts a ON a.id = n.twilio_account_id
WHERE m.direction = 'outbound' AND a.account_sid = ANY(%(accounts)s) AND m.id IN (
    SELECT id FROM messages WHERE id = ANY(%(ids)s)
    UNION ALL SELECT id FROM messages WHERE platform = 'SMS' AND provider_id = ANY(%(sids)s)
)
ORDER BY m.id FOR NO KEY UPDATE OF m
"""
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
  AND from_address = (SELECT phone FROM sender_numbers WHERE id = %s)
"""


def apply_reports(updates: Sequence[tuple[UUID, StatusUpdate]]) -> tuple[list[event_log.Change], set[UUID]]:
    """Take in the provider's reports, each with the id of its webhook.

    Returns what changed, and the webhooks whose message is not known (yet): those are to be tried again.
    """
    if not updates:
        return [], set()
    found = sql.fetch_rows(
        FIND,
        {
            "accounts": list({u.account for _, u in updates}),
            "ids": [u.message_id for _, u in updates if u.message_id],
            "sids": [u.provider_id for _, u in updates if u.provider_id],
        },
    )
    # Of the account that reports, and of no other: a batch holds several.
    by_id = {(row["account_sid"], row["id"]): row for row in found}
    by_sid = {(row["account_sid"], row["provider_id"]): row for row in found if row["provider_id"]}
    unknown, receipts, moved, contested, failed = set(), [], {}, set(), {}
    for webhook_id, update in updates:
        row = by_sid.get((update.account, update.provider_id)) or by_id.get((update.account, update.message_id))
        if row is None or (row["provider_id"] and update.provider_id and row["provider_id"] != update.provider_id):
            unknown.add(webhook_id)
            continue
        receipts.append((row["organization_id"], row["id"], update.provider_status, update.error_code, webhook_id))
        ends = {row["status"], update.status}
        if len(ends) == 2 and ends <= FINAL and ends.intersection(UNSUCCESSFUL):
            contested.add(row["id"])
        if _move(row, update):
            moved[row["id"]] = row
            if row["status"] in ("failed", "undelivered"):
                failed[row["id"]] = row
    _write(RECEIPTS, receipts)
    _write(
        MOVE,
        [
            (
                row["id"], row["status"], row["provider_id"], row["sent_at"], row["delivered_at"],
                row["read_at"], row["error_code"], row["error_message"],
            )
            for row in moved.values()
        ],
    )  # fmt: skip
    for row in sorted(failed.values(), key=lambda row: (str(row["sent_by_id"]), row["id"])):
        refund_undelivered(row)
    _learn(list(failed.values()))
    for pk in sorted(contested):
        app.configure_task("messaging.tasks.look_up").defer(message_id=str(pk))
    return [states.message_updated(row) for row in moved.values()], unknown


def _learn(failed: Sequence[dict]) -> None:
    """What a failure says beyond its message: about our own number or account."""
    for row in failed:
        kind = failures.explain_code(row["error_code"]).kind
        if kind == meanings.SUSPENDED:
            health.pause_account(row["twilio_account_id"], row["error_code"], row["error_message"])
        elif kind == meanings.BACKLOG:
            health.hold_number(row["number_id"], 60)
        elif kind == meanings.CONFIGURATION:
            said = f"A message was not delivered ({row['error_code']}): {row['error_message']}"
            health.raise_alert(row["organization_id"], row["number_id"], row["error_code"], said)
    filtered = {
        (row["organization_id"], row["number_id"])
        for row in failed
        if failures.explain_code(row["error_code"]).kind == meanings.FILTERED
    }
    for organization_id, number_id in sorted(filtered):
        (counted,) = sql.fetch_rows(FILTERED, [organization_id, number_id])
        if counted["filtered"] >= max(FILTERED_AT_LEAST, FILTERED_SHARE * counted["sent"]):
            health.raise_alert(
                organization_id,
                number_id,
                "30007",
                f"Carriers filtered {counted['filtered']} of this number's {counted['sent']} messages of the last hour "
                "as spam. Change the text, and send less of it, before they block the number.",
            )


def _move(row: dict, update: StatusUpdate) -> bool:
    """Bring the row to what the report says; whether that changed anything."""
    before = dict(row)
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
        failed = update.status in UNSUCCESSFUL
        row["error_code"] = (update.error_code or "unknown") if failed else ""
        row["error_message"] = failures.describe_failure(update.error_code) if failed else ""
    return row != before


def _write(statement: str, rows: list[tuple]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
