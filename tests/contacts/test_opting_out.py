"""Opting many contacts out on their list: what it would do, the reason, and taking it back."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from chatrooms.models import Contact
from messaging.consent import entries, evidence
from messaging.contacts import contact_listing, opting_out
from messaging.models import ConsentEntry, Event
from tests import factories

pytestmark = pytest.mark.django_db
CHANGE = "/contacts/change/"


@pytest.fixture
def add(acme, sales, inside):
    def make(first_name: str, **values) -> Contact:
        with inside(acme):
            return factories.ContactFactory(**{"chatroom": sales.room, "first_name": first_name, **values})

    return make


@pytest.fixture
def opt_out(browser, bo):
    """Bo opts these contacts out, or all of the list."""

    def act(*people: Contact, reason: str | None = "Asked by phone", by=None, **fields):
        form = {"action": "opt_out", "selected": [person.pk for person in people], "next": "/contacts/", **fields}
        return browser(by or bo).post(CHANGE, form | ({} if reason is None else {"reason": reason}), follow=True)

    return act


@pytest.fixture
def are_out(acme, inside):
    def look(channel, *people: Contact) -> list[bool]:
        with inside(acme):
            found = entries.find_opt_outs(channel.pk, [person.phone for person in people])
        return [person.phone in found for person in people]

    return look


@pytest.fixture
def say(acme, inside):
    """Somebody writes a keyword to a channel, or wrote it in another form of their number."""

    def write(channel, address: str, kind: str) -> None:
        with inside(acme):
            ConsentEntry.objects.create(
                organization=acme.organization, channel=channel, address=address, kind=kind, source="keyword"
            )

    return write


def text(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def undo_url(answer) -> str:
    return re.search(r'action="(/contacts/opt-outs/\d+/)"', answer.content.decode())[1]


def test_people_are_opted_out_with_a_reason_once(acme, sales, bo, add, opt_out, are_out, say, inside):
    abe, out, none = add("Abe"), add("Out"), add("None", phone=None)
    say(sales.number, out.phone, "opt_out")
    asked = text(opt_out(abe, out, none, reason=None))
    for words in (
        "1 contact gets no more messages",
        "1 has opted out already",
        "1 has no address",
        "Opt out 1 contact",
    ):
        assert words in asked
    assert are_out(sales.number, abe, out) == [False, True]
    refused = opt_out(abe, out, reason=" ")
    assert refused.status_code == 422
    assert "Say why." in text(refused)
    assert "1 contact opted out." in text(opt_out(abe, out, none))
    assert "0 contacts opted out." in text(opt_out(abe, out, none))
    with inside(acme):
        [entry] = ConsentEntry.objects.exclude(source="keyword")
        [standing] = evidence.list_standings(abe)
    assert (entry.source, entry.reason, entry.actor_id) == ("staff", "Asked by phone", bo.pk)
    assert standing.is_out


def test_all_that_match_are_opted_out_and_their_conversations_say_it(acme, sales, add, opt_out, are_out, inside):
    abe, ada = add("Abe"), add("Ada")
    with inside(acme):
        conversation = factories.ConversationFactory(chatroom=sales.room, contact=abe, channel=sales.number)
    assert "1 contact opted out." in text(opt_out(all="1", query="search=abe"))
    assert are_out(sales.number, abe, ada) == [True, False]
    with inside(acme):
        assert [event.conversation_id for event in Event.objects.filter(type="conversation.updated")] == [
            conversation.pk
        ]


def test_it_is_taken_back_with_a_reason_unless_something_was_said_since(
    acme, sales, bo, zed, browser, add, opt_out, are_out, say, inside
):
    people = abe, stopped, started = add("Abe"), add("Stopped", phone="+525512345678"), add("Started")
    address = undo_url(opt_out(*people))
    assert are_out(sales.number, *people) == [True, True, True]
    say(sales.number, "+5215512345678", "opt_out")
    say(sales.number, started.phone, "opt_in")

    assert are_out(sales.number, *people) == [True, True, False]
    assert "1 address that you opted out can be written to again" in text(browser(bo).post(address))
    assert "Say why." in text(browser(bo).post(address, {"reason": ""}))
    assert "1 opt-out was taken back." in text(browser(bo).post(address, {"reason": "Wrong list"}, follow=True))
    assert are_out(sales.number, *people) == [False, True, False]
    assert "nothing to take back" in text(browser(bo).get(address))
    with inside(acme):
        lifting = ConsentEntry.objects.get(kind="opt_in", source="staff")
    assert (lifting.address, lifting.reason) == (abe.phone, "Wrong list")


@pytest.mark.parametrize("scope", ["channel", "chatroom", "organization"])
def test_taking_it_back_lifts_no_stop_of_before(acme, sales, support, bo, browser, add, opt_out, say, inside, scope):
    """Whichever channel the STOP was written to, and however far it holds."""
    with inside(acme):
        Organization.objects.update(opt_out_scope=scope)
        second = factories.ChannelFactory(chatroom=sales.room)
        abe = add("Abe")
    say(support.number, abe.phone, "opt_out")
    say(second, abe.phone, "opt_out")

    def look() -> list[bool]:
        with inside(acme):
            return [
                entries.find_opt_out(each.pk, abe.phone) is not None for each in (sales.number, second, support.number)
            ]

    before = look()
    answer = opt_out(abe)
    assert look() == [True, True, True]
    if scope == "channel":
        browser(bo).post(undo_url(answer), {"reason": "Wrong list"})
    else:
        assert "0 contacts opted out." in text(answer)
    assert look() == before


def test_nobody_opts_out_whom_they_do_not_see(bo, cy, zed, browser, sales, add, opt_out, are_out):
    abe = add("Abe")
    for outsider in (cy, zed):
        assert "0 contacts opted out." in text(opt_out(abe, by=outsider))
    assert are_out(sales.number, abe) == [False]
    address = undo_url(opt_out(abe))
    for outsider in (cy, zed):
        assert "0 opt-outs were taken back." in text(browser(outsider).post(address, {"reason": "No"}, follow=True))
    assert are_out(sales.number, abe) == [True]
    assert browser(bo).get("/contacts/opt-outs/99999999999999999999999/").status_code == 404


def test_too_many_at_once_are_refused_in_words(monkeypatch, sales, add, opt_out, are_out):
    monkeypatch.setattr(opting_out, "MOST_OPTED_OUT", 1)
    abe, ada = add("Abe"), add("Ada")
    assert "At most 1 contacts are opted out at once." in text(opt_out(abe, ada))
    assert are_out(sales.number, abe, ada) == [False, False]


def test_more_contacts_take_as_many_statements(acme, bo, add, inside):
    def count_queries(*people: Contact) -> int:

        with inside(acme):
            match = contact_listing.build_match(bo, ids=[person.pk for person in people])
            with CaptureQueriesContext(connection) as queries:
                assert opting_out.opt_out_selected(match, by=bo, reason="Asked").changed == len(people)
        return len(queries)

    assert count_queries(add("Abe")) == count_queries(*(add(f"P{n}") for n in range(8)))
