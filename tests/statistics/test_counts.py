"""Counts of each day are those of the messages, whoever changes them, at any moment."""

import random
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from accounts.models import Organization
from messagehub import sql, tenancy
from messaging.contacts import merging
from messaging.conversations import bulk, changes
from messaging.models import Conversation, ConversationActivity, CountChange, CountedZone, DailyCount, Message
from messaging.statistics import counts, queries
from tests import factories, services
from tests.meanwhile import Aside
from tokens import proof

START = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
FIRST, LAST = date(2026, 2, 1), date(2026, 4, 30)
STATUSES = ["queued", "scheduled", "canceled", "accepted", "unknown", "delivered", "read", "failed", "undelivered"]


@pytest.fixture
def summed(acme) -> None:
    counts.update_counts()


def read(world, rooms, zone: str = "UTC") -> dict:
    with tenancy.organization(world.organization.pk):
        return queries.read_statistics([held.room.pk for held in rooms], FIRST, LAST, zone)


def read_counted(world, rooms, monkeypatch, zone: str = "UTC") -> dict:
    """The same, counted message by message."""
    with monkeypatch.context() as patch:
        patch.setattr(queries, "KEPT_DAYS", "SELECT 1 AS date WHERE false")
        return read(world, rooms, zone)


def add_message(held, n: int = 0, **values) -> Message:
    values = {"occurred_at": START + timedelta(minutes=37 * n), "direction": "outbound", "status": "sent", **values}
    return factories.MessageFactory(conversation=held.conversation, **values)


def is_kept(world) -> bool:
    with tenancy.organization(world.organization.pk):
        return CountedZone.objects.filter(time_zone=world.organization.time_zone).exists()


def broken() -> list[str]:
    return [str(line) for line in proof.find_broken() if line.invariant.startswith("A day's counts")]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_statements_do_the_counts_are_those_of_the_messages(acme, sales, support, monkeypatch, inside, seed):
    chance = random.Random(seed)
    counts.update_counts()
    with inside(acme):
        for n in range(30):
            add_message(chance.choice([sales, support]), n, status=chance.choice(STATUSES), tokens=chance.randrange(3))
    for _ in range(8):
        with inside(acme):
            some = chance.sample(list(Message.objects.values_list("pk", flat=True)), 6)
            found = Message.objects.filter(pk__in=some, direction="outbound")
            act = chance.randrange(4)
            if act == 0:
                found.update(status=chance.choice(STATUSES), tokens=0)
            elif act == 1:
                found.update(occurred_at=START + timedelta(days=chance.randrange(9)))
            elif act == 2:
                found.update(chatroom_id=support.room.pk)
            else:
                connection.cursor().execute("DELETE FROM messages WHERE id = ANY(%s)", [some[:2]])
        if chance.random() < 0.4:
            counts.update_counts()
        assert broken() == []
        both = [sales, support]
        assert is_kept(acme)
        assert read(acme, both) == read_counted(acme, both, monkeypatch)
        assert read(acme, [sales]) == read_counted(acme, [sales], monkeypatch)


def test_resolved_conversations_are_counted_on_their_day_while_they_are(
    acme, sales, support, bo, ann, monkeypatch, inside, summed
):
    """Whoever resolves, reopens, moves or deletes them, before and after the job has added it up."""
    with inside(acme):
        values = {"chatroom": sales.room, "channel": sales.number}
        rows = [factories.ConversationFactory(**values) for _ in range(3)]
        rows.append(factories.ConversationFactory(**values, status="CLOSED", resolved_at=START))

    def check(*expected: int) -> None:
        for _ in range(2):
            found = [read(acme, [sales]), read(acme, [support]), read_counted(acme, [sales, support], monkeypatch)]
            assert tuple(each["totals"]["resolved"] for each in found) == (*expected, sum(expected))
            assert broken() == []
            counts.update_counts()

    with inside(acme):
        bulk.move_conversations({row.pk: ("CLOSED", None) for row in rows[:2]}, by=bo)
        changes.change_conversation(rows[2], by=bo, status="CLOSED")
        resolved = Conversation.objects.filter(resolved_at__isnull=False)
        assert resolved.count() == 4
    check(1, 0)  # today is none of the days that are asked for
    with inside(acme):
        resolved.update(resolved_at=START)
        resolved.filter(pk=rows[2].pk).update(resolved_at=START + timedelta(days=2))
    check(4, 0)
    days = {day["date"]: day["resolved"] for day in read(acme, [sales])["days"] if day["resolved"]}
    assert days == {START.date(): 3, START.date() + timedelta(days=2): 1}
    with inside(acme):
        changes.change_conversation(rows[0], by=bo, status="OPEN")
        changes.change_conversation(rows[1], by=bo, status="CLOSED")  # it is already
        Conversation.objects.filter(pk=rows[1].pk).update(chatroom=support.room)
    check(2, 1)
    with inside(acme):
        connection.cursor().execute("DELETE FROM conversations WHERE id = %s", [rows[3].pk])
        Conversation.objects.filter(pk=rows[2].pk).update(last_message_at=START)
        assert not CountChange.objects.filter(resolved=1).exists()
    check(1, 1)
    with inside(acme):
        Organization.objects.filter(pk=acme.organization.pk).update(time_zone="Asia/Kathmandu")
        acme.organization.time_zone = "Asia/Kathmandu"
    counts.update_counts()
    assert broken() == []
    assert read(acme, [sales], "Asia/Kathmandu")["totals"]["resolved"] == 1


