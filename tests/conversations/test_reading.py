"""Counts of unread messages."""

import pytest

from messagehub import tenancy
from messaging.conversations import reading
from tests.cast import create_tenant


@pytest.fixture
def acme(db) -> dict:
    return create_tenant("acme", "+15550100100")


def test_reading_counts_in_one_snapshot(acme, django_assert_num_queries):
    with tenancy.organization(acme["organization"].pk), django_assert_num_queries(2):
        reading.mark_read(acme["agent"], acme["conversation"], acme["message"])
