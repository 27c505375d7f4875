"""/contacts/: the list with its filters, what is done to many at once, undoing it, a new contact, the export."""

import csv
import io
import re
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from chatrooms import groups
from chatrooms.models import Contact, Group
from messaging import payloads
from messaging.models import ConsentEntry, GroupChange
from tests import factories

PAGE, CHANGE = "/contacts/", "/contacts/change/"


@pytest.fixture
def add(acme, sales, inside):
    """Add a contact to Sales."""

    def make(first_name: str, **values) -> Contact:
        with inside(acme):
            return factories.ContactFactory(
                **{"chatroom": sales.room, "first_name": first_name, "last_name": "Ash", **values}
            )

    return make


@pytest.fixture
def vip(acme, sales, inside) -> Group:
    with inside(acme):
        return groups.create_group(sales.room, "VIP")


def names_on(answer) -> list[str]:
    """The first names of the rows, in their order."""
    assert answer.status_code == 200, answer.content
    return re.findall(r'name="selected"[^>]*aria-label="Select (\w+)', answer.content.decode())


def members_of(group: Group) -> set[str]:
    return set(group.contacts.values_list("first_name", flat=True))


def undo_url(answer) -> str:
    return re.search(r'action="(/contacts/undo/[0-9a-f-]+/)"', answer.content.decode())[1]


# ---------------------------------------------------------------- the list
def test_people_see_the_contacts_of_their_chatrooms(browser, ann, bo, cy, support, add):
    add("Abe")
    assert names_on(browser(bo).get(PAGE)) == ["Abe", "Nina"]
    assert names_on(browser(ann).get(PAGE)) == ["Abe", "Nina", "Nina"]
    assert "No chatroom" in browser(cy).get(PAGE).content.decode()
    assert browser().get(PAGE)["Location"].startswith("/login/")


def test_an_empty_list_says_what_to_do_first(browser, ann, acme, inside):
    with inside(acme):
        room = factories.ChatroomFactory(organization=acme.organization, name="New")
        newcomer = factories.UserFactory(organization=acme.organization)
        factories.UserChatroomFactory(user=newcomer, chatroom=room)
    page = browser(newcomer).get(PAGE).content.decode()
    assert "No contacts yet" in page
    assert 'name="chatroom_id"' not in page  # there is one only
    assert 'name="chatroom_id"' in browser(ann).get(PAGE).content.decode()


def test_search_and_filters_narrow_the_list(browser, bo, acme, sales, vip, add, inside):
    add("Abe", phone="+14155550123", last_activity_at=timezone.now())
    old = add("Old", last_activity_at=timezone.now() - timezone.timedelta(days=100))
    scoped = add("Mel", phone=None)
    with inside(acme):
        groups.add_members(vip, [old])
        page = factories.FacebookPageFactory(organization=acme.organization)
        channel = factories.PageChannelFactory(chatroom=sales.room, account=page)
        scoped.addresses.create(
            organization=acme.organization, chatroom=sales.room, platform="MESSENGER", address="77", channel=channel
        )
    for query, names in [
        ({"search": "415 555-01"}, ["Abe"]),
        ({"search": "\0 ash "}, ["Mel", "Old", "Abe"]),
        ({"group_id": vip.pk}, ["Old"]),
        ({"platform": "MESSENGER"}, ["Mel"]),
        ({"activity": "7_days"}, ["Abe"]),
        ({"activity": "older", "search": "old"}, ["Old"]),
        ({"search": "ash", "platform": "SMS"}, ["Old", "Abe"]),
        ({"search": "+1 415 555 0123", "activity": "7_days"}, ["Abe"]),
    ]:
        assert names_on(browser(bo).get(PAGE, query)) == names, query


