"""/manage/chatrooms/: chatrooms, and the matrix of who works where. For admins of one organization."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from chatrooms import rooms
from chatrooms.models import Chatroom, UserChatroom
from integrations.models import Channel
from messaging.models import ReadMarker
from tests import factories

pytestmark = pytest.mark.django_db
PAGE = "/manage/chatrooms/"


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def of(room, action: str = "") -> str:
    return f"{PAGE}{room.pk}/{action}"


@pytest.fixture
def attic(acme, inside) -> Chatroom:
    """A chatroom without numbers."""
    with inside(acme):
        return factories.ChatroomFactory(organization=acme.organization, name="Attic")


@pytest.fixture
def works_in(acme, inside):
    def names(person) -> set[str]:
        with inside(acme):
            return set(UserChatroom.objects.filter(user=person).values_list("chatroom__name", flat=True))

    return names


@pytest.mark.parametrize("path", ["", "create/", "{room}/", "{room}/archive/", "{room}/people/{bo}/", "people/{bo}/"])
def test_agents_and_strangers_get_nothing(browser, bo, olga, sales, path):
    address, ask = PAGE + path.format(room=sales.room.pk, bo=bo.pk), "get" if path in ("", "{room}/") else "post"
    assert getattr(browser(bo), ask)(address).status_code == 403
    assert getattr(browser(), ask)(address).status_code == 302
    assert getattr(browser(olga), ask)(address).status_code in (302, 403)


@pytest.mark.parametrize("action", ["", "change/", "archive/", "restore/", "people/", "people/{bo}/"])
def test_chatroom_of_another_organization_does_not_exist(browser, ann, bo, elsewhere, action):
    client, address = browser(ann), of(elsewhere.room, action.format(bo=bo.pk))
    assert (client.post(address, {"room": elsewhere.room.pk}) if action else client.get(address)).status_code == 404
    assert "Spare parts" not in text(client.get(PAGE))


def test_person_of_another_organization_is_given_nothing(browser, ann, zed, sales):
    assert browser(ann).post(of(sales.room, f"people/{zed.pk}/"), {"room": sales.room.pk}).status_code == 404
    assert not UserChatroom.objects.filter(user=zed).exists()


def test_list_names_senders_and_counts_agents(browser, ann, sales, attic):
    shown = text(browser(ann).get(PAGE))
    assert "Attic No sender yet 0" in shown
    assert re.search(r"Sales \+1 555-300-\d{4} 1 Support", shown)


def test_chatroom_is_created_once_and_named_anew(browser, ann, sales, acme, inside):
    client = browser(ann)
    answer = client.post(f"{PAGE}create/", {"name": "Berlin"}, follow=True)
    assert "Berlin is created" in text(answer)
    again = client.post(f"{PAGE}create/", {"name": "berlin"})
    assert (again.status_code, "already a chatroom" in text(again)) == (422, True)
    with inside(acme):
        room = Chatroom.objects.get(name="Berlin")
    assert "is saved" in text(client.post(of(room, "change/"), {"name": "Hamburg", "color": "blue"}, follow=True))
    taken = client.post(of(room, "change/"), {"name": "Sales", "color": "blue"})
    assert (taken.status_code, 'value="Sales"' in taken.content.decode()) == (422, True)
    assert client.post(of(room, "change/"), {"name": "Hamburg", "color": "pink"}).status_code == 422
    with inside(acme):
        room.refresh_from_db()
        actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert (room.name, room.color) == ("Hamburg", "blue")
    assert actions == ["chatroom.create", "chatroom.rename", "chatroom.color"]


def test_chatroom_with_a_number_is_not_archived(browser, ann, sales, acme, inside):
    answer = browser(ann).post(of(sales.room, "archive/"))
    assert answer.status_code == 422
    assert "still has numbers" in text(answer)
    with inside(acme):
        assert Chatroom.objects.get(pk=sales.room.pk).archived_at is None


def test_archived_chatroom_comes_back_with_its_people(browser, ann, bo, attic, acme, inside):
    with inside(acme):
        factories.UserChatroomFactory(user=bo, chatroom=attic)
    client = browser(ann)
    assert "Attic is archived" in text(client.post(of(attic, "archive/"), follow=True))
    assert "Attic" not in text(browser(bo).get("/inbox/"))
    assert "Attic archived today" in text(client.get(PAGE))
    assert "Nobody sees this chatroom" in text(client.get(of(attic)))
    assert "Attic is restored" in text(client.post(of(attic, "restore/"), follow=True))
    assert "Attic" in text(browser(bo).get("/inbox/"))


def test_archived_chatroom_whose_name_is_taken_stays_archived(browser, ann, attic, acme, inside):
    client = browser(ann)
    client.post(of(attic, "archive/"))
    client.post(f"{PAGE}create/", {"name": "Attic"})
    answer = client.post(of(attic, "restore/"))
    assert answer.status_code == 422
    assert "Another chatroom is called Attic now" in text(answer)
    with inside(acme):
        assert Chatroom.objects.get(pk=attic.pk).archived_at


def test_restored_chatroom_is_read_to_admins_who_joined_meanwhile(acme, ann, sales, support, inside):
    with inside(acme):
        Channel.objects.filter(chatroom=sales.room).update(chatroom=support.room)
        rooms.archive_chatroom(sales.room, by=ann)
        newcomer = factories.UserFactory(organization=acme.organization, role="admin")
        sales.conversation.inbound_count = 3
        sales.conversation.save(update_fields=["inbound_count"])
        rooms.restore_chatroom(sales.room, by=ann)
        markers = ReadMarker.objects.filter(conversation=sales.conversation)
        assert list(markers.values_list("user_id", "seen_count")) == [(newcomer.pk, 3)]


# ---------------------------------------------------------------- access
def test_a_cell_is_saved_at_once_and_only_it(browser, ann, bo, sales, support, works_in, acme, inside):
    client = browser(ann, part=True)
    given = client.post(of(support.room, f"people/{bo.pk}/"), {"room": support.room.pk})
    assert given.status_code == 200
    assert "\nchecked" in given.content.decode()
    assert "Saved" in text(given)
    assert works_in(bo) == {"Sales", "Support"}
    taken = client.post(of(sales.room, f"people/{bo.pk}/"), {})
    assert "\nchecked" not in taken.content.decode()
    assert works_in(bo) == {"Support"}
    with inside(acme):
        assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
            "chatroom.assign",
            "chatroom.unassign",
        ]


def test_a_row_is_saved_without_scripts_and_leaves_what_it_did_not_show(browser, ann, bo, sales, support, works_in):
    browser(ann).post(of(support.room, f"people/{bo.pk}/"), {"room": support.room.pk})
    row = {"shown": [sales.room.pk], "room": []}
    assert browser(ann).post(f"{PAGE}people/{bo.pk}/", row).status_code == 302
    assert works_in(bo) == {"Support"}


def test_people_of_a_chatroom_are_saved_without_scripts(browser, ann, bo, cy, sales, works_in):
    form = {"shown": [cy.pk, bo.pk], "person": [cy.pk]}
    assert "access to Sales is saved" in text(browser(ann).post(of(sales.room, "people/"), form, follow=True))
    assert (works_in(bo), works_in(cy)) == (set(), {"Sales"})
    assert browser(ann).post(of(sales.room, "people/"), {"shown": ["x"]}).status_code == 400


def test_admins_have_no_cells(browser, ann, bo, sales):
    shown = browser(ann).get(PAGE).content.decode()
    assert f"c-{bo.pk}-{sales.room.pk}" in shown
    assert f"c-{ann.pk}-" not in shown
    assert browser(ann).post(of(sales.room, f"people/{ann.pk}/"), {"room": sales.room.pk}).status_code == 404


def test_matrix_stays_small_however_many_there_are(browser, ann, acme, inside):
    def ask(query: str = "") -> tuple[str, int]:
        with CaptureQueriesContext(connection) as captured:
            answer = browser(ann).get(PAGE + query)
        return answer.content.decode(), len(captured)

    _, before = ask()
    with inside(acme):
        for number in range(10):
            factories.ChatroomFactory(organization=acme.organization, name=f"Branch {number}")
        for number in range(30):
            factories.UserFactory(organization=acme.organization, name=f"Person {number:02}")
    first, queries = ask()
    assert queries == before
    assert first.count('class="check"') == 25 * 8
    rooms_after = re.search(r"rooms=([0-9a-f-]{36})", first)[1]
    assert ask(f"?rooms={rooms_after}")[0].count('class="check"') == 25 * 4
    assert ask("?search=Person 07")[0].count('<th scope="row">') == 1
    assert "No agent matches" in ask("?search=nobody")[0]
    for wrong in ("?rooms=x", "?after=x"):
        assert browser(ann).get(PAGE + wrong).status_code == 400


def test_empty_pages_say_what_to_do_first(browser, zed, elsewhere, globex, inside):
    shown = text(browser(zed).get(PAGE))
    assert "No agents yet. Invite one" in shown
    with inside(globex):
        Chatroom.objects.update(archived_at="2026-01-01T00:00Z")
    assert "No chatroom yet. Create the first one" in text(browser(zed).get(PAGE))
