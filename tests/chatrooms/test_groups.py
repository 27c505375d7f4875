"""/api/groups and their members."""

import pytest

from tests import factories


@pytest.fixture
def group(api, bo) -> str:
    answer = api(bo).post("/api/groups", {"name": "Regulars"})
    assert answer.status_code == 201, answer.content
    return f"/api/groups/{answer.json()['id']}"


def test_a_group_is_made_renamed_and_deleted(api, bo, cy, zed, sales, group):
    assert api(bo).get(group).json()["chatroom_id"] == str(sales.room.pk)
    assert api(bo).patch(group, {"name": "Friends"}).json()["name"] == "Friends"
    assert [row["name"] for row in api(bo).get("/api/groups").json()["results"]] == ["Friends"]
    for outsider in (cy, zed):
        assert api(outsider).get("/api/groups").json()["results"] == []
        assert api(outsider).patch(group, {"name": "Mine"}).status_code == 404
    assert api(bo).delete(group).status_code == 204
    assert api(bo).get(group).status_code == 404


def test_a_name_is_once_in_a_room(api, ann, bo, group, support):
    assert api(bo).post("/api/groups", {"name": "REGULARS"}).json()["error"]["fields"].keys() == {"name"}
    assert api(ann).post("/api/groups", {"name": "Regulars", "chatroom_id": str(support.room.pk)}).status_code == 201


def test_members_come_and_go(api, bo, group, acme, sales, inside):
    with inside(acme):
        other = factories.ContactFactory(chatroom=sales.room)
    client, ids = api(bo), [str(sales.contact.pk), str(other.pk)]

    assert client.post(f"{group}/members", {"contact_ids": ids[:1]}).json() == {"added": 1}
    assert client.post(f"{group}/members", {"contact_ids": [*ids, ids[0]]}).json() == {"added": 1}
    members = client.get(f"{group}/members").json()["results"]
    assert {member["id"] for member in members} == set(ids)
    assert members[0]["groups"] == [{"id": group.rsplit("/", 1)[1], "name": "Regulars"}]
    assert client.get(f"/api/contacts/{ids[0]}").json()["groups"][0]["name"] == "Regulars"
    assert client.delete(f"{group}/members?contact_id={ids[0]}").status_code == 204
    assert client.delete(f"{group}/members?contact_id={ids[0]}").status_code == 404
    assert client.delete(f"/api/contacts/{ids[1]}").status_code == 204
    assert client.get(f"{group}/members").json()["results"] == []


def test_only_contacts_of_the_room_are_taken(api, ann, bo, group, sales, support, elsewhere):
    made_up = "01990000-0000-7000-8000-000000000000"
    for client, contact_id, said in [
        (api(bo), support.contact.pk, "Not found."),
        (api(bo), elsewhere.contact.pk, "Not found."),
        (api(bo), made_up, "Not found."),
        (api(bo), "x", "Not found."),
        (api(ann), support.contact.pk, "This belongs to another chatroom."),
    ]:
        answer = client.post(f"{group}/members", {"contact_ids": [str(sales.contact.pk), str(contact_id)]})
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"] == {"contact_ids.1": [said]}
    assert api(bo).get(f"{group}/members").json()["results"] == []


def test_queries_do_not_grow(api, bo, acme, sales, inside, group, assert_constant_queries):
    def add_member():
        with inside(acme):
            contact = factories.ContactFactory(chatroom=sales.room)
        assert api(bo).post(f"{group}/members", {"contact_ids": [str(contact.pk)]}).json() == {"added": 1}

    add_member()
    assert_constant_queries(api(bo), f"{group}/members", add_member)
    assert_constant_queries(api(bo), "/api/groups", lambda: None)
