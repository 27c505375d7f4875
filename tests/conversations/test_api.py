"""/api/labels, and what people do with a conversation: labels, state, assignee."""

from datetime import timedelta

import pytest
from django.utils import timezone

from messaging.conversations import changes
from messaging.live import event_log
from messaging.models import Conversation, Event
from tests import factories


@pytest.fixture
def label(api, ann) -> dict:
    answer = api(ann).post("/api/labels", {"name": "Urgent", "color": "magenta"})
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def address(sales) -> str:
    return f"/api/conversations/{sales.conversation.pk}"


def later(**more) -> str:
    return (timezone.now() + timedelta(**(more or {"hours": 1}))).isoformat()


def test_admins_write_labels_and_agents_read_them(api, ann, bo, zed, label):
    place = f"/api/labels/{label['id']}"
    assert api(bo).get("/api/labels").json()["results"] == [label]
    assert api(bo).patch(place, {"name": "Mine"}).status_code == 403
    assert api(bo).post("/api/labels", {"name": "Mine"}).status_code == 403
    assert api(zed).get(place).status_code == api(zed).delete(place).status_code == 404
    assert api(ann).post("/api/labels", {"name": "URGENT"}).json()["error"]["fields"].keys() == {"name"}
    assert api(ann).patch(place, {"color": "blue"}).json() == {**label, "color": "blue"}
    assert api(ann).patch(place, {"color": "puce"}).status_code == 400
    assert api(ann).delete(place).status_code == 204


def test_labels_are_shown_wherever_the_conversation_is(api, ann, bo, acme, sales, inside, label, address):
    answer = api(bo).patch(address, {"labels": [label["id"]]})

    assert answer.status_code == 200, answer.content
    assert answer.json()["labels"] == [label]
    assert api(bo).get("/api/conversations").json()["results"][0]["labels"] == [label]
    with inside(acme):
        frame = event_log.missed_frames(str(sales.room.pk), 0)[-1].text("c", str(bo.pk))
    assert '"type":"conversation.updated"' in frame
    assert label["id"] in frame
    api(ann).delete(f"/api/labels/{label['id']}")
    assert api(bo).get(address).json()["labels"] == []


def test_a_conversation_is_assigned_to_whom_it_is_open(api, ann, bo, cy, zed, address):
    client = api(bo)
    assert client.patch(address, {"assigned_to": str(bo.pk)}).json()["assigned_to"] == {"id": str(bo.pk), "name": "Bo"}
    assert client.patch(address, {"assigned_to": str(ann.pk)}).status_code == 200
    for nobody in (cy.pk, zed.pk, "01990000-0000-7000-8000-000000000000", "x"):
        answer = client.patch(address, {"assigned_to": str(nobody)})
        assert (answer.status_code, answer.json()["error"]["fields"]) == (400, {"assigned_to": ["Not found."]})
    assert client.patch(address, {"assigned_to": None}).json()["assigned_to"] is None


def test_snoozing_and_waking(api, bo, acme, sales, inside, address):
    client = api(bo)
    assert client.patch(address, {"status": "SNOOZED"}).json()["error"]["fields"].keys() == {"snoozed_until"}
    assert client.patch(address, {"snoozed_until": later(hours=-1)}).status_code == 400
    assert client.patch(address, {"snoozed_until": later(), "status": "OPEN"}).status_code == 400
    assert client.patch(address, {"snoozed_until": later()}).json()["status"] == "SNOOZED"
    assert client.patch(address, {"snoozed_until": None}).json()["status"] == "OPEN"
    assert client.patch(address, {"status": "SNOOZED", "snoozed_until": later()}).json()["status"] == "SNOOZED"
    with inside(acme):
        Conversation.objects.filter(status="SNOOZED").update(snoozed_until=timezone.now() - timedelta(hours=1))
        before = Event.objects.count()
    assert changes.wake_snoozed() == 1
    assert changes.wake_snoozed() == 0
    assert client.get(address).json()["status"] == "OPEN"
    with inside(acme):
        assert Event.objects.count() == before + 1


def test_reopening_is_refused_while_a_newer_one_is_open(api, bo, acme, sales, inside, address):
    client = api(bo)
    assert client.patch(address, {"status": "CLOSED"}).json()["status"] == "CLOSED"
    assert client.patch(address, {"status": "OPEN"}).json()["status"] == "OPEN"
    client.patch(address, {"status": "CLOSED"})
    with inside(acme):
        newer = factories.ConversationFactory(
            chatroom=sales.room, contact=sales.contact, channel=sales.number, status="PENDING"
        )

    for status in ("OPEN", "PENDING"):
        answer = client.patch(address, {"status": status})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "newer_open")
    assert client.get(address).json()["status"] == "CLOSED"
    client.patch(f"/api/conversations/{newer.pk}", {"status": "CLOSED"})
    assert client.patch(address, {"status": "OPEN"}).status_code == 200


def test_what_changes_nothing_writes_no_event(api, bo, acme, inside, address):
    api(bo).patch(address, {"status": "OPEN", "assigned_to": None, "labels": []})
    with inside(acme):
        assert not Event.objects.exists()


@pytest.mark.parametrize("outsider", ["cy", "zed"])
def test_outsiders_change_nothing(api, request, outsider, address):
    client = api(request.getfixturevalue(outsider))
    assert client.patch(address, {"status": "CLOSED"}).status_code == 404
    assert client.get(f"{address}/notes").status_code == 404
    assert client.post(f"{address}/notes", {"content": "Hm"}).status_code == 404


def test_foreign_labels_do_not_exist(api, bo, zed, address):
    foreign = api(zed).post("/api/labels", {"name": "Ours"}).json()["id"]
    answer = api(bo).patch(address, {"labels": [foreign]})
    assert answer.json()["error"]["fields"] == {"labels.0": ["Not found."]}


def test_notes_are_for_colleagues(api, ann, bo, cy, acme, sales, inside, address):
    first = api(bo).post(f"{address}/notes", {"content": "She called twice.", "mentions": [str(ann.pk)]})
    api(ann).post(f"{address}/notes", {"content": "Noted"})

    assert first.status_code == 201
    assert first.json()["author"] == {"id": str(bo.pk), "name": "Bo"}
    listed = api(ann).get(f"{address}/notes").json()["results"]
    assert [note["content"] for note in listed] == ["Noted", "She called twice."]
    assert listed[1] == first.json()
    assert listed[1]["mentions"] == [str(ann.pk)]
    with inside(acme):
        assert {event.type for event in Event.objects.all()} == {"conversation.updated"}
        assert sales.conversation.messages.count() == 1
    refused = api(bo).post(f"{address}/notes", {"content": "Hm", "mentions": [str(ann.pk), str(cy.pk)]})
    assert refused.json()["error"]["fields"] == {"mentions.1": ["Not found."]}


def test_queries_do_not_grow(api, bo, ann, acme, sales, inside, label, address, assert_constant_queries):
    def add_conversation():
        with inside(acme):
            conversation = factories.ConversationFactory(chatroom=sales.room)
            factories.MessageFactory(conversation=conversation)
            changes.change_conversation(conversation, labels=[labels.pop()])

    from messaging.models import Label

    with inside(acme):
        labels = [Label.objects.create(organization=acme.organization, name=f"L{n}") for n in range(2)]
    assert_constant_queries(api(bo), "/api/conversations", add_conversation)
    api(bo).post(f"{address}/notes", {"content": "Hm"})
    assert_constant_queries(api(bo), f"{address}/notes", lambda: api(bo).post(f"{address}/notes", {"content": "Hm"}))
