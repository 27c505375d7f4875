"""Rows that a release let in and the newest rules refuse."""

import pytest
from django.db import connection

from messagehub import tenancy
from tests import releases
from tests.releases.test_upgrades import _empty_database, migrate  # noqa: F401

ORGANIZATION = """
INSERT INTO organizations (name, slug, time_zone, default_country) VALUES (%s, %s, %s, %s)
"""


@pytest.mark.usefixtures("_empty_database")
def test_unknown_zones_and_countries_are_mended_and_written_down():
    with tenancy.as_owner():
        migrate(releases.read_release("0.1.0"))
        with connection.cursor() as cursor:
            for row in (
                ("A", "a", "america/new york", "UK"),
                ("B", "b", "Mars/Base", "zz"),
                ("C", "c", "localtime", "de"),
                ("D", "d", "Asia/Tokyo", "JP"),
            ):
                cursor.execute(ORGANIZATION, row)

        migrate()

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
