"""What is done with all selected conversations of the inbox: what is said, undoing it, and doing it without scripts."""

import html
import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from messaging.conversations import bulk
from messaging.models import Conversation
from tests import factories

pytestmark = pytest.mark.django_db
PATH = "/inbox/bulk/"


@pytest.fixture
def talks(acme, sales, inside):
    """Beside the open one of Sales: one that is snoozed, and one of the same contact that is closed."""
    with inside(acme):
        asleep = factories.ConversationFactory(
            chatroom=sales.room,
            channel=sales.number,
            status="SNOOZED",
            snoozed_until=timezone.now() + timedelta(days=1),
        )
        closed = factories.ConversationFactory(
            chatroom=sales.room, channel=sales.number, contact=sales.contact, status="CLOSED"
        )
    return [sales.conversation, asleep, closed]


@pytest.fixture
def change(browser, bo, talks):
    """As a script posts it; returns the status, what it says, and the fields that undo it."""

    def post(by=None, rows=None, **fields) -> tuple[int, str, dict]:
        selected = [row.pk for row in (talks if rows is None else rows)]
        answer = browser(by or bo, part=True).post(PATH, {"selected": selected, **fields})
        if answer.status_code != 200:
            return answer.status_code, answer.content.decode(), {}
        kept = re.search(r'name="undo" value="([^"]+)"', answer.content.decode())
        undo = {"undo": html.unescape(kept[1])} if kept else {}
        return 200, json.loads(answer.headers["HX-Trigger"])["done"]["words"], undo

    return post


@pytest.fixture
def look(acme, talks, inside):
    def read() -> list[tuple]:
        with inside(acme):
            found = Conversation.objects.prefetch_related("labels").in_bulk([row.pk for row in talks])
        rows = [found[row.pk] for row in talks]
        return [
            (row.status, row.assigned_to and row.assigned_to.name, [each.name for each in row.labels.all()])
            for row in rows
        ]

    return read


def test_they_are_resolved_and_get_their_states_back(change, look):
    before = look()
    assert change(status="CLOSED")[:2] == (200, "2 conversations resolved. 1 needed no change.")
    assert [status for status, *_ in look()] == ["CLOSED"] * 3
    _status, words, undo = change(status="OPEN")
    assert words == "2 conversations reopened. 1 stayed as it is: the contact has a newer open conversation."
    assert change(rows=[], **undo)[1] == "Undone."
    assert [status for status, *_ in look()] == ["CLOSED"] * 3
    _status, _words, undo = change(status="OPEN")
    assert change(status="CLOSED", **undo)[1] == "Undone."
    assert [status for status, *_ in look()] == ["CLOSED"] * 3
    assert before != look()


def test_a_snooze_comes_back_with_its_time_or_open_where_it_has_passed(acme, change, look, talks, inside):
    before = look()
    _status, _words, undo = change(status="CLOSED")
    change(rows=[], **undo)
    assert look() == before
    with inside(acme):
        assert Conversation.objects.get(pk=talks[1].pk).snoozed_until == talks[1].snoozed_until
    change(status="CLOSED")
    late = {"states": [["SNOOZED", (timezone.now() - timedelta(hours=1)).isoformat(), [str(talks[1].pk)]]]}
    change(rows=[], undo=json.dumps(late))
    assert look()[1][0] == "OPEN"


def test_they_are_assigned_and_get_their_assignees_back(acme, ann, bo, cy, change, look, talks, inside):
    with inside(acme):
        Conversation.objects.filter(pk=talks[0].pk).update(assigned_to=ann)
    assert change(assigned_to=bo.pk)[1] == "3 conversations assigned to you."
    _status, words, undo = change(assigned_to=ann.pk)
    assert words == "3 conversations assigned to Ann."
    change(rows=[], **undo)
    assert [name for _, name, _ in look()] == ["Bo"] * 3
    assert change(assigned_to="none")[1] == "3 conversations unassigned."
    assert change(assigned_to=cy.pk)[1:] == (
        "0 conversations assigned to Cy. 3 are in chatrooms that this person doesn't see.", {},
    )  # fmt: skip


def test_a_label_is_put_on_and_taken_off(acme, change, look, talks, inside):
    with inside(acme):
        label = factories.LabelFactory(organization=acme.organization, name="Refund")
        talks[0].labels.add(label, through_defaults={"organization_id": acme.organization.pk})
    _status, words, undo = change(add_label=label.pk)
    assert words == "Refund added to 2 conversations. 1 needed no change."
    assert [labels for *_, labels in look()] == [["Refund"]] * 3
    change(rows=[], **undo)
    assert [labels for *_, labels in look()] == [["Refund"], [], []]
    _status, words, undo = change(remove_label=label.pk)
    assert words == "Refund removed from 1 conversation. 2 needed no change."
    change(rows=[], **undo)
    assert [labels for *_, labels in look()] == [["Refund"], [], []]


def test_what_makes_no_sense_is_refused_in_words(monkeypatch, zed, change, look):
    before = look()
    assert change() == (422, "Choose what to do with the conversations.", {})
    assert change(rows=[], status="CLOSED") == (422, "Select at least one conversation first.", {})
    assert change(status="SNOOZED")[0] == 422
    assert change(add_label=uuid4()) == (422, "This label was deleted.", {})
    assert change(assigned_to=zed.pk)[0] == 422
    for undo in (
        "[]",
        '{"states": [["GONE", null, ["x"]]]}',
        '{"ids": 5}',
        '{"assignees": [[1, 2]]}',
        '{"states": [1]}',
    ):
        assert change(undo=undo)[0] in (400, 422), undo
    monkeypatch.setattr(bulk, "MOST_CHANGED", 2)
    assert change(status="CLOSED") == (422, "At most 2 conversations are changed at once.", {})
    assert look() == before


def test_others_change_nothing(cy, zed, change, look):
    before = look()
    for outsider in (cy, zed):
        assert change(by=outsider, status="CLOSED")[1:] == ("0 conversations resolved.", {})
        undo = json.dumps({"states": [["CLOSED", None, [str(uuid4())]]]})
        assert change(by=outsider, undo=undo)[1] == "Undone."
    assert look() == before


def test_choices_are_of_ones_own_chatrooms(acme, browser, ann, bo, cy, support, inside):
    with inside(acme):
        factories.LabelFactory(organization=acme.organization, name="Refund")
    part = browser(bo, part=True).get(PATH).content.decode()
    assert "<html" not in part
    assert "Refund" in part
    assert str(ann.pk) in part
    assert str(cy.pk) not in part