def test_what_was_resolved_before_it_was_counted_is_found_in_the_threads(acme, sales, ann, bo, inside, summed):
    """By the migration, which counts the last time that somebody closed what is closed."""
    with inside(acme):
        resolved, reopened, silent = (
            factories.ConversationFactory(chatroom=sales.room, channel=sales.number) for _ in range(3)
        )
        for status in ("CLOSED", "OPEN", "CLOSED"):
            changes.change_conversation(resolved, by=bo, status=status)
        for status in ("CLOSED", "OPEN"):
            changes.change_conversation(reopened, by=bo, status=status)
        Conversation.objects.filter(pk=silent.pk).update(status="CLOSED")  # a blocked contact's
        moment = resolved.activities.latest("created_at").created_at
        # In release 0.1.0, which kept no state before.
        old = factories.ConversationFactory(chatroom=sales.room, channel=sales.number, status="CLOSED")
        old.activities.create(organization=acme.organization, actor=bo, kind="closed")
        old_moment = ConversationActivity.objects.get(conversation=old).created_at
        first, second = (factories.ContactFactory(chatroom=sales.room) for _ in range(2))
        replaced, _ = (
            factories.ConversationFactory(chatroom=sales.room, channel=sales.number, contact=contact)
            for contact in (first, second)
        )
        for status in ("CLOSED", "OPEN"):
            changes.change_conversation(replaced, by=bo, status=status)
        merging.merge_contacts(first, second, by=ann)
        assert Conversation.objects.get(pk=replaced.pk).status == "CLOSED"
        Conversation.objects.update(resolved_at=None)
    migration = import_module("messaging.migrations.0030_resolved_times")
    with tenancy.system():
        for _ in range(2):
            migration.fill_resolved_times(None, SimpleNamespace(connection=connection))
    with inside(acme):
        assert dict(Conversation.objects.filter(resolved_at__isnull=False).values_list("pk", "resolved_at")) == {
            resolved.pk: moment,
            old.pk: old_moment,
        }
    assert broken() == []


def test_a_conversation_that_another_one_replaces_was_not_resolved(acme, sales, ann, inside):
    with inside(acme):
        first, second = (factories.ContactFactory(chatroom=sales.room) for _ in range(2))
        for contact in (first, second):
            factories.ConversationFactory(chatroom=sales.room, channel=sales.number, contact=contact)
        merging.merge_contacts(first, second, by=ann)
        assert Conversation.objects.filter(contact=first, status="CLOSED", resolved_at=None).count() == 1


def test_what_changes_nothing_that_is_counted_leaves_no_change(acme, sales, inside, summed):
    with inside(acme):
        message = add_message(sales, status="queued")
    counts.update_counts()
    with inside(acme):
        Message.objects.filter(pk=message.pk).update(status="sending")
        Message.objects.filter(pk=message.pk).update(content="Other words")
        assert not CountChange.objects.exists()
        Message.objects.filter(pk=message.pk).update(status="delivered")
        change = CountChange.objects.get()
    assert (change.outbound, change.delivered, change.quarter) == (0, 1, START)


def test_changes_are_added_to_their_days_in_batches(acme, sales, inside, summed, monkeypatch):
    monkeypatch.setattr(counts, "BATCH", 2)
    monkeypatch.setattr(counts, "ADD", counts.ADD.replace("LIMIT 20000", "LIMIT 2"))
    with inside(acme):
        for n in range(5):
            add_message(sales, n, occurred_at=START + timedelta(days=n))
    counts.update_counts()
    with inside(acme):
        assert not CountChange.objects.exists()
        days = DailyCount.objects.filter(chatroom=sales.room, outbound=1)
        assert sorted(days.values_list("day", flat=True)) == [START.date() + timedelta(days=n) for n in range(5)]


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/Santiago", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_days_follow_the_time_zone(acme, sales, inside, summed, monkeypatch, zone):
    with inside(acme):
        for n in range(40):
            add_message(sales, n)
        Organization.objects.filter(pk=acme.organization.pk).update(time_zone=zone)
        acme.organization.time_zone = zone
    assert not is_kept(acme)
    counted = read(acme, [sales], zone)  # message by message, until they are counted anew
    with inside(acme):
        add_message(sales, 40)
    counts.update_counts()

    assert is_kept(acme)
    assert broken() == []
    kept = read(acme, [sales], zone)
    assert kept == read_counted(acme, [sales], monkeypatch, zone)
    assert kept["totals"]["outbound"] == counted["totals"]["outbound"] + 1


