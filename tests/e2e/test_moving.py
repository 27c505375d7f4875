"""A number moves to another chatroom, before the eyes of who had its conversations and of who gets them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from messagehub.management.demo_data import ORGANIZATIONS
from tests.e2e.steps import open_one, row
from tests.running_demo import Demo, phones

pytestmark = pytest.mark.e2e
GONE = "Failed to load resource: the server responded with a status of 404 (Not Found)"
SPARE = ORGANIZATIONS[0]["spare"][0]


@contextmanager
def chatroom_of(demo: Demo, name: str, person: str) -> Iterator[str]:
    """A chatroom that the person sees for this test only."""
    dana, user_id = demo.client("dana"), demo.client(person).user["id"]
    room_id = dana.post("/api/chatrooms", json={"name": name}).json()["id"]
    assignment = {"user_id": user_id, "chatroom_id": room_id}
    assert dana.post("/api/user-chatrooms", json=assignment).status_code in (200, 201)
    yield room_id
    dana.delete("/api/user-chatrooms", params=assignment)


def test_conversations_move_with_their_number(demo: Demo, signed_in, complaints):
    dana, account = demo.client("dana"), demo.details["twilio"]
    credentials = {name: account[name] for name in ("account_sid", "auth_token")}
    with chatroom_of(demo, "Old showroom", "maya") as old, chatroom_of(demo, "New showroom", "tom") as new:
        number = dana.post("/api/sender-numbers", json={"chatroom_id": old, "phone": SPARE, **credentials}).json()
        maya, tom = signed_in("maya"), signed_in("tom")
        demo.text(next(phones), SPARE, "Where do I belong?")
        open_one(maya, "Where do I belong?")
        expect(row(tom, "Where do I belong?")).to_have_count(0)

        moved = dana.patch(f"/api/sender-numbers/{number['id']}", json={"chatroom_id": new})

        assert moved.status_code == 200, moved.text
        expect(row(tom, "Where do I belong?")).to_be_visible()
        expect(row(maya, "Where do I belong?")).to_have_count(0)
        expect(maya.locator("#log")).to_have_count(0)
        open_one(tom, "Where do I belong?")
    assert set(complaints) <= {GONE}  # how Maya's page learns that what it shows is not hers any more
