"""/api/chatrooms and /api/user-chatrooms."""

import pytest

from chatrooms.models import Chatroom
from messaging.models import Conversation
from tests import factories


def names(answer) -> list[str]:
    return [room["name"] for room in answer.json()["results"]]


def test_each_sees_their_own_rooms(api, ann, bo, cy, zed):
    assert names(api(ann).get("/api/chatrooms")) == ["Support", "Sales"]
    assert names(api(bo).get("/api/chatrooms")) == ["Sales"]
    assert names(api(cy).get("/api/chatrooms")) == []
    assert names(api(zed).get("/api/chatrooms")) == ["Spare parts"]


def test_an_admin_opens_renames_and_archives(api, ann, inside, acme):
    client = api(ann)
    made = client.post("/api/chatrooms", {"name": "  Returns "})
    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "name": "Returns",
        "sender_numbers": [],
        "facebook_pages": [],
        "channels": [],
        "unread_count": 0,
        "quiet_hours": None,
    }
    address = f"/api/chatrooms/{made.json()['id']}"
    assert made["Location"].endswith(address)
    assert client.patch(address, {"name": "Refunds"}).json()["name"] == "Refunds"
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    with inside(acme):
        assert Chatroom.objects.get(name="Refunds").archived_at


@pytest.mark.parametrize("name", ["sales", "SALES"])
def test_a_name_is_given_once(api, ann, support, name):
    for answer in (
        api(ann).post("/api/chatrooms", {"name": name}),
        api(ann).patch(f"/api/chatrooms/{support.room.pk}", {"name": name}),
    ):
        assert answer.status_code == 400
        assert list(answer.json()["error"]["fields"]) == ["name"]


def test_an_archived_room_is_gone_and_loses_nothing(api, ann, bo, sales, support, inside, acme):
    api(ann).patch(f"/api/conversations/{sales.conversation.pk}", {"status": "CLOSED"})
    api(ann).patch(f"/api/sender-numbers/{sales.number.pk}", {"chatroom_id": str(support.room.pk)})
    assert api(ann).delete(f"/api/chatrooms/{sales.room.pk}").status_code == 204

    assert names(api(bo).get("/api/chatrooms")) == []
    assert api(bo).get(f"/api/conversations/{sales.conversation.pk}").status_code == 404
    assert api(ann).post("/api/chatrooms", {"name": "Sales"}).status_code == 201
    with inside(acme):
        assert Conversation.objects.filter(pk=sales.conversation.pk).exists()


def test_agents_change_nothing(api, bo, sales):
    client = api(bo)
    assert client.post("/api/chatrooms", {"name": "Mine"}).status_code == 403
    assert client.patch(f"/api/chatrooms/{sales.room.pk}", {"name": "Mine"}).status_code == 403
    assert client.delete(f"/api/chatrooms/{sales.room.pk}").status_code == 403


def test_assigning_twice_is_once(api, ann, cy, sales):
    client, body = api(ann), {"user_id": str(cy.pk), "chatroom_id": str(sales.room.pk)}

    first, second = client.post("/api/user-chatrooms", body), client.post("/api/user-chatrooms", body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json()["assigned_by"] == {"id": str(ann.pk), "name": "Ann"}
    assert names(api(cy).get("/api/chatrooms")) == ["Sales"]


def test_assignments_are_listed_and_ended(api, ann, bo, cy, sales, support):
    client = api(ann)
    listed = client.get("/api/user-chatrooms", {"user_id": bo.pk, "chatroom_id": sales.room.pk}).json()["results"]
    assert [(row["user_id"], row["chatroom_id"]) for row in listed] == [(str(bo.pk), str(sales.room.pk))]
    assert client.get("/api/user-chatrooms", {"chatroom_id": support.room.pk}).json()["results"] == []

    address = f"/api/user-chatrooms?user_id={bo.pk}&chatroom_id={sales.room.pk}"
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 404
    assert names(api(bo).get("/api/chatrooms")) == []


def test_foreign_ids_are_like_made_up_ones(api, ann, bo, zed, sales, elsewhere):
    made_up = "01990000-0000-7000-8000-000000000000"
    client = api(ann)
    for user_id, room_id, field in [
        (zed.pk, sales.room.pk, "user_id"),
        (made_up, sales.room.pk, "user_id"),
        (bo.pk, elsewhere.room.pk, "chatroom_id"),
        (bo.pk, made_up, "chatroom_id"),
    ]:
        body = {"user_id": str(user_id), "chatroom_id": str(room_id)}
        for answer in (
            client.post("/api/user-chatrooms", body),
            client.delete(f"/api/user-chatrooms?user_id={user_id}&chatroom_id={room_id}"),
            client.get("/api/user-chatrooms", body),
        ):
            assert answer.status_code == 400
            assert answer.json()["error"]["fields"] == {field: ["Not found."]}


def test_lists_take_the_same_queries_whatever_they_hold(api, ann, acme, inside, sales, assert_constant_queries):
    def add_room():
        with inside(acme):
            room = factories.ChatroomFactory(organization=acme.organization)
            factories.ChannelFactory(chatroom=room)
            user = factories.UserFactory(organization=acme.organization)
            factories.UserChatroomFactory(user=user, chatroom=room, assigned_by=ann)

    assert_constant_queries(api(ann), "/api/chatrooms", add_room)
    assert_constant_queries(api(ann), "/api/user-chatrooms", add_room)
