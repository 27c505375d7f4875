"""A contact's page through the front door: who gets there, what they may do, and what a merge leaves behind."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatrooms import contacts, groups
from chatrooms.models import Contact
from messaging.contacts import merging
from messaging.conversations import notes
from messaging.models import Event
from tests import factories
from tests.contacts.conftest import address

# ---------------------------------------------------------------- who gets there
PAGES = ["", "edit/", "merge/", "merge/{other}/"]
FORMS = ["edit/", "block/", "data/", "groups/", "numbers/", "merge/{other}/"]


@pytest.mark.parametrize("outsider", ["cy", "zed"])  # colleague without the room; other tenant
@pytest.mark.parametrize("rest", PAGES)
def test_a_contact_of_others_does_not_exist(browser, sales, twin, outsider, rest, request):
    client = browser(request.getfixturevalue(outsider))
    assert client.get(address(sales.contact, rest.format(other=twin.pk))).status_code == 404


@pytest.mark.parametrize("outsider", ["cy", "zed"])
@pytest.mark.parametrize("rest", FORMS)
def test_nobody_else_changes_a_contact(browser, acme, sales, twin, outsider, rest, request, inside):
    client = browser(request.getfixturevalue(outsider))
    given = {"blocked": "1", "phone": "+14155550123", "group": str(uuid4())}
    assert client.post(address(sales.contact, rest.format(other=twin.pk)), given).status_code == 404
    with inside(acme):
        held = Contact.objects.get(pk=sales.contact.pk)
        assert (held.blocked_at, held.phone) == (None, sales.contact.phone)
        assert Contact.objects.filter(pk=twin.pk).exists()


def test_signed_out_leads_to_the_door(browser, sales):
    assert browser().get(address(sales.contact))["Location"].startswith("/login/")


# ---------------------------------------------------------------- the page
def test_the_page_shows_who_it_is_and_what_happened(browser, bo, acme, sales, inside):
    with inside(acme):
        notes.add_note(sales.conversation, "Prefers mornings", author=bo)
        groups.add_members(groups.create_group(sales.room, "Walnut fans"), [sales.contact])

    page = browser(bo).get(address(sales.contact)).content.decode()

    for words in ("Nina Okafor", "Prefers mornings", "internal note", "Hello", "Walnut fans", "Sales"):
        assert words in page
    assert f"/inbox/{sales.conversation.pk}/" in page


def test_what_customers_are_called_is_text(browser, bo, acme, sales, inside):
    with inside(acme):
        Contact.objects.filter(pk=sales.contact.pk).update(first_name="<b>{{ 7|add:1 }}")
    page = browser(bo).get(address(sales.contact)).content.decode()
    assert "<b>{{" not in page
    assert "&lt;b&gt;{{ 7|add:1 }}" in page


def test_the_timeline_comes_in_pages_without_gap_or_repeat(browser, bo, acme, sales, inside):
    with inside(acme):
        for number in range(70):
            factories.MessageFactory(conversation=sales.conversation, content=f"Message {number:03}")
            notes.add_note(sales.conversation, f"Note {number:03}", author=bo)
    client, url, seen = browser(bo, part=True), address(sales.contact), []
    pages = 0

    while url:
        part = client.get(url).content.decode()
        seen += re.findall(r"(Message \d{3}|Note \d{3})<", part)
        url = next(iter(re.findall(r'hx-get="([^"]+before[^"]+)"', part)), "").replace("&amp;", "&")
        pages += 1

    assert (pages, len(seen), len(set(seen))) == (3, 140, 140)
    assert [entry for entry in seen if entry.startswith("Note")] == [f"Note {n:03}" for n in reversed(range(70))]


def test_a_place_that_is_none_is_refused(browser, bo, sales):
    beyond = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00")
    for text in ("x", "2026-01-01,1", *(f"{moment},{uuid4()}" for moment in beyond)):
        assert browser(bo).get(address(sales.contact), {"before": text}).status_code == 400
        assert browser(bo, part=True).get("/inbox/", {"after": text}).status_code == 400
        thread = browser(bo, part=True).get(f"/inbox/{sales.conversation.pk}/", {"before": text})
        assert thread.status_code == 400
    for moment in beyond:
        aside = browser(bo, part=True).get(f"/inbox/{sales.conversation.pk}/side/", {"since": moment})
        assert aside.status_code == 400


def test_the_page_takes_as_many_queries_with_more_history(browser, bo, acme, sales, inside):
    def count() -> int:
        client = browser(bo)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(sales.contact)).status_code == 200
        return len(captured)

    with inside(acme):
        notes.add_note(sales.conversation, "First", author=bo)
    before = count()
    with inside(acme):
        factories.MessageFactory.create_batch(20, conversation=sales.conversation)
        notes.add_note(sales.conversation, "Second", author=bo)
        for _ in range(3):
            factories.ConversationFactory(
                chatroom=sales.room, contact=sales.contact, channel=sales.number, status="CLOSED"
            )
    assert count() == before


# ---------------------------------------------------------------- changing
def test_what_people_write_wins_over_a_profile(browser, bo, acme, sales, inside):
    answer = browser(bo).post(
        address(sales.contact, "edit/"),
        {"first_name": "Kim", "last_name": "Lee", "phone": "(415) 555-0123", "email": ""},
    )
    assert (answer.status_code, answer["Location"]) == (302, address(sales.contact))
    with inside(acme):
        held = Contact.objects.get(pk=sales.contact.pk)
        assert (held.first_name, held.phone, held.name_source) == ("Kim", "+14155550123", "staff")
        assert Event.objects.get(chatroom=sales.room).conversation_id == sales.conversation.pk
        assert held.activities.get(kind="changed").about == f"Nina, Okafor, {sales.contact.phone}"
    assert "Kim Lee" in browser(bo).get(answer["Location"]).content.decode()


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"phone": ""}, 422, "required"),
        ({"phone": "12"}, 422, "valid phone number"),
        ({"email": "no"}, 422, "valid email"),
        ({"first_name": "x" * 81}, 422, "80"),
    ],
)
def test_what_is_no_contact_is_refused_in_words(browser, bo, acme, sales, inside, given, status, words):
    values = {"first_name": "New", "phone": sales.contact.phone} | given
    answer = browser(bo).post(address(sales.contact, "edit/"), values)
    assert answer.status_code == status
    assert words in answer.content.decode()
    with inside(acme):
        assert Contact.objects.get(pk=sales.contact.pk).first_name == "Nina"


def test_a_number_of_somebody_else_is_refused(browser, bo, acme, sales, twin, inside):
    for client, status in ((browser(bo), 409), (browser(bo, part=True), 422)):  # htmx swaps what 422 brings
        answer = client.post(address(sales.contact, "edit/"), {"phone": twin.phone})
        assert answer.status_code == status
        assert "with this phone number" in answer.content.decode()
    with inside(acme):
        assert Contact.objects.get(pk=sales.contact.pk).phone == sales.contact.phone


def test_a_script_gets_the_form_alone_and_is_told_where_to_go(browser, bo, sales):
    client = browser(bo, part=True)
    assert "<html" not in client.get(address(sales.contact, "edit/")).content.decode()
    answer = client.post(address(sales.contact, "edit/"), {"phone": sales.contact.phone, "first_name": "Kim"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, address(sales.contact))


def test_blocking_and_unblocking(browser, bo, acme, sales, inside):
    client = browser(bo)
    client.post(address(sales.contact, "block/"), {"blocked": "1"})
    page = client.get(address(sales.contact)).content.decode()
    assert "Blocked since" in page
    assert "<bdi>Bo</bdi> blocked the contact" in page
    client.post(address(sales.contact, "block/"), {"blocked": "0"})
    with inside(acme):
        assert Contact.objects.get(pk=sales.contact.pk).blocked_at is None
        assert Event.objects.filter(chatroom=sales.room).count() == 2


def test_groups_are_of_the_contacts_room(browser, ann, acme, sales, support, inside):
    with inside(acme):
        ours, theirs = groups.create_group(sales.room, "Ours"), groups.create_group(support.room, "Theirs")
    client = browser(ann)
    assert client.post(address(sales.contact, "groups/"), {"group": ours.pk}).status_code == 302
    assert client.post(address(sales.contact, "groups/"), {"group": theirs.pk}).status_code == 404
    with inside(acme):
        assert list(sales.contact.groups.all()) == [ours]
    client.post(address(sales.contact, "groups/"), {"group": ours.pk, "out": "1"})
    with inside(acme):
        assert not sales.contact.groups.exists()


def test_the_search_finds_others_of_the_room(browser, ann, sales, support, twin):
    page = browser(ann, part=True).get(address(sales.contact, "merge/"), {"search": "n"}).content.decode()
    assert f"merge/{twin.pk}/" in page
    assert str(support.contact.pk) not in page
    assert f"merge/{sales.contact.pk}/" not in page


def test_changing_a_contact_that_is_gone_meanwhile_changes_nothing(browser, bo, acme, sales, twin, inside, monkeypatch):
    """As for a request that found it before the merge was committed."""
    with inside(acme):
        merging.merge_contacts(sales.contact, twin, by=bo)
        with pytest.raises(contacts.ContactGone, match="no longer exists"):
            contacts.change_contact(twin, by=bo, first_name="Nina")
    monkeypatch.setattr("messaging.contacts.views._contact", lambda request, pk: twin)
    assert browser(bo).post(address(twin, "block/"), {"blocked": "1"}).status_code == 404


def test_a_nul_is_no_part_of_a_search_or_number(browser, bo, sales):
    assert browser(bo).get(address(sales.contact, "merge/"), {"search": "\0"}).status_code == 200
    assert browser(bo).post(address(sales.contact, "numbers/"), {"phone": "\0"}).status_code == 404


def test_form_promises_replies_by_phone_only_where_there_is_a_phone(browser, bo, acme, sales, inside):
    promise = "Replies go to this number."
    assert promise in browser(bo).get(address(sales.contact, "edit/")).content.decode()
    with inside(acme):
        known_by_id = factories.ContactFactory(chatroom=sales.room, phone=None)
    page = browser(bo).get(address(known_by_id, "edit/")).content.decode()
    assert "Include the country code" in page
    assert promise not in page
