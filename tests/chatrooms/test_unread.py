"""Unread counts of chatrooms: kept between requests, and right whatever happens in between."""

import random
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import redis
from django.db import connection, transaction

from accounts.models import User
from chatrooms import unread
from integrations.models import WebhookEvent
from messagehub import bus, tenancy
from messaging.conversations import changes, reading
from messaging.models import Conversation
from messaging.receiving import ingest


def receive_text(held) -> None:
    with tenancy.system():
        account = held.number.account.external_id
        form = {
            "MessageSid": f"SM{uuid4().hex}", "From": held.contact.phone, "To": held.number.address, "Body": "Hi",
        }  # fmt: skip
        WebhookEvent.objects.create(
            source="twilio.message", account=account, dedupe_key=form["MessageSid"], body=urlencode(form).encode()
        )
    ingest.drain_webhooks()


def counted(user: User, rooms: list) -> dict:
    with tenancy.organization(user.organization_id):
        return unread.count_unread(user, [held.room.pk for held in rooms])


def summed(user: User, rooms: list) -> dict:
    """Conversation by conversation."""
    found: dict = {}
    with tenancy.organization(user.organization_id):
        for row in Conversation.objects.filter(chatroom__in=[held.room.pk for held in rooms], status="OPEN"):
            marker = row.read_markers.filter(user=user).first()
            count = max(0, row.inbound_count - (marker.seen_count if marker else 0))
            if count:
                found[row.chatroom_id] = found.get(row.chatroom_id, 0) + count
    return found


def counting_statements(user: User, rooms: list) -> int:
    """How often conversations were counted."""
    seen: list[str] = []

    def listen(execute, sql, *rest):
        seen.append(sql)
        return execute(sql, *rest)

    with tenancy.organization(user.organization_id), connection.execute_wrapper(listen):
        unread.count_unread(user, [held.room.pk for held in rooms])
    return len([sql for sql in seen if "conversations" in sql])


@pytest.fixture
def world(transactional_db, acme):
    """Committed, as nothing is kept of a transaction that has written."""
    return acme


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_counts_are_those_of_the_conversations(world, sales, support, ann, bo, inside, seed):
    chance, rooms = random.Random(seed), [sales, support]
    for _ in range(25):
        held = chance.choice(rooms)
        act = chance.randrange(5)
        if act < 2:
            receive_text(held)
        else:
            with inside(world):
                person = chance.choice([ann, bo])
                if act == 2:
                    newest = held.conversation.messages.order_by("-occurred_at", "-pk").first()
                    reading.mark_read(person, held.conversation, newest)
                elif act == 3:
                    reading.mark_unread(person, held.conversation)
                else:
                    status = chance.choice(["OPEN", "PENDING"])
                    changes.change_conversation(held.conversation, by=ann, status=status)
        for person in (ann, bo):
            assert counted(person, rooms) == summed(person, rooms)


def test_only_chatrooms_where_something_happened_are_counted_again(world, sales, support, ann, bo, inside):
    rooms = [sales, support]
    receive_text(sales)
    counted(ann, rooms)
    assert counting_statements(ann, rooms) == 0
    receive_text(support)
    assert counting_statements(ann, rooms) == 1
    assert counting_statements(ann, [sales]) == 0
    with inside(world):
        reading.mark_read(bo, sales.conversation, sales.conversation.messages.latest("occurred_at"))
    assert counting_statements(ann, rooms) == 0
    assert counting_statements(bo, [sales]) == 1


def test_what_is_rolled_back_is_not_kept(world, sales, ann, inside):
    receive_text(sales)
    before = counted(ann, [sales])
    with inside(world):
        newest = sales.conversation.messages.latest("occurred_at")
        reading.mark_read(ann, sales.conversation, newest)
        assert unread.count_unread(ann, [sales.room.pk]) == {}
        transaction.set_rollback(True)
    assert before != {}
    with inside(world):  # takes the number that the other had
        reading.mark_unread(ann, sales.conversation)
    assert counted(ann, [sales]) == summed(ann, [sales])


def test_without_valkey_they_are_counted(world, sales, ann, monkeypatch):
    receive_text(sales)
    expected = counted(ann, [sales])
    monkeypatch.setattr(bus, "client", lambda: redis.Redis(port=1, socket_connect_timeout=1))
    assert counted(ann, [sales]) == expected != {}