@pytest.mark.parametrize("scope", ["channel", "organization"])
def test_consent_is_filtered_as_the_rows_say_it(browser, bo, acme, sales, support, add, inside, scope):
    """Also where a network writes a number in its other form, where the newest word counts, and where a STOP to another
    chatroom's channel holds for all."""
    people = {
        "Out": ["opt_in", "opt_out"],
        "Back": ["opt_out", "opt_in"],
        "Mex": ["opt_out"],
        "Far": ["opt_out"],
        "Silent": [],
    }
    with inside(acme):
        Organization.objects.update(opt_out_scope=scope)
    for first_name, kinds in people.items():
        contact = add(first_name, **({"phone": "+525512345678"} if first_name == "Mex" else {}))
        address = "+5215512345678" if first_name == "Mex" else contact.phone
        for place, kind in enumerate(kinds):
            with inside(acme):
                ConsentEntry.objects.create(
                    organization=acme.organization,
                    channel=support.number if first_name == "Far" else sales.number,
                    address=address,
                    kind=kind,
                    source="keyword",
                    created_at=timezone.now() + timezone.timedelta(seconds=place),
                )
    found = {}
    for consent in ("opted_out", "opted_in", "unknown"):
        found |= dict.fromkeys(names_on(browser(bo).get(PAGE, {"consent": consent})), consent)
    with inside(acme):
        rows = list(Contact.objects.filter(chatroom=sales.room))
        said = payloads.consent_of(rows)
        assert found == {row.first_name: said.get(row.pk, "unknown") for row in rows}
    assert found["Far"] == ("opted_out" if scope == "organization" else "unknown")
    assert (found["Out"], found["Back"], found["Mex"], found["Silent"]) == (
        "opted_out", "opted_in", "opted_out", "unknown",
    )  # fmt: skip


def test_a_filter_is_a_chip_that_can_be_removed(browser, bo, vip, add):
    answer = browser(bo).get(PAGE, {"group_id": vip.pk, "search": "nina"})
    page = answer.content.decode()
    assert "Nothing matches" in page
    assert "Clear filters" in page
    [without] = re.findall(r'<a class="chip"\s+aria-current="true"\s+href="([^"]+)"', page)
    assert names_on(browser(bo).get(without)) == ["Nina"]


def test_filters_of_others_do_not_exist_and_nonsense_is_said(browser, bo, acme, support, inside):
    with inside(acme):
        hidden = groups.create_group(support.room, "Hidden")
    for query in ({"group_id": hidden.pk}, {"group_id": uuid4()}, {"chatroom_id": support.room.pk}):
        assert browser(bo).get(PAGE, query).status_code == 404
    answer = browser(bo).get(PAGE, {"consent": "perhaps"})
    assert answer.status_code == 422
    assert "Unknown value" in answer.content.decode()
    assert browser(bo).get(PAGE, {"cursor": "x"}).status_code == 400


def test_pages_leave_out_nothing_in_both_directions(browser, bo, add):
    for number in range(120):
        add(f"C{number:03}")
    url, forward = f"{PAGE}?{urlencode({'search': 'ash', 'activity': 'older'})}", []
    while url:
        page = browser(bo).get(url)
        forward.append(names_on(page))
        last, url = url, find_link(page, "next")
    assert [len(names) for names in forward] == [50, 50, 20]
    assert sum(forward, []) == [f"C{number:03}" for number in reversed(range(120))]
    back = find_link(browser(bo).get(last), "prev")
    assert names_on(browser(bo).get(back)) == forward[1]


