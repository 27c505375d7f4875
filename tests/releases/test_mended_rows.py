"""Rows that a release let in and the newest rules refuse."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from messagehub import tenancy

ORGANIZATION = """
INSERT INTO organizations (name, slug, time_zone, default_country) VALUES (%s, %s, %s, %s)
"""

pytestmark = pytest.mark.xdist_group("releases")


@pytest.mark.usefixtures("released_database")
def test_unknown_zones_and_countries_are_mended_and_written_down():
    with tenancy.as_owner():
        with connection.cursor() as cursor:
            for row in (
                ("A", "a", "america/new york", "UK"),
                ("B", "b", "Mars/Base", "zz"),
                ("C", "c", "localtime", "de"),
                ("D", "d", "Asia/Tokyo", "JP"),
            ):
                cursor.execute(ORGANIZATION, row)

        MigrationExecutor(connection).migrate([("accounts", "0002_known_zones_and_countries")])

        with connection.cursor() as cursor:
            cursor.execute("SELECT slug, time_zone, default_country FROM organizations ORDER BY slug")
            assert cursor.fetchall() == [
                ("a", "America/New_York", "GB"),
                ("b", "UTC", "US"),
                ("c", "UTC", "DE"),
                ("d", "Asia/Tokyo", "JP"),
            ]
            cursor.execute("SELECT before ->> 'time_zone' FROM audit_entries ORDER BY 1")
            assert [zone for (zone,) in cursor.fetchall()] == ["Mars/Base", "america/new york", "localtime"]
