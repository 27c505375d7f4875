"""Changing many conversations at once gives what single changes give, for those that the person sees."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatrooms.models import UserChatroom
from messaging.conversations import activity_lines, bulk, changes
from messaging.models import Conversation, ConversationActivity, Event, Notification
from tests import factories

pytestmark = pytest.mark.django_db
CLOSED, OPEN = ("CLOSED", None), ("OPEN", None)


@pytest.fixture
def talks(acme, sales, inside):
    """So many open conversations in Sales."""

    def make(count: int, **values) -> list[Conversation]:
        with inside(acme):
            return [
                factories.ConversationFactory(**{"chatroom": sales.room, "channel": sales.number, **values})
                for _ in range(count)
            ]

    return make


@pytest.fixture
def do(acme, bo, inside):
    """Bo changes these conversations, unless somebody else does."""

    def act(name: str, *args, by=None, **options) -> bulk.BulkChange:
        with inside(acme):
            return getattr(bulk, f"{name}_conversations")(*args, by=by or bo, **options)

    return act


@pytest.fixture
def states(acme, inside):
    def look(rows: list[Conversation]) -> list[tuple]:
        with inside(acme):
            found = Conversation.objects.in_bulk([row.pk for row in rows])
        return [(found[row.pk].status, found[row.pk].assigned_to_id) for row in rows]

    return look


def told(rows: list[Conversation]) -> list[list[tuple]]:
    """Events and lines about them, without times and ids."""
    ids = [row.pk for row in rows]
    events = Event.objects.filter(conversation_id__in=ids).values_list("conversation_id", "type")
    values = ("conversation_id", "kind", "previous", "label_name", "person_id", "actor_id")
    lines = ConversationActivity.objects.filter(conversation__in=ids).values_list(*values)
    return [sorted((ids.index(pk), *rest) for pk, *rest in found) for found in (events, lines)]


def test_it_tells_what_single_changes_tell(acme, bo, ann, do, talks, inside):
    """Lines of the threads, events of the feed, and who is notified."""
    one_by_one, at_once = talks(3), talks(3)
    with inside(acme):
        label = factories.LabelFactory(organization=acme.organization, name="Complaint")
        for each in one_by_one:
            changes.change_conversation(each, by=bo, assigned_to=ann)
            changes.change_conversation(each, by=bo, labels=[label])
            changes.change_conversation(each, by=bo, status="CLOSED")
    ids = [row.pk for row in at_once]
    assert set(do("assign", dict.fromkeys(ids, ann.pk)).previous.values()) == {None}
    do("label", ids, label)
    do("move", dict.fromkeys(ids, CLOSED))
    with inside(acme):
        assert told(at_once) == told(one_by_one)
        notified = Notification.objects.filter(user=ann, kind="assignment", actor=bo)
        assert sorted(notified.values_list("conversation", flat=True)) == sorted(
            row.pk for row in [*one_by_one, *at_once]
        )
        assert {row.status for row in Conversation.objects.filter(pk__in=ids)} == {"CLOSED"}
        assert {tuple(row.labels.all()) for row in Conversation.objects.filter(pk__in=ids)} == {(label,)}


def test_each_gets_its_state_back_and_the_thread_shows_nothing(acme, bo, do, talks, states, inside):
    until = timezone.now() + timedelta(days=1)
    rows = [*talks(1), *talks(1, status="PENDING"), *talks(1, status="SNOOZED", snoozed_until=until)]
    result = do("move", {**dict.fromkeys([row.pk for row in rows], CLOSED)})
    assert [status for status, _ in states(rows)] == ["CLOSED"] * 3
    do("move", result.previous)
    assert [status for status, _ in states(rows)] == ["OPEN", "PENDING", "SNOOZED"]
    with inside(acme):
        rows[2].refresh_from_db()
        lines = activity_lines.build_lines(ConversationActivity.objects.all())
    assert rows[2].snoozed_until == until
    assert [line.effects for line in lines] == [[], [], []]


def test_labels_are_taken_from_those_that_got_them(acme, do, talks, inside):
    first, second = talks(2)
    with inside(acme):
        label = factories.LabelFactory(organization=acme.organization)
    do("label", [first.pk], label)
    result = do("label", [first.pk, second.pk], label)
    assert (list(result.previous), result.left) == ([second.pk], {"same": 1})
    do("label", list(result.previous), label, removes=True)
    with inside(acme):
        assert list(first.labels.all()) == [label]
        assert list(second.labels.all()) == []


def test_a_closed_one_stays_closed_beside_a_newer_one(acme, sales, do, talks, states, inside):
    [replaced] = talks(1, status="CLOSED")
    [open_one] = talks(1, contact=replaced.contact)
    older, newer = talks(2, status="CLOSED", contact=sales.contact, channel=None)
    with inside(acme):
        Conversation.objects.filter(pk=older.pk).update(last_message_at=timezone.now() - timedelta(days=3))
    result = do("move", dict.fromkeys([replaced.pk, open_one.pk, older.pk, newer.pk], OPEN))
    assert (list(result.previous), result.left) == ([newer.pk], {"newer_open": 2, "same": 1})
    assert [status for status, _ in states([replaced, older, newer])] == ["CLOSED", "CLOSED", "OPEN"]


def test_reopening_unassigns_whoever_lost_access(acme, sales, support, ann, bo, do, talks, states, inside):
    rows = talks(2, status="CLOSED", assigned_to=bo)
    kept = talks(1, status="CLOSED", assigned_to=ann)
    with inside(acme):
        UserChatroom.objects.filter(user=bo, chatroom=sales.room).delete()
    do("move", dict.fromkeys([row.pk for row in [*rows, *kept]], OPEN), by=ann)
    assert states([*rows, *kept]) == [("OPEN", None), ("OPEN", None), ("OPEN", ann.pk)]


def test_nobody_is_assigned_what_they_do_not_see(support, sales, ann, bo, do, talks, states):
    mine, foreign = talks(1)[0], talks(1, chatroom=support.room, channel=support.number)[0]
    result = do("assign", {mine.pk: bo.pk, foreign.pk: bo.pk}, by=ann)
    assert (list(result.previous), result.left) == ([mine.pk], {"no_access": 1})
    assert states([mine, foreign]) == [("OPEN", bo.pk), ("OPEN", None)]
    result = do("assign", {mine.pk: None, foreign.pk: ann.pk}, by=ann)
    assert states([mine, foreign]) == [("OPEN", None), ("OPEN", ann.pk)]
    assert result.previous == {mine.pk: bo.pk, foreign.pk: None}


def test_what_one_does_not_see_is_left_alone(acme, bo, cy, zed, support, do, talks, states, inside):
    with inside(acme):
        label = factories.LabelFactory(organization=acme.organization)
    [mine], [foreign] = talks(1), talks(1, chatroom=support.room, channel=support.number)
    for outsider, row in ((cy, mine), (zed, mine), (bo, foreign)):
        assert do("move", {row.pk: CLOSED}, by=outsider) == bulk.BulkChange()
        assert do("assign", {row.pk: None}, by=outsider) == bulk.BulkChange()
        assert do("label", [row.pk], label, by=outsider) == bulk.BulkChange()
    assert states([mine, foreign]) == [("OPEN", None), ("OPEN", None)]


def test_too_many_at_once_are_refused(monkeypatch, do, talks, states):
    monkeypatch.setattr(bulk, "MOST_CHANGED", 1)
    rows = talks(2)
    with pytest.raises(bulk.TooManyConversations, match="At most 1 conversations"):
        do("move", dict.fromkeys([row.pk for row in rows], CLOSED))
    assert [status for status, _ in states(rows)] == ["OPEN", "OPEN"]


@pytest.mark.parametrize("kind", ["move", "reopen", "assign", "label"])
def test_more_conversations_take_as_many_statements(acme, ann, bo, do, talks, inside, kind):
    with inside(acme):
        label = factories.LabelFactory(organization=acme.organization)

    def count_queries(count: int) -> int:
        rows = talks(count, assigned_to=bo, **({"status": "CLOSED"} if kind == "reopen" else {}))
        ids = [row.pk for row in rows]
        with CaptureQueriesContext(connection) as queries:
            if kind == "label":
                result = do("label", ids, label)
            elif kind == "assign":
                result = do("assign", dict.fromkeys(ids, ann.pk))
            else:
                result = do("move", dict.fromkeys(ids, CLOSED if kind == "move" else OPEN))
        assert len(result.previous) == count
        return len(queries)

    assert count_queries(2) == count_queries(9)