def find_link(answer, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', answer.content.decode())
    return found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize("query", [{}, {"search": "a", "consent": "unknown"}])
def test_the_list_takes_as_many_queries_with_more_rows(browser, bo, acme, sales, vip, add, inside, query):
    def count() -> int:
        client = browser(bo)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(PAGE, query).status_code == 200
        return len(captured)

    add("Abe")
    before = count()
    added = [add(f"Abe {number}") for number in range(10)]
    with inside(acme):
        groups.add_members(vip, added)
    assert count() == before


# ---------------------------------------------------------------- many at once
def test_selected_contacts_join_a_group_and_leave_it_by_undo(browser, bo, acme, sales, vip, add, inside):
    abe, ben = add("Abe"), add("Ben")
    with inside(acme):
        groups.add_members(vip, [ben])
    client = browser(bo)
    form = {
        "selected": [abe.pk, ben.pk, sales.contact.pk],
        "action": "group",
        "group": vip.pk,
        "next": "/contacts/?x=1",
    }
    answer = client.post(CHANGE, form)
    assert answer["Location"] == "/contacts/?x=1"
    page = client.get(PAGE)
    assert "2 contacts added to VIP. 1 needed no change." in page.content.decode()
    with inside(acme):
        assert members_of(vip) == {"Abe", "Ben", "Nina"}
    url = undo_url(page)
    for words in ("Undone.", "This was undone already."):
        assert words in client.post(url, follow=True).content.decode()
        with inside(acme):
            assert members_of(vip) == {"Ben"}  # who was there before stays


def test_all_that_match_join_a_group_whatever_the_page_shows(browser, ann, acme, support, vip, add, inside):
    for number in range(60):
        add(f"C{number}")
    form = {"all": "1", "query": "search=ash", "action": "group", "group": vip.pk, "selected": [uuid4()]}
    with inside(acme):
        factories.ContactFactory(chatroom=support.room, last_name="Ash")
    page = browser(ann).post(CHANGE, form, follow=True).content.decode()
    assert "60 contacts added to VIP. 1 is in another chatroom and was left out." in page
    with inside(acme):
        assert vip.members.count() == 60


def test_adding_costs_one_statement_however_many_match(browser, bo, vip, add):
    def count() -> int:
        client = browser(bo)
        with CaptureQueriesContext(connection) as captured:
            client.post(CHANGE, {"all": "1", "query": "", "action": "group", "group": vip.pk})
        return len(captured)

    before = count()
    for number in range(10):
        add(f"C{number}")
    assert count() == before


def test_bulk_actions_keep_to_what_the_viewer_sees(browser, bo, zed, cy, acme, support, vip, inside):
    with inside(acme):
        hidden = groups.create_group(support.room, "Hidden")
    client = browser(bo)
    form = {"selected": [support.contact.pk], "action": "group", "group": vip.pk}
    client.post(CHANGE, form)
    for wrong in ({"group": hidden.pk}, {"group": ""}, {"group": "x"}):
        client.post(CHANGE, {**form, **wrong})
    with inside(acme):
        assert not vip.members.exists()
        assert not hidden.members.exists()
    for wrong in ({"selected": "x"}, {"action": "burn"}, {"selected": [uuid4() for _ in range(201)]}):
        assert client.post(CHANGE, {**form, **wrong}).status_code == 400
    assert client.post(CHANGE, {"all": "1", "query": "consent=x", "action": "export"}).status_code == 400
    answer = client.post(CHANGE, {"action": "group", "group": vip.pk}, follow=True)
    assert "Select at least one contact first." in answer.content.decode()


def test_only_who_did_it_undoes_it(browser, ann, bo, acme, sales, vip, inside):
    browser(bo).post(CHANGE, {"selected": [sales.contact.pk], "action": "group", "group": vip.pk})
    with inside(acme):
        change = GroupChange.objects.get()
    assert browser(ann).post(f"/contacts/undo/{change.pk}/").status_code == 404
    with inside(acme):
        assert members_of(vip) == {"Nina"}


# ---------------------------------------------------------------- a new contact
def test_a_contact_is_created_once(browser, bo, acme, sales, inside):
    client, form = browser(bo), {"first_name": "Kim", "last_name": "Lee", "phone": "(415) 555-0123", "email": ""}
    assert client.post("/contacts/new/", form).status_code == 302
    again = client.post("/contacts/new/", form)
    assert again.status_code == 422
    assert "Open the contact" in again.content.decode()
    with inside(acme):
        contact = Contact.objects.get(phone="+14155550123")
        assert (contact.first_name, contact.chatroom_id, contact.name_source) == ("Kim", sales.room.pk, "staff")
        assert contact.activities.get().actor_id == bo.pk


def test_what_is_no_contact_is_refused(browser, ann, bo, cy, support, elsewhere):
    for values in ({"phone": "12"}, {"phone": ""}, {"phone": "+14155550123", "email": "no"}):
        answer = browser(bo).post("/contacts/new/", {"first_name": "Kept", **values})
        assert answer.status_code == 422
        assert 'value="Kept"' in answer.content.decode()
    for room in (elsewhere.room.pk, ""):
        assert browser(ann).post("/contacts/new/", {"phone": "+14155550123", "chatroom": room}).status_code == 422
    assert browser(cy).get("/contacts/new/").status_code == 403


# ---------------------------------------------------------------- the export
def rows_of(answer) -> list[dict]:
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_export_has_the_same_contacts_as_the_list(browser, ann, bo, acme, vip, support, add, inside):
    abe = add("Abe", email="abe@example.com")
    with inside(acme):
        groups.add_members(vip, [abe])
    [row] = rows_of(browser(bo).get("/contacts/export/", {"search": "abe"}))
    assert (row["First name"], row["Phone"], row["Email"], row["Groups"]) == (
        "Abe",
        abe.phone,
        "abe@example.com",
        "VIP",
    )
    assert [row["First name"] for row in rows_of(browser(bo).get("/contacts/export/"))] == ["Abe", "Nina"]
    assert len(rows_of(browser(ann).get("/contacts/export/"))) == 3
    [row] = rows_of(browser(bo).post(CHANGE, {"selected": [abe.pk, support.contact.pk], "action": "export"}))
    assert row["First name"] == "Abe"


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2", "@sum", "\t=1"])
def test_no_cell_of_the_export_is_a_formula(browser, bo, add, text):
    add(text, email="")
    row = rows_of(browser(bo).get("/contacts/export/"))[0]
    assert row["First name"] == f"'{text}"
    assert row["Phone"].startswith("+1555")


# ---------------------------------------------------------------- duplicates
def test_probable_duplicates_are_listed_with_what_they_share(browser, bo, zed, acme, add):
    add("One", phone="+525512345678"), add("Two", phone="+5215512345678")
    add("Abe", last_name="Lee", email="lee@example.com"), add("Ada", last_name="Li", email="LEE@example.com")
    page = browser(bo).get("/contacts/duplicates/").content.decode()
    assert len(re.findall(r"/contacts/[0-9a-f-]+/merge/[0-9a-f-]+/", page)) == 2
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert re.search(r"One Ash .* Two Ash .* Number", shown)
    assert re.search(r"Abe Lee .* Ada Li .* Email", shown)
    assert "No duplicates found" in browser(zed).get("/contacts/duplicates/").content.decode()


# ---------------------------------------------------------------- writing to those who are selected
def write_to(client, *chosen: Contact, **values):
    return client.post(CHANGE, {"action": "send", "selected": [each.pk for each in chosen], **values}, follow=True)


def numbers_on(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return re.search(r'<textarea name="to"[^>]*>\s*([^<]*)', answer.content.decode())[1].split()


def test_the_send_page_begins_with_those_who_are_selected(browser, bo, sales, add):
    abe, nobody = add("Abe", phone="+14155550123"), add("Mel", phone=None)
    client = browser(bo)

    answer = write_to(client, sales.contact, abe, nobody)

    assert numbers_on(answer) == [sales.contact.phone, "+14155550123"]
    assert "%2B" not in answer.redirect_chain[-1][0]  # no number in an address
    assert numbers_on(client.get(f"/send/?chatroom={sales.room.pk}")) == []


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("two rooms", "several chatrooms"),
        ("nobody", "Select at least one contact"),
        ("no number", "None of these contacts has a phone number."),
    ],
)
def test_who_can_not_be_written_to_at_once_is_said(browser, ann, sales, support, add, who, words):
    chosen = {
        "two rooms": [sales.contact, support.contact],
        "nobody": [],
        "no number": [add("Mel", phone=None)] if who == "no number" else [],
    }[who]

    answer = write_to(browser(ann), *chosen)

    assert answer.redirect_chain[-1][0] == PAGE
    assert words in answer.content.decode()


def test_more_than_one_text_may_go_to_are_sent_to_a_campaign(browser, ann, sales, acme, inside):
    with inside(acme):
        factories.ContactFactory.create_batch(200, chatroom=sales.room)

    answer = write_to(browser(ann), all="1", filters=f"chatroom_id={sales.room.pk}")

    assert "at most 200 people" in answer.content.decode()


def test_nobody_writes_to_contacts_of_others(browser, bo, support, elsewhere, sales):
    client = browser(bo)
    assert "None of these contacts" in write_to(client, support.contact, elsewhere.contact).content.decode()
    session = client.session
    session["chosen_contacts"] = [str(support.contact.pk), str(elsewhere.contact.pk), str(sales.contact.pk)]
    session.save()
    assert numbers_on(client.get(f"/send/?chatroom={sales.room.pk}&chosen=1")) == [sales.contact.phone]
