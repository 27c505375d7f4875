"""What came before somebody could see a conversation is not unread to them."""

import pytest

from accounts import invitations, team
from chatrooms import membership
from messaging.models import Conversation
from tests import factories


@pytest.fixture
def waiting(acme, sales, support, inside):
    """Three messages wait in each chatroom."""
    with inside(acme):
        for room in (sales, support):
            Conversation.objects.filter(pk=room.conversation.pk).update(inbound_count=3)


def count_unread(client) -> dict[str, int]:
    return {room["name"]: room["unread_count"] for room in client.get("/api/chatrooms").json()["results"]}


def test_unread_begins_with_the_assignment(waiting, acme, ann, cy, sales, api, inside):
    with inside(acme):
        membership.assign_user(cy, sales.room, by=ann)
        assert count_unread(api(cy)) == {"Sales": 0}
        Conversation.objects.filter(pk=sales.conversation.pk).update(inbound_count=4)
    assert count_unread(api(cy)) == {"Sales": 1}
    [row] = api(cy).get("/api/conversations").json()["results"]
    assert row["unread_count"] == 1


def test_an_assignment_changes_no_other_chatroom(waiting, acme, ann, bo, support, api, inside):
    with inside(acme):
        membership.assign_user(bo, support.room, by=ann)
    assert count_unread(api(bo)) == {"Sales": 3, "Support": 0}


def test_a_promotion_keeps_what_was_unread_before(waiting, acme, ann, bo, api, inside):
    with inside(acme):
        team.change_user(bo, by=ann, role="admin")
    assert count_unread(api(bo)) == {"Sales": 3, "Support": 0}


def test_unread_begins_with_joining(waiting, acme, ann, api, inside):
    with inside(acme):
        user = team.invite_user(acme.organization, "new@acme.example", name="New", role="admin", by=ann)
        team.accept_invitation(invitations.make_link_part(user), name="New", password=factories.PASSWORD)
        user.refresh_from_db()
    assert count_unread(api(user)) == {"Sales": 0, "Support": 0}
