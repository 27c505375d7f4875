"""Background jobs of messaging, run by the worker through Procrastinate."""

from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from integrations import health, page_health
from messagehub import tenancy
from messaging import retention
from messaging.contacts import imports, profiles
from messaging.conversations import assignments, moving
from messaging.media import uploads
from messaging.notifications import notices, push
from messaging.receiving import attachments, backfill
from messaging.sending import reconciliation
from messaging.statistics import counts
from tokens import proof


# A queueing lock keeps a second job of a kind from being queued while one waits, so that a slow run does not pile them
# up.
@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="retention", pass_context=False)
def forget(timestamp: int) -> None:
    retention.delete_expired()
    uploads.forget_unsent()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="reconciliation", pass_context=False)
def reconcile(timestamp: int) -> None:
    reconciliation.reconcile_unknown()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="notifications", lock="notifications", pass_context=False)
def mail_notifications(timestamp: int) -> None:
    notices.mail_unseen_notifications()


@app.periodic(cron="* * * * * */5")
@app.task(queueing_lock="push", lock="push", pass_context=False)
def ring_browsers(timestamp: int) -> None:
    push.ring_browsers()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="counts", lock="counts", pass_context=False)
def update_daily_counts(timestamp: int) -> None:
    counts.update_counts()


@app.task(queue="default")
def look_up(message_id: str) -> None:
    reconciliation.look_up_message(UUID(message_id))


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="probe", pass_context=False)
def probe(timestamp: int) -> None:
    health.probe()
    with tenancy.system():
        health.forget_old_alerts()


@app.periodic(cron="27 * * * *")
@app.task(queueing_lock="pages", pass_context=False)
def check_pages(timestamp: int) -> None:
    page_health.check_pages()


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="gaps", pass_context=False)
def repair_gaps(timestamp: int) -> None:
    backfill.backfill_inbound()


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="stragglers", pass_context=False)
def settle_stragglers(timestamp: int) -> None:
    moving.move_stragglers()
    assignments.release_lost_assignments()


@app.periodic(cron="41 * * * *")
@app.task(queueing_lock="proof", pass_context=False)
def prove(timestamp: int) -> None:
    proof.run_proof()


@app.task(queue="default", retry=RetryStrategy(max_attempts=attachments.MOST_ATTEMPTS, exponential_wait=5))
def fetch_attachment(attachment_id: str) -> None:
    attachments.copy_attachment(UUID(attachment_id))


@app.task(queue="default", retry=RetryStrategy(max_attempts=profiles.MOST_ATTEMPTS, exponential_wait=5))
def fetch_profile(contact_id: str) -> None:
    profiles.name_contact(UUID(contact_id))


@app.task(queue="default", retry=RetryStrategy(max_attempts=5, exponential_wait=5))
def import_contacts(import_id: str) -> None:
    imports.run_import(UUID(import_id))


@app.task(queue="default", retry=RetryStrategy(max_attempts=5, exponential_wait=5))
def undo_import(import_id: str) -> None:
    imports.run_undo(UUID(import_id))


@app.periodic(cron="41 4 * * *")
@app.task(queueing_lock="unnamed", pass_context=False)
def fetch_missing_profiles(timestamp: int) -> None:
    for pk in profiles.list_unnamed():
        fetch_profile.defer(contact_id=str(pk))


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="forgotten_attachments", pass_context=False)
def fetch_forgotten(timestamp: int) -> None:
    for pk in attachments.list_forgotten():
        fetch_attachment.defer(attachment_id=str(pk))
