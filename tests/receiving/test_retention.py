"""Webhooks as they came are deleted once they are old, unless somebody still needs them."""

from datetime import timedelta

import pytest
from django.db import connection

from integrations.models import WebhookEvent
from messagehub import tenancy
from messaging import retention
from messaging.models import ConsentEntry
from tests import factories


@pytest.fixture
def webhook():
    """A webhook of so many days ago, known by its key."""

    def make(key: str, days: float, **values) -> None:
        values = {"source": "twilio.status", "account": "AC1", "dedupe_key": key, "body": b"Body=Hello", **values}
        with tenancy.system(), connection.cursor() as cursor:
            event = WebhookEvent(**values)
            cursor.execute("SELECT uuidv7(%s), now() - %s", [timedelta(days=-days), timedelta(days=days)])
            event.pk, arrived_at = cursor.fetchone()
            event.save(force_insert=True)
            is_done = values.get("processed", True)
            cursor.execute(
                "UPDATE webhook_events SET processed_at = CASE WHEN %s THEN %s END WHERE id = %s",
                [is_done, arrived_at, event.pk],
            )

    return make


def keys() -> set[str]:
    with tenancy.system():
        return set(WebhookEvent.objects.values_list("dedupe_key", flat=True))


@pytest.mark.django_db
def test_processed_webhooks_go_after_a_month_and_others_after_three(webhook, settings, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for days in (29, 31, 32, 33, 89, 91):
        webhook(f"done {days}", days)
    for days in (31, 89, 91):
        webhook(f"aside {days}", days, quarantined="nobody owns this number")
        webhook(f"deletion {days}", days, source="meta.deletion")
    settings.WEBHOOKS_KEPT_DAYS = 0
    retention.delete_expired()
    assert len(keys()) == 12

    settings.WEBHOOKS_KEPT_DAYS = 30
    retention.delete_expired()
    kept = {"done 29", "aside 31", "aside 89", "deletion 31", "deletion 89", "deletion 91"}
    assert keys() == kept


def test_what_is_not_processed_stays_for_operators(webhook, db):
    with tenancy.system():
        for days in (31, 91):
            webhook(f"waiting {days}", days)
        WebhookEvent.objects.update(processed_at=None)
    retention.delete_expired()
    assert keys() == {"waiting 31"}


def test_the_webhook_of_a_stop_stays_as_evidence(webhook, acme, sales, inside):
    with inside(acme):
        stop = factories.MessageFactory(conversation=sales.conversation, content="STOP", provider_id="SM1")
        ConsentEntry.objects.create(
            organization=acme.organization, channel=sales.number, address=stop.from_address, kind="opt_out",
            source="keyword", text="STOP", message=stop,
        )  # fmt: skip
        account = sales.number.account.external_id
    webhook(f"{account}:SM1", 400, source="twilio.message", account=account)
    webhook(f"{account}:SM2", 400, source="twilio.message", account=account)
    retention.delete_expired()
    assert keys() == {f"{account}:SM1"}
