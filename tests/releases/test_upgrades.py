"""A released database gets to the newest migrations with everything that is in it, and no released one is edited."""

import pytest
from django.db import connection, transaction

import messagehub
from messagehub import tenancy
from tests import releases
from tests.releases.conftest import migrate
from tests.releases.fill import fill_every_table
from tokens import proof

pytestmark = pytest.mark.xdist_group("releases")  # one worker, which makes the released database once


def count_rows(tables: list[str]) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM \"{table}\"" for table in tables))
        return dict(cursor.fetchall())


# What 0.2.0 renamed. Nothing else may go: what a release wrote is kept.
NEW_TABLES = {
    "sender_numbers": "channels",
    "twilio_accounts": "provider_accounts",
    "contact_numbers": "contact_addresses",
}
NEW_COLUMNS = {
    ("channels", "phone"): "address",
    ("channels", "twilio_account_id"): "account_id",
    ("provider_accounts", "account_sid"): "external_id",
    ("provider_accounts", "auth_token"): "secret",
    ("provider_accounts", "other_auth_token"): "other_secret",
    ("provider_accounts", "other_token_until"): "other_secret_until",
    ("contact_addresses", "phone"): "address",
    ("conversations", "sender_number_id"): "channel_id",
    ("consent_entries", "sender_number_id"): "channel_id",
    ("campaigns", "sender_number_id"): "channel_id",
}


def rename_column(table: str, column: str) -> tuple[str, str]:
    table = NEW_TABLES.get(table, table)
    return table, NEW_COLUMNS.get((table, column), column)


def columns_of(tables: list[str]) -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_name = ANY(%s)", [tables]
        )
        return set(cursor.fetchall())


@pytest.mark.parametrize("released_database", releases.NAMES, indirect=True)
def test_a_filled_database_of_a_release_reaches_the_newest_migrations(released_database: str):
    release = releases.read_release(released_database)
    tables = list(release["rows"])
    with tenancy.as_owner():
        with transaction.atomic():
            for table, rows in release["rows"].items():
                releases.write_rows(table, rows)
        columns = {rename_column(*column) for column in columns_of(tables)}
        migrate()
        counts = {NEW_TABLES.get(table, table): len(rows) for table, rows in release["rows"].items()}
        # Primary numbers are addresses now too.
        counts["contact_addresses"] += sum(row["phone"] is not None for row in release["rows"]["contacts"])
        assert count_rows(list(counts)) == counts
        assert columns <= columns_of(list(counts))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM messages m JOIN conversations v ON v.id = m.conversation_id "
                "WHERE m.channel_id = v.channel_id"
            )
            assert cursor.fetchone()[0] == counts["messages"]

    assert list(proof.find_broken()) == []
    for organization in release["rows"]["organizations"]:
        with tenancy.organization(organization["id"]):
            theirs = [row for row in release["rows"]["messages"] if row["organization_id"] == organization["id"]]
            assert count_rows(["messages", "organizations"]) == {"messages": len(theirs), "organizations": 1}


def test_channels_can_be_undone_with_every_row(released_database: str):
    """From before the migrations of channels to those, and back."""
    release = releases.read_release(released_database)
    before = {"chatrooms": "0002", "integrations": "0005", "messaging": "0005"}
    tables = ["twilio_accounts", "sender_numbers", "contact_numbers", "conversations", "messages", "consent_entries"]
    with tenancy.as_owner():
        with transaction.atomic():
            for table, rows in release["rows"].items():
                releases.write_rows(table, rows)
        migrate(before=before)
        rows_before = {table: releases.read_rows(table) for table in tables}
        migrate(before={"chatrooms": "0003", "integrations": "0006", "messaging": "0006"})
        migrate(before=before)
        assert {table: releases.read_rows(table) for table in tables} == rows_before


@pytest.mark.parametrize("name", releases.NAMES)
def test_no_migration_of_a_release_is_edited_or_removed(name: str):
    now = releases.digest_migrations()
    for migration, digest in releases.read_release(name)["migrations"].items():
        assert now.get(migration) == digest, f"{migration} was released with {name}: add a migration instead."


def test_the_version_has_its_file():
    """Written by `python -m tests.releases`, on the day of the release."""
    assert messagehub.__version__ == releases.NAMES[-1]


@pytest.mark.django_db
def test_every_table_has_a_row_in_the_next_release():
    fill_every_table()

    assert list(proof.find_broken()) == []
    with tenancy.system():
        assert [table for table, count in count_rows(releases.our_tables()).items() if not count] == []
