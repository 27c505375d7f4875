"""/groups/: the list, creating from a filter, members in bulk, renaming, and what deleting would do."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatrooms import groups
from chatrooms.models import Contact, Group
from messaging.campaigns import lifecycle
from messaging.models import ConsentEntry
from tests import factories

PAGE = "/groups/"


@pytest.fixture
def vip(acme, sales, inside) -> Group:
    """A group with Nina and with Abe, who opted out."""
    with inside(acme):
        group = groups.create_group(sales.room, "VIP")
        abe = factories.ContactFactory(chatroom=sales.room, first_name="Abe")
        groups.add_members(group, [sales.contact, abe])
        ConsentEntry.objects.create(
            organization=acme.organization, channel=sales.number, address=abe.phone, kind="opt_out", source="keyword"
        )
    return group


def text(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def names_on(answer) -> list[str]:
    return re.findall(r'name="selected"[^>]*aria-label="Select (\w+)', answer.content.decode())


def test_people_see_the_groups_of_their_chatrooms(browser, ann, bo, cy, zed, acme, support, vip, inside):
    with inside(acme):
        groups.create_group(support.room, "Night shift")
    assert "VIP Sales 2" in text(browser(bo).get(PAGE))
    assert "Night shift" not in text(browser(bo).get(PAGE))
    assert "Night shift" in text(browser(ann).get(PAGE))
    assert "VIP" not in text(browser(ann).get(PAGE, {"search": "night"}))
    assert "Nothing matches" in text(browser(ann).get(PAGE, {"search": "zzz"}))
    assert "No groups yet" in text(browser(zed).get(PAGE))
    assert browser(cy).get(f"{PAGE}{vip.pk}/").status_code == 404


def test_lists_take_as_many_queries_with_more_rows(browser, bo, acme, sales, vip, inside):
    def count(url: str) -> int:
        client = browser(bo)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    urls = (PAGE, f"{PAGE}{vip.pk}/")
    before = [count(url) for url in urls]
    with inside(acme):
        for number in range(8):
            more = groups.create_group(sales.room, f"Group {number}")
            members = factories.ContactFactory.create_batch(3, chatroom=sales.room)
            groups.add_members(more, members), groups.add_members(vip, members)
    assert [count(url) for url in urls] == before


@pytest.mark.parametrize("rest", ["", "rename/", "delete/"])
@pytest.mark.parametrize("outsider", ["cy", "zed"])
def test_a_group_of_others_does_not_exist(browser, acme, vip, inside, rest, outsider, request):
    client = browser(request.getfixturevalue(outsider))
    assert client.get(f"{PAGE}{vip.pk}/{rest}").status_code == 404
    if rest:
        assert client.post(f"{PAGE}{vip.pk}/{rest}", {"name": "Mine"}).status_code == 404
    assert client.post(f"{PAGE}{vip.pk}/remove/", {"all": "1"}).status_code == 404
    with inside(acme):
        assert Group.objects.get().name == "VIP"
        assert vip.members.count() == 2


def test_a_group_is_created_once_under_a_name(browser, bo, cy, vip, acme, inside):
    client = browser(bo)
    assert client.post(f"{PAGE}new/", {"name": "Regulars"}).status_code == 302
    answer = client.post(f"{PAGE}new/", {"name": "REGULARS"})
    assert answer.status_code == 422
    assert "REGULARS" in answer.content.decode()
    assert client.post(f"{PAGE}new/", {"name": " "}).status_code == 422
    assert browser(cy).get(f"{PAGE}new/").status_code == 403
    with inside(acme):
        assert Group.objects.count() == 2


def test_a_group_is_made_of_all_that_match(browser, ann, acme, sales, support, inside):
    with inside(acme):
        factories.ContactFactory.create_batch(3, chatroom=sales.room, last_name="Ash")
        factories.ContactFactory(chatroom=support.room, last_name="Ash")
    url = f"{PAGE}new/?of=search%3Dash"
    assert "4 contacts match your filter" in text(browser(ann).get(url))
    form = {"name": "Ashes", "chatroom": sales.room.pk, "of": "search=ash"}
    assert "3 contacts added to Ashes" in text(browser(ann).post(f"{PAGE}new/", form, follow=True))
    with inside(acme):
        assert Group.objects.get().contacts.filter(last_name="Ash").count() == 3
    assert browser(ann).get(f"{PAGE}new/?of=group_id%3D{uuid4()}").status_code == 404


def test_the_page_counts_who_cannot_be_reached(browser, bo, acme, sales, vip, inside):
    with inside(acme):
        Contact.objects.filter(pk=sales.contact.pk).update(blocked_at="2026-01-01T00:00:00Z")
    shown = text(browser(bo).get(f"{PAGE}{vip.pk}/"))
    assert "Members 2 Opted out 1 get no messages Blocked 1" in shown
    assert names_on(browser(bo).get(f"{PAGE}{vip.pk}/", {"consent": "opted_out"})) == ["Abe"]


def test_members_are_removed_and_come_back_by_undo(browser, bo, acme, sales, vip, inside):
    with inside(acme):
        other = factories.ContactFactory(chatroom=sales.room)
    client = browser(bo)
    client.post(f"{PAGE}{vip.pk}/remove/", {"selected": [sales.contact.pk, other.pk], "action": "remove"})
    page = client.get(f"{PAGE}{vip.pk}/")
    assert names_on(page) == ["Abe"]
    assert "1 contact removed from VIP." in text(page)
    undo = re.search(r'action="(/contacts/undo/[^"]+)"', page.content.decode())[1]
    client.post(undo)
    assert set(names_on(client.get(f"{PAGE}{vip.pk}/"))) == {"Abe", "Nina"}


def test_all_of_a_filter_are_removed_and_nobody_else(browser, bo, acme, vip, inside):
    client = browser(bo)
    client.post(f"{PAGE}{vip.pk}/remove/", {"all": "1", "query": "consent=opted_out", "action": "remove"})
    with inside(acme):
        assert list(vip.contacts.values_list("first_name", flat=True)) == ["Nina"]


def test_renaming(browser, bo, acme, sales, vip, inside):
    with inside(acme):
        groups.create_group(sales.room, "Taken")
    answer = browser(bo).post(f"{PAGE}{vip.pk}/rename/", {"name": "taken"})
    assert answer.status_code == 422
    assert 'value="taken"' in answer.content.decode()
    assert "Friends" in text(browser(bo).post(f"{PAGE}{vip.pk}/rename/", {"name": "Friends"}, follow=True))


def test_deleting_says_which_campaigns_use_the_group(browser, bo, acme, sales, vip, inside):
    assert "No campaign uses it." in text(browser(bo).get(f"{PAGE}{vip.pk}/delete/"))
    with inside(acme):
        lifecycle.create_campaign(sales.room, by=bo, name="Spring", content="Hi", channel=sales.number, groups=[vip])
    assert "Spring Draft" in text(browser(bo).get(f"{PAGE}{vip.pk}/delete/"))
    assert browser(bo).post(f"{PAGE}{vip.pk}/delete/").status_code == 302
    with inside(acme):
        assert not Group.objects.exists()
        assert Contact.objects.filter(chatroom=sales.room).count() == 2
