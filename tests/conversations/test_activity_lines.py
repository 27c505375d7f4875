"""What people did, as lines: one for each person's changes within a minute, none for a change and its undo."""

import html
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from messaging.conversations import activity_lines, changes, notes
from tests import factories


@pytest.fixture
def change(acme, sales, inside):
    def change_as(user, **values):
        with inside(acme):
            return changes.change_conversation(sales.conversation, by=user, **values)

    return change_as


@pytest.fixture
def labels(acme, inside):
    with inside(acme):
        return factories.LabelFactory.create_batch(9, organization=acme.organization)


@pytest.fixture
def lines(acme, sales, inside):
    def list_lines() -> list[list[str]]:
        with inside(acme):
            return [
                [effect.kind for effect in line.effects] for line in notes.lines_between(sales.conversation, None, None)
            ]

    return list_lines


def test_changes_within_a_minute_share_a_line(acme, ann, bo, change, labels, lines, inside, browser, sales):
    for end in range(1, 10):
        change(ann, labels=labels[:end])
    change(ann, assigned_to=bo)
    assert lines() == [["labeled", "assigned"]]
    page = re.sub(r"\s+", " ", browser(ann).get(f"/inbox/{sales.conversation.pk}/").content.decode())
    assert page.count('<p class="event"') == 1
    assert (
        f'added the labels <b dir="auto">{", ".join(label.name for label in labels)}</b> and assigned this to' in page
    )


def test_a_change_after_a_minute_begins_a_line(ann, change, labels, lines, monkeypatch):
    change(ann, labels=labels[:1])
    with monkeypatch.context() as later:
        later.setattr(activity_lines, "SPAN", timedelta(0))
        change(ann, labels=labels[:2])
    change(ann, labels=labels[:3])
    assert lines() == [["labeled"], ["labeled"]]


def test_two_people_have_two_lines(ann, bo, change, labels, lines):
    change(ann, labels=labels[:1])
    change(bo, labels=labels[:2])
    assert lines() == [["labeled"], ["labeled"]]


def test_a_change_and_its_undo_leave_no_line(ann, bo, change, labels, lines, browser, sales):
    undo = change(ann, status="CLOSED")
    change(ann, **undo)
    undo = change(ann, labels=labels[:2])
    change(ann, **undo)
    undo = change(ann, assigned_to=bo)
    change(ann, assigned_to=None)
    assert lines() == [[]]
    assert 'class="event"' not in browser(ann).get(f"/inbox/{sales.conversation.pk}/").content.decode()
    assert "resolved the conversation" not in browser(ann).get(f"/contacts/{sales.contact.pk}/").content.decode()


def test_an_assignment_that_replaces_another_is_kept(ann, bo, change, lines):
    change(bo, assigned_to=bo)
    change(ann, assigned_to=ann)
    change(ann, assigned_to=None)
    assert lines() == [["assigned"], ["unassigned"]]


def test_an_undo_takes_the_line_off_an_open_page(ann, change, browser, sales):
    since = timezone.now().isoformat()
    undo = change(ann, status="CLOSED")
    change(ann, **undo)
    part = browser(ann, part=True).get(f"/inbox/{sales.conversation.pk}/side/", {"since": since}).content.decode()
    [line] = re.findall(r'<p class="event".*?>', part, re.DOTALL)
    assert "hidden" in line


def test_the_history_shows_a_line_on_one_page(acme, ann, change, labels, inside, browser, sales):
    for end in range(1, 4):
        change(ann, labels=labels[:end])
    with inside(acme):
        note_moment = timezone.now()
        factories.MessageFactory.create_batch(60, conversation=sales.conversation, occurred_at=note_moment)
    address, pages = f"/contacts/{sales.contact.pk}/", []
    while address:
        page = browser(ann, part=bool(pages)).get(address).content.decode()
        pages.append(page)
        older = re.search(r'hx-get="([^"]*before=[^"]*)"', page)
        address = html.unescape(older[1]) if older else None
    assert len(pages) > 1
    assert sum(page.count("added the labels") for page in pages) == 1