def test_what_is_not_committed_while_all_is_counted_anew_is_added_later(transactional_db, acme, sales, inside):
    def recount() -> None:
        counts.recount_messages(acme.organization.pk)

    with inside(acme):
        add_message(sales)
        aside = Aside(recount)
        assert aside.result() is None  # it waits for nobody
    counts.update_counts()
    assert broken() == []
    assert read(acme, [sales])["totals"]["outbound"] == 1


def test_two_who_add_changes_at_once_add_each_once(transactional_db, acme, sales, inside):
    counts.update_counts()
    with inside(acme):
        add_message(sales)
    with transaction.atomic():
        counts.add_changes(acme.organization.pk)
        aside = Aside(lambda: counts.add_changes(acme.organization.pk))
    assert aside.result() == 0
    assert broken() == []
    assert read(acme, [sales])["totals"]["outbound"] == 1


def test_proof_names_a_day_whose_count_is_wrong(acme, sales, inside, summed):
    with inside(acme):
        add_message(sales)
    counts.update_counts()
    with inside(acme):
        DailyCount.objects.filter(day=START.date()).update(outbound=2)
    (line,) = broken()
    assert str(sales.room.pk) in line
    assert "2026-03-01" in line


def test_nobody_sees_counts_of_another_organization(acme, globex, sales, elsewhere, inside, summed):
    with inside(acme):
        add_message(sales)
    counts.update_counts()
    with inside(globex):
        rooms = set(DailyCount.objects.values_list("chatroom_id", flat=True))
        zones = CountedZone.objects.count()
    assert rooms == {elsewhere.room.pk}
    assert zones == 1


def test_very_many_answers_are_told_by_a_sample_of_them(acme, sales, inside, summed, monkeypatch):
    """One in sixteen, whose median is near that of all."""
    with inside(acme), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO messages (organization_id, chatroom_id, conversation_id, contact_id, channel_id, direction, "
            "platform, content, status, from_address, to_address, occurred_at, waited_since) "
            "SELECT organization_id, chatroom_id, id, contact_id, channel_id, 'outbound', 'SMS', '', 'sent', '', '', "
            "%s::timestamptz, %s::timestamptz - n * interval '1 s' FROM conversations, generate_series(1, 4000) n "
            "WHERE id = %s",
            [START, START, sales.conversation.pk],
        )
    exact = read(acme, [sales])["totals"]
    monkeypatch.setattr(queries, "MANY", 4000)
    near = read(acme, [sales])["totals"]
    assert exact["first_response_seconds"] == 2000.5
    assert near["first_response_seconds"] != exact["first_response_seconds"]
    assert abs(near["first_response_seconds"] - 2000) < 800  # more than six standard errors
    assert abs(near["first_response_p90_seconds"] - 3600) < 600


def test_a_year_is_read_from_its_days(transactional_db, acme, sales, inside, summed):
    """By the index, and without a look at any message but the answers."""
    with services.connect_unchecked() as database:
        database.execute(
            "INSERT INTO messages (organization_id, chatroom_id, conversation_id, contact_id, channel_id, direction, "
            "platform, content, status, from_address, to_address, occurred_at, waited_since) "
            "SELECT organization_id, chatroom_id, id, contact_id, channel_id, 'outbound', 'SMS', '', 'sent', '', '', "
            "%s - n * interval '1 h', %s - n * interval '2 h' FROM conversations, generate_series(1, 8000) n "
            "WHERE id = %s",
            [START, START, sales.conversation.pk],
        )
        services.vacuum_table(database, "messages")  # or the plan depends on what earlier tests have left
    with inside(acme), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        params = {
            "rooms": [sales.room.pk], "since": START - timedelta(days=300), "until": START,
            "zone": "UTC", "first": FIRST, "last": LAST,
        }  # fmt: skip
        plan = "\n".join(row["QUERY PLAN"] for row in sql.fetch_rows(f"EXPLAIN {queries.KEPT_DAYS}", params))
        assert "daily_counts_of_a_day" in plan
        assert "messages" not in plan
        plan = "\n".join(row["QUERY PLAN"] for row in sql.fetch_rows(f"EXPLAIN {queries.FIRST_RESPONSES}", params))
        assert "Index Only Scan using messages_answers on" in plan
        sample = f"EXPLAIN {queries.FIRST_RESPONSES_OF_A_SAMPLE}"
        plan = "\n".join(row["QUERY PLAN"] for row in sql.fetch_rows(sample, params))
        assert "Index Only Scan using messages_answers_sample" in plan
