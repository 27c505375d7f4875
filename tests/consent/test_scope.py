"""What a STOP holds for: its channel, the channels of its chatroom, or all of the organization."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from accounts.models import Organization
from messagehub import tenancy
from messaging import payloads
from messaging.consent import entries
from messaging.models import ConsentEntry, Message
from messaging.sending import delivery, eligibility, enqueue
from tests import factories
from tests.cast import build_globex
from tokens import ledger

PHONE = "+14155550177"
CHANNELS = ("own", "same room", "other room", "other organization")


@pytest.fixture
def places(acme, sales, support, inside) -> dict[str, SimpleNamespace]:
    """One customer at four numbers: a conversation with each, and who answers there."""
    globex = build_globex()
    rooms = {
        "own": (acme, sales, sales.number),
        "same room": (acme, sales, None),
        "other room": (acme, support, support.number),
        "other organization": (globex, globex.rooms["Spare parts"], globex.rooms["Spare parts"].number),
    }
    found, contact_of = {}, {}
    for name, (world, held, number) in rooms.items():
        with inside(world):
            number = number or factories.ChannelFactory(chatroom=held.room, account=sales.number.account)
            contact = contact_of.get(held.room.pk) or factories.ContactFactory(chatroom=held.room, phone=PHONE)
            contact_of[held.room.pk] = contact
            conversation = factories.ConversationFactory(chatroom=held.room, contact=contact, channel=number)
            admin = world.people.get("ann") or world.people["zed"]
            found[name] = SimpleNamespace(
                world=world, room=held.room, number=number, contact=contact, conversation=conversation, admin=admin
            )
    return found


@pytest.fixture
def set_scope(acme) -> Callable[[str], None]:
    def change(scope: str) -> None:
        with tenancy.system():
            Organization.objects.filter(pk=acme.organization.pk).update(opt_out_scope=scope)

    return change


def list_refused(places: dict[str, SimpleNamespace], inside) -> set[str]:
    refused = set()
    for name, place in places.items():
        with inside(place.world):
            verdict = eligibility.may_send(place.admin, place.conversation, content="Hi")
            (same,) = eligibility.may_send_to_each(
                place.admin, place.number, [(place.contact, PHONE)], for_campaign=False
            )
            codes = {reason.code for reason in verdict.reasons}
            assert codes == {reason.code for reason in same.reasons}, "campaigns ask the same"
            refused |= {name} if codes == {"opted_out"} else set()
    return refused


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        ("channel", {"own"}),
        ("chatroom", {"own", "same room"}),
        ("organization", {"own", "same room", "other room"}),
    ],
)
def test_a_stop_holds_as_far_as_the_organization_says(places, set_scope, receive, inside, scope: str, refused: set):
    set_scope(scope)
    receive(places["own"], {PHONE: "STOP"})
    assert list_refused(places, inside) == refused


def test_a_changed_scope_holds_at_once_for_what_was_said_before_it(places, set_scope, receive, inside):
    receive(places["other room"], {PHONE: "STOP"})
    assert list_refused(places, inside) == {"other room"}
    set_scope("organization")
    assert list_refused(places, inside) == {"own", "same room", "other room"}
    set_scope("channel")
    assert list_refused(places, inside) == {"other room"}


def test_start_to_one_number_lifts_a_stop_to_another_but_not_for_that_one(places, set_scope, receive, inside):
    set_scope("organization")
    receive(places["own"], {PHONE: "STOP"})
    receive(places["other room"], {PHONE: "START"})
    assert list_refused(places, inside) == {"own"}
    receive(places["own"], {PHONE: "START"})
    assert list_refused(places, inside) == set()
    receive(places["same room"], {PHONE: "STOP"})
    assert list_refused(places, inside) == {"own", "same room", "other room"}


@pytest.mark.parametrize(("scope", "goes"), [("channel", True), ("chatroom", True), ("organization", False)])
def test_what_is_queued_already_stays_behind_where_the_stop_holds(
    places, set_scope, receive, inside, rich, scope: str, goes: bool
):
    place = places["other room"]
    with inside(place.world):
        factories.UserChatroomFactory(user=rich, chatroom=place.room)
        message = enqueue.send_message(place.conversation, "Hi", sent_by=rich).message
    receive(places["own"], {PHONE: "STOP"})
    set_scope(scope)
    claimed = [claim.text.message_id for claim in delivery.claim_messages(10)]
    with inside(place.world):
        message = Message.objects.get(pk=message.pk)
        assert (message.pk in claimed) == goes
        assert (message.status, message.error_code) == (("sending", "") if goes else ("failed", "opted_out"))
        assert ledger.balance(rich) == (9 if goes else 10)


def test_the_refusal_names_the_number_that_the_stop_was_written_to(places, set_scope, receive, inside):
    set_scope("organization")
    receive(places["own"], {PHONE: "STOP"})
    with inside(places["own"].world):
        (reason,) = eligibility.may_send(places["own"].admin, places["other room"].conversation).reasons
    assert places["own"].number.address in reason.message


@pytest.mark.parametrize(("scope", "shown"), [("channel", None), ("chatroom", None), ("organization", "opted_out")])
def test_contacts_of_other_chatrooms_show_a_stop_that_holds_for_them(
    browser, places, set_scope, receive, inside, scope: str, shown: str | None
):
    set_scope(scope)
    receive(places["own"], {PHONE: "STOP"})
    contact = places["other room"].contact
    with inside(places["own"].world):
        assert payloads.consent_of([contact]).get(contact.pk) == shown
        assert payloads.consent_of([places["own"].contact]) == {places["own"].contact.pk: "opted_out"}
    listed = browser(places["own"].admin).get("/contacts/", {"consent": "opted_out"}).content.decode()
    assert f"/contacts/{places['own'].contact.pk}/" in listed
    assert (f"/contacts/{contact.pk}/" in listed) == (shown == "opted_out")


@pytest.mark.parametrize(
    ("scope", "told"),
    [("channel", {"own"}), ("chatroom", {"own", "same room"}), ("organization", {"own", "same room", "other room"})],
)
def test_open_conversations_for_which_it_holds_are_told(places, set_scope, inside, scope: str, told: set):
    set_scope(scope)
    with inside(places["own"].world):
        changes = entries.list_consequences([(places["own"].number.pk, PHONE, ConsentEntry.Kind.OPT_OUT)])
    conversation_ids = {change.conversation_id for change in changes}
    assert {name for name in CHANNELS if places[name].conversation.pk in conversation_ids} == told


def test_both_forms_of_a_number_count_for_every_scope(acme, sales, support, set_scope, receive, inside):
    set_scope("organization")
    receive(sales, {"+5215512345678": "STOP"})
    with inside(acme):
        assert entries.find_opt_out(support.number.pk, "+525512345678")
