"""Prepared statements: one text for each, in Django's transaction, and none outlives what it was made for."""

from collections.abc import Iterator
from urllib.parse import urlencode

import psycopg
import pytest
from django.conf import settings
from django.db import DataError, IntegrityError, NotSupportedError, connection, transaction
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from integrations.events import Accepted
from integrations.models import WebhookEvent
from messagehub import launcher, sql, tenancy
from messaging.conversations import listing
from messaging.models import Message
from messaging.receiving import ingest
from messaging.sending import delivery, enqueue
from tests.cast import create_tenant
from tokens import ledger

pytestmark = pytest.mark.django_db
ROOMS = "SELECT name FROM chatrooms ORDER BY name"
COPIES = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::int + 1%%'"


def prepared() -> set[str]:
    return {row["statement"] for row in sql.fetch_rows("SELECT statement FROM pg_prepared_statements")}


@pytest.fixture
def owner() -> Iterator[psycopg.Connection]:
    host = launcher.locate(settings.LOCAL_DIR).postgres_host
    with psycopg.connect(host=host, user="postgres", dbname="messagehub", autocommit=True) as database:
        yield database


@pytest.fixture
def fresh(db) -> None:
    """What other tests prepared on this connection is gone."""
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")


def test_a_statement_is_prepared_once_for_all_its_values(fresh):
    text = "SELECT %s::int + 1 AS next, %s::uuid[] AS ids"
    pk = uuid7()

    assert [sql.fetch_prepared(text, [n, [pk]]) for n in (1, 2, 3)] == [[{"next": n, "ids": [pk]}] for n in (2, 3, 4)]
    assert sql.fetch_rows(COPIES) == [{"count": 1}]


def test_without_a_threshold_nothing_is_prepared_and_rows_are_the_same(fresh, monkeypatch):
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)

    assert sql.fetch_prepared("SELECT %s::text AS word", ["a%b'c"]) == [{"word": "a%b'c"}]
    assert not prepared()


def test_a_prepared_statement_shows_each_organization_its_own_rows(acme, globex):
    def names() -> list[str]:
        return [row["name"] for row in sql.fetch_prepared(ROOMS)]

    own_names = {}
    for tenant in (acme, globex, acme, globex):
        with tenancy.organization(tenant.organization.pk):
            own_names[tenant.organization.pk] = names()
    with tenancy.system():
        all_names = names()

    first, second = own_names.values()
    assert first
    assert second
    assert sorted(first + second) == all_names


def test_errors_are_djangos_and_the_transaction_can_be_rolled_back(db):
    with pytest.raises(DataError), transaction.atomic():
        sql.fetch_prepared("SELECT 1 / %s::int AS one", [0])
    with pytest.raises(IntegrityError), transaction.atomic(), tenancy.system():
        sql.fetch_prepared("INSERT INTO read_markers (seen_count) VALUES (%s::int)", [1])

    assert sql.fetch_prepared("SELECT 1 / %s::int AS one", [1]) == [{"one": 1}]


def test_prepared_statements_are_counted_like_others(db):
    with CaptureQueriesContext(connection) as queries:
        sql.fetch_prepared("SELECT %s::int AS one", [1])
        sql.fetch_prepared("SELECT %s::int AS one", [2])

    assert [query["sql"] for query in queries] == ["SELECT %s::int AS one"] * 2


def create_rich_tenant() -> dict:
    tenant = create_tenant("acme", "+15550100100")
    with tenancy.organization(tenant["organization"].pk):
        ledger.adjust(tenant["agent"], 100, actor=tenant["agent"], reason="Start")
    return tenant


def walk(tenant: dict, texts: int) -> None:
    """Once through what is hot: receive, queue, claim, settle and list."""
    number, account = tenant["number"].address, "ACacme"
    with tenancy.system():
        for n in range(texts):
            fields = {"MessageSid": f"SM{uuid7().hex}", "AccountSid": account, "From": f"+1555333{n:04}", "To": number}
            body = urlencode(fields | {"Body": f"Text {n}"}).encode()
            WebhookEvent.objects.create(source="twilio.message", account=account, dedupe_key=str(uuid7()), body=body)
    assert ingest.drain_webhooks() == texts
    with tenancy.organization(tenant["organization"].pk):
        for n in range(texts):
            enqueue.send_message(tenant["conversation"], f"Answer {n}", sent_by=tenant["agent"])
    claims = delivery.claim_messages(100)
    delivery.settle_outcomes([(claim, Accepted(f"SM{uuid7().hex}", 1)) for claim in claims])
    with tenancy.organization(tenant["organization"].pk):
        assert Message.objects.filter(status="accepted", pk__in=[claim.text.message_id for claim in claims]).count()
        assert listing.list_conversations(tenant["agent"], limit=20)


@pytest.mark.django_db(transaction=True)
def test_hot_statements_are_prepared_and_batches_of_other_sizes_add_none():
    tenant = create_rich_tenant()
    walk(tenant, 1)
    walk(tenant, 2)
    known = prepared()

    for texts in (1, 3, 12):
        walk(tenant, texts)

    assert prepared() == known
    for place in ("INTO contact_addresses", "UPDATE webhook_events", "INTO events", "SET status = 'sending'"):
        assert any(place in text for text in known), place


@pytest.mark.django_db(transaction=True)
def test_a_worker_survives_a_migration_that_adds_a_column(owner):
    tenant = create_rich_tenant()
    walk(tenant, 2)
    known = prepared()
    tables = ("messages", "conversations", "webhook_events", "events", "channels")
    for table in tables:
        owner.execute(f"ALTER TABLE {table} ADD COLUMN later text NOT NULL DEFAULT 'later'")
    try:
        walk(tenant, 2)
    finally:
        for table in tables:
            owner.execute(f"ALTER TABLE {table} DROP COLUMN later")
    walk(tenant, 2)

    assert prepared() >= known  # none was given up for it


@pytest.mark.django_db(transaction=True)
def test_a_type_that_changed_breaks_one_transaction_and_not_the_next(owner):
    text = "SELECT low FROM widening"
    owner.execute("CREATE TABLE widening AS SELECT 7 AS low; GRANT SELECT ON widening TO mh_app")
    try:
        assert sql.fetch_prepared(text) == [{"low": 7}]
        owner.execute("ALTER TABLE widening ALTER COLUMN low TYPE text")
        with pytest.raises(NotSupportedError, match="cached plan"), transaction.atomic():
            sql.fetch_prepared(text)
        assert sql.fetch_prepared(text) == [{"low": "7"}]
    finally:
        owner.execute("DROP TABLE widening")
