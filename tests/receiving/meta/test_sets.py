"""Echoes and watermarks of many people at once: taken in a set, the later of one person's on top of the earlier."""

import time
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.events import Echo, Watermark
from messagehub import tenancy
from messaging.receiving import echoes
from messaging.sending import watermarks
from tests.meta_events import build_echo

pytestmark = pytest.mark.django_db(transaction=True)


def test_fifty_watermarks_cost_no_more_queries_than_one(page, come_in, thread):
    people = [f"77000001{number:02}" for number in range(50)]
    before = int(time.time() * 1000) - 5000
    come_in(page, *(build_echo(page.address, "Hi", person=person, at=before) for person in people))

    def apply(status: str, *persons: str) -> int:
        marks = [
            Watermark("MESSENGER", page.address, person, status, timezone.now(), (), timezone.now())
            for person in persons
        ]
        with tenancy.system(), CaptureQueriesContext(connection) as queries:
            changes = watermarks.apply_watermarks([(uuid4(), mark) for mark in marks])
        assert len(changes) == len(set(persons))
        return len(queries)

    one = apply("delivered", people[0])
    assert apply("delivered", *people[1:]) == one
    assert apply("read", *people, people[0]) == one
    assert {message.status for message in thread(page)} == {"read"}


def test_fifty_echoes_cost_no_more_queries_than_one(page):
    def sort(count: int) -> int:
        pairs = [
            (uuid4(), Echo("MESSENGER", page.address, f"7700{number}", f"m_{number}", "Hi", timezone.now()))
            for number in range(count)
        ]
        with tenancy.system(), CaptureQueriesContext(connection) as queries:
            assert len(echoes.sort_echoes(pairs, set()).foreign) == count
        return len(queries)

    assert sort(50) == sort(1)
