"""Rights and chatrooms that end while somebody relies on them: the one who comes second sees what the first did."""

import pytest

from accounts import team
from chatrooms import membership, rooms
from integrations import numbers
from messaging.conversations import changes
from tests.meanwhile import Aside

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def committed(transactional_db, django_db_blocker) -> None:
    """Others see what is committed, and only that."""


@pytest.mark.parametrize("loss", ["chatroom", "account"])
def test_conversation_assigned_while_the_right_ends_is_unassigned(acme, sales, ann, bo, api, inside, loss):
    path = f"/api/user-chatrooms?user_id={bo.pk}&chatroom_id={sales.room.pk}"
    with inside(acme):
        changes.change_conversation(sales.conversation, by=ann, assigned_to=bo)
        other = Aside(lambda: api(ann).delete(path if loss == "chatroom" else f"/api/users/{bo.pk}"))
    assert other.result().status_code == 204
    with inside(acme):
        sales.conversation.refresh_from_db()
        assert sales.conversation.assigned_to_id is None


@pytest.mark.parametrize("loss", ["chatroom", "account"])
def test_nobody_is_assigned_whose_right_ended_meanwhile(acme, sales, ann, bo, api, inside, loss):
    with inside(acme):
        if loss == "chatroom":
            membership.unassign_user(bo, sales.room, by=ann)
        else:
            team.deactivate_user(bo, by=ann)
        other = Aside(
            lambda: api(ann).patch(f"/api/conversations/{sales.conversation.pk}", {"assigned_to": str(bo.pk)})
        )
    answer = other.result()
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["assigned_to"])


def test_chatroom_that_gets_a_number_meanwhile_is_not_archived(acme, sales, support, ann, api, inside):
    with inside(acme):
        empty = rooms.create_chatroom(acme.organization, "Empty", by=ann)
    with inside(acme):
        numbers.change_number(sales.number, chatroom=empty, by=ann)
        other = Aside(lambda: api(ann).delete(f"/api/chatrooms/{empty.pk}"))
    assert other.result().status_code == 409


def test_number_does_not_move_into_a_chatroom_that_is_archived_meanwhile(acme, sales, ann, api, inside):
    with inside(acme):
        empty = rooms.create_chatroom(acme.organization, "Empty", by=ann)
    with inside(acme):
        rooms.archive_chatroom(empty, by=ann)
        other = Aside(lambda: api(ann).patch(f"/api/sender-numbers/{sales.number.pk}", {"chatroom_id": str(empty.pk)}))
    assert other.result().status_code == 400
    assert api(ann).get(f"/api/sender-numbers/{sales.number.pk}").json()["chatroom_id"] == str(sales.room.pk)
