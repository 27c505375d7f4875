"""An assignee may see the conversation: who can't any more is unassigned in the same step, for everybody to see."""

import pytest

from chatrooms.models import UserChatroom
from messaging.conversations import assignments, changes
from messaging.models import ConversationActivity, Event
from tests import factories
from tokens import proof

pytestmark = pytest.mark.django_db
LOST_ASSIGNEE = "The assignee of an open conversation may see it"


@pytest.fixture
def assigned(acme, sales, bo, inside):
    """Bo's conversation in Sales."""
    with inside(acme):
        changes.change_conversation(sales.conversation, by=bo, assigned_to=bo)
    return sales.conversation


def leave_chatroom(admin, bo, room):
    return admin.delete(f"/api/user-chatrooms?user_id={bo.pk}&chatroom_id={room.pk}")


LOSSES = {
    "chatroom": leave_chatroom,
    "deactivated": lambda admin, bo, room: admin.delete(f"/api/users/{bo.pk}"),
    "inactive": lambda admin, bo, room: admin.patch(f"/api/users/{bo.pk}", {"is_active": False}),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_losing_the_right_unassigns_with_a_line_and_an_event(acme, assigned, ann, bo, sales, api, inside, loss):
    with inside(acme):
        before = Event.objects.count()

    assert LOSSES[loss](api(ann), bo, sales.room).status_code in (200, 204)

    unassigned = api(ann).get("/api/conversations?assigned_to=none").json()["results"]
    assert str(assigned.pk) in [row["id"] for row in unassigned]
    with inside(acme):
        line = ConversationActivity.objects.latest("created_at")
        assert (line.conversation_id, line.kind, line.actor_id) == (assigned.pk, "unassigned", ann.pk)
        event = Event.objects.get(seq=Event.objects.filter(chatroom=sales.room).count(), chatroom=sales.room)
        assert (event.type, event.conversation_id) == ("conversation.updated", assigned.pk)
        assert Event.objects.count() == before + 1


def test_demoted_admin_keeps_only_conversations_of_own_chatrooms(acme, ann, bo, cy, sales, support, api, inside):
    with inside(acme):
        factories.UserChatroomFactory(user=cy, chatroom=support.room)
    assert api(ann).patch(f"/api/users/{cy.pk}", {"role": "admin"}).status_code == 200
    with inside(acme):
        for each in (sales, support):
            changes.change_conversation(each.conversation, by=ann, assigned_to=cy)

    assert api(ann).patch(f"/api/users/{cy.pk}", {"role": "agent"}).status_code == 200

    with inside(acme):
        sales.conversation.refresh_from_db()
        support.conversation.refresh_from_db()
        assert (sales.conversation.assigned_to_id, support.conversation.assigned_to_id) == (None, cy.pk)


def test_line_in_the_thread_says_whose_access_ended(acme, assigned, ann, bo, sales, api, browser):
    leave_chatroom(api(ann), bo, sales.room)
    page = " ".join(browser(ann).get(f"/inbox/{assigned.pk}/").content.decode().split())
    assert 'unassigned this from <b dir="auto">Bo</b>' in page


def test_other_changes_of_a_person_unassign_nothing(acme, assigned, ann, bo, api, inside):
    assert api(ann).patch(f"/api/users/{bo.pk}", {"name": "Bo B."}).status_code == 200
    assert api(ann).patch(f"/api/users/{bo.pk}", {"role": "admin"}).status_code == 200
    with inside(acme):
        assigned.refresh_from_db()
        assert assigned.assigned_to_id == bo.pk


def test_closed_conversation_keeps_its_assignee_until_it_is_reopened(acme, assigned, ann, bo, sales, api, inside):
    api(ann).patch(f"/api/conversations/{assigned.pk}", {"status": "CLOSED"})
    leave_chatroom(api(ann), bo, sales.room)
    shown = api(ann).get(f"/api/conversations/{assigned.pk}").json()
    assert shown["assigned_to"]["id"] == str(bo.pk)

    reopened = api(ann).patch(f"/api/conversations/{assigned.pk}", {"status": "OPEN"}).json()

    assert reopened["assigned_to"] is None
    with inside(acme):
        kinds = set(ConversationActivity.objects.filter(actor=ann).values_list("kind", flat=True))
        assert kinds == {"closed", "reopened", "unassigned"}


def test_assigning_somebody_who_just_lost_the_chatroom_is_refused(acme, ann, bo, sales, api, inside):
    """As when both requests are under way and the loss commits first."""
    api(ann).delete(f"/api/user-chatrooms?user_id={bo.pk}&chatroom_id={sales.room.pk}")
    with inside(acme), pytest.raises(assignments.AssigneeGone):
        changes.change_conversation(sales.conversation, by=ann, assigned_to=bo)


def test_assignments_that_an_older_version_left_are_ended(acme, assigned, bo, sales, inside):
    with inside(acme):
        UserChatroom.objects.filter(user=bo).delete()  # without the operation
    assert LOST_ASSIGNEE in {broken.invariant for broken in proof.find_broken()}

    assert assignments.release_lost_assignments() == 1

    with inside(acme):
        assigned.refresh_from_db()
        assert assigned.assigned_to_id is None
        line = ConversationActivity.objects.latest("created_at")
        assert (line.kind, line.actor_id, line.person_id) == ("unassigned", None, bo.pk)
    assert LOST_ASSIGNEE not in {broken.invariant for broken in proof.find_broken()}
    assert assignments.release_lost_assignments() == 0


def test_one_that_can_not_be_released_leaves_the_others_to_release(
    acme, assigned, ann, bo, cy, support, inside, monkeypatch
):
    with inside(acme):
        factories.UserChatroomFactory(user=cy, chatroom=support.room)
        changes.change_conversation(support.conversation, by=ann, assigned_to=cy)
        UserChatroom.objects.all().delete()  # without the operation
    release = assignments.release_assignments
    for broken in (bo, cy):
        monkeypatch.setattr(
            assignments,
            "release_assignments",
            lambda user, *, by, broken=broken: {}["broken"] if user == broken else release(user, by=by),
        )
        assert assignments.release_lost_assignments() == 1
