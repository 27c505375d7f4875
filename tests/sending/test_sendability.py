"""May this be sent now? Every reason, in the same words on the page and in the refusal; and nothing changed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models import Organization
from chatrooms import contacts
from chatrooms.models import Chatroom, Contact, UserChatroom
from integrations.models import Channel, TwilioAccount
from messagehub import tenancy
from messaging.contacts import merging
from messaging.models import ConsentEntry, Conversation, Message
from messaging.sending import delivery, eligibility, number_zones, quiet_hours, sweeping
from tests import factories
from tokens import ledger, proof
from tokens.models import TokenAccount, TokenEntry

pytestmark = pytest.mark.django_db


def send(client, sales, **more):
    return client.post(
        "/api/messages/send", {"conversation_id": str(sales.conversation.pk), "content": "Hello", **more}, format="json"
    )


def block(sales):
    Contact.objects.update(blocked_at=timezone.now())


def opt_out(sales):
    ConsentEntry.objects.create(
        organization_id=sales.room.organization_id,
        channel=sales.number,
        address=sales.contact.phone,
        kind="opt_out",
        source="keyword",
    )


def bad_phone(sales):
    contacts.refuse_phone(sales.contact.pk, sales.contact.phone, "21211")


def quiet(sales):
    now = timezone.now()
    (zone, *_) = number_zones.list_zones(sales.contact.phone) or [ZoneInfo(Organization.objects.get().time_zone)]
    local = now.astimezone(zone)
    Organization.objects.update(
        quiet_from=(local - timedelta(hours=1)).time(),
        quiet_until=(local + timedelta(hours=1)).time(),
        quiet_hours_for_people=True,
    )


def no_tokens(sales):
    TokenAccount.objects.update(balance=0)


CLOSED = {
    "blocked": (block, 409),
    "opted_out": (opt_out, 409),
    "invalid_number": (bad_phone, 422),
    "quiet_hours": (quiet, 422),
    "insufficient_tokens": (no_tokens, 402),
}


@pytest.mark.parametrize("code", CLOSED)
def test_each_door_refuses_with_what_it_is_and_what_to_do(api, acme, rich, sales, inside, code):
    close, status = CLOSED[code]
    with inside(acme):
        close(sales)
    answer = send(api(rich), sales)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    (reason,) = error["reasons"]
    assert reason["fix"]
    assert error["message"] == f"{reason['message']} {reason['fix']}"
    assert (reason["opens_at"] is not None) == (code == "quiet_hours")
    with inside(acme):
        assert not Message.objects.filter(direction="outbound").exists()
        assert not TokenEntry.objects.filter(kind="debit").exists()


@pytest.mark.parametrize("code", ["blocked", "opted_out", "invalid_number", "quiet_hours"])
def test_the_page_says_the_same_words(api, client, acme, rich, sales, inside, code):
    with inside(acme):
        CLOSED[code][0](sales)
    said = send(api(rich), sales).json()["error"]["reasons"][0]["message"]
    client.force_login(rich)
    page = client.get(f"/inbox/{sales.conversation.pk}/").content.decode()
    assert said in page.replace("&#x27;", "'")


def test_all_reasons_are_told_at_once(api, acme, rich, sales, inside):
    with inside(acme):
        for close in (block, opt_out, no_tokens):
            close(sales)
    error = send(api(rich), sales).json()["error"]
    assert [reason["code"] for reason in error["reasons"]] == ["blocked", "opted_out", "insufficient_tokens"]
    assert error["code"] == "blocked"


def test_a_chatroom_without_a_number_can_not_send(api, acme, rich, sales, inside):
    with inside(acme):
        Conversation.objects.filter(pk=sales.conversation.pk).update(channel=None)
    answer = send(api(rich), sales)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_sender")


def test_meta_may_only_be_answered_for_a_day(acme, rich, sales, inside):
    with inside(acme):
        page = Channel.objects.create(
            organization=acme.organization, chatroom=sales.room, account=sales.number.account, platform="MESSENGER",
            address="1055550000",
        )  # fmt: skip
        sales.contact.addresses.create(
            organization=acme.organization, chatroom=sales.room, platform="MESSENGER", address="771", channel=page
        )
        conversation = Conversation(
            organization=acme.organization, chatroom=sales.room, contact=sales.contact, platform="MESSENGER",
            channel=page,
        )  # fmt: skip
        for hours, codes in ((23, []), (25, ["outside_messaging_window"]), (None, ["outside_messaging_window"])):
            conversation.last_inbound_at = timezone.now() - timedelta(hours=hours) if hours else None
            verdict = eligibility.may_send(rich, conversation)
            assert [reason.code for reason in verdict.reasons] == codes


def test_the_answer_is_stored_with_the_message(api, acme, rich, sales, inside):
    with inside(acme):
        TwilioAccount.objects.update(paused_at=timezone.now(), paused_code="20003")
    answer = send(api(rich), sales)
    assert answer.status_code == 201
    with inside(acme):
        stored = Message.objects.get(pk=answer.json()["message"]["id"]).sendability
    assert stored["reasons"] == []
    assert [warning["code"] for warning in stored["warnings"]] == ["channel_paused"]


def test_a_busy_number_warns_until_when(acme, rich, sales, inside):
    until = timezone.now() + timedelta(minutes=5)
    with inside(acme):
        Channel.objects.filter(pk=sales.number.pk).update(held_until=until)
        verdict = eligibility.may_send(rich, sales.conversation)
    assert verdict.allowed
    assert [(warning.code, warning.opens_at) for warning in verdict.warnings] == [("channel_slow", until)]


# ---------------------------------------------------------------- what the sender has seen and said
def test_something_newer_holds_a_send_back_until_it_was_seen(api, acme, rich, sales, inside):
    with inside(acme):
        newer = factories.MessageFactory(conversation=sales.conversation, content="Wait!")
    refused = send(api(rich), sales, seen_message_id=str(sales.message.pk))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "newer_messages")
    assert send(api(rich), sales, seen_message_id=str(newer.pk)).status_code == 201
    assert send(api(rich), sales, content="Without looking").status_code == 201


def test_a_seen_message_is_one_of_the_conversation(api, acme, rich, sales, elsewhere, inside):
    with inside(acme):
        other = factories.MessageFactory(conversation=factories.ConversationFactory(chatroom=sales.room))
    for wrong in (elsewhere.message.pk, other.pk, uuid7()):
        answer = send(api(rich), sales, seen_message_id=str(wrong))
        assert answer.status_code == 400
        assert answer.json()["error"]["fields"] == {"seen_message_id": ["Not found."]}


def test_the_same_text_twice_is_refused_only_where_asked_for_and_different_ones_never(api, acme, rich, sales, inside):
    client = api(rich)
    assert send(client, sales, allow_duplicate=False).status_code == 201
    refused = send(client, sales, allow_duplicate=False)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "duplicate")
    assert send(client, sales, allow_duplicate=False, content="Hello?").status_code == 201
    assert send(client, sales).status_code == 201
    with inside(acme):
        Message.objects.filter(content="Hello").update(status="failed")
    assert send(client, sales, allow_duplicate=False).status_code == 201


# ---------------------------------------------------------------- quiet hours
def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("phone", "moment", "opens"),
    [
        ("+12125550100", "2026-01-15T03:00", "2026-01-15T13:00"),  # New York, 22:00: until 08:00 there
        ("+12125550100", "2026-01-15T18:00", None),
        ("+14155550100", "2026-01-15T15:30", "2026-01-15T16:00"),  # San Francisco, 07:30
        ("+4915112345678", "2026-07-01T20:30", "2026-07-02T06:00"),  # Berlin in summer, 22:30
        ("+4915112345678", "2026-03-28T22:00", "2026-03-29T06:00"),  # the clock goes forward that night
        ("+15550001111", "2026-01-15T22:00", "2026-01-16T08:00"),  # nowhere in particular: the organization's zone
        ("+18005550199", "2026-01-15T22:00", "2026-01-16T08:00"),  # toll-free: the organization's zone as well
    ],
)
def test_quiet_hours_go_by_the_recipients_clock(phone, moment, opens):
    organization = Organization(time_zone="UTC", quiet_from=time(21), quiet_until=time(8))
    hours = quiet_hours.choose_hours(organization, Chatroom(), for_campaign=True)
    quiet = quiet_hours.find_quiet(hours, phone, at(moment))
    assert (quiet.opens_at if quiet else None) == (at(opens) if opens else None)


def test_who_wrote_within_a_day_is_answered_at_night(api, acme, rich, sales, inside):
    with inside(acme):
        quiet(sales)
        Conversation.objects.update(last_inbound_at=timezone.now() - timedelta(hours=3))
    assert send(api(rich), sales).status_code == 201


def test_what_is_scheduled_is_asked_for_its_own_time(api, acme, rich, sales, inside):
    with inside(acme):
        quiet(sales)
    tomorrow_noon = timezone.now() + timedelta(hours=12)
    assert send(api(rich), sales, send_at=tomorrow_noon.isoformat()).status_code == 201


# ---------------------------------------------------------------- when a scheduled one is due
@pytest.fixture
def due(api, acme, rich, sales, inside) -> Message:
    answer = send(api(rich), sales, send_at=(timezone.now() + timedelta(hours=5)).isoformat())
    with inside(acme):
        Message.objects.filter(pk=answer.json()["message"]["id"]).update(send_at=timezone.now() - timedelta(hours=1))
        return Message.objects.get(pk=answer.json()["message"]["id"])


def lose_the_room(sales):
    UserChatroom.objects.all().delete()


def be_deactivated(sales):
    from accounts.models import User

    User.objects.filter(role="agent").update(is_active=False)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lose_the_room, "no_access"),
        (be_deactivated, "no_access"),
        (block, "blocked"),
        (opt_out, "opted_out"),
        (bad_phone, "invalid_number"),
    ],
)
def test_what_may_not_be_sent_any_more_when_due_fails_and_is_paid_back(acme, rich, sales, inside, due, change, code):
    with inside(acme):
        assert ledger.balance(rich) == 9
        change(sales)
    assert sweeping.sweep_overdue() == 1
    assert delivery.claim_messages(10) == []
    with inside(acme):
        due.refresh_from_db()
        assert (due.status, due.error_code, due.refunded_as) == ("failed", code, "failed")
        assert due.sendability["reasons"][0]["code"] == code
        assert TokenAccount.objects.get(user=rich).balance == 10
    # The factory's inbound message was counted by nobody.
    assert {broken.invariant for broken in proof.find_broken()} == {"A conversation counts what came in"}


def test_it_is_the_number_that_it_goes_to_that_must_want_it(acme, rich, sales, inside, due):
    """The contact got another number meanwhile, by a merge; what was scheduled goes to the old one."""
    with inside(acme):
        opt_out(sales)
        merging.merge_contacts(factories.ContactFactory(chatroom=sales.room), sales.contact, by=rich)
    sweeping.sweep_overdue()
    assert delivery.claim_messages(10) == []
    with inside(acme):
        due.refresh_from_db()
    assert (due.status, due.error_code, due.to_address) == ("failed", "opted_out", sales.contact.phone)


def test_what_slipped_into_quiet_hours_waits_for_their_end(acme, sales, inside, due):
    with inside(acme):
        quiet(sales)
    sweeping.sweep_overdue()
    with inside(acme):
        due.refresh_from_db()
    assert due.status == "scheduled"
    assert due.send_at > timezone.now()


def test_tokens_that_were_paid_are_not_asked_for_again(acme, sales, inside, due):
    with inside(acme), tenancy.system():
        # Everything else was spent meanwhile.
        assert ledger.balance(due.sent_by) == 9
        ledger.debit(due.sent_by, 9, reference="elsewhere")
    sweeping.sweep_overdue()
    (claimed,) = delivery.claim_messages(10)
    assert claimed.text.message_id == due.pk


def test_a_scheduled_message_is_not_moved_into_quiet_hours(api, acme, rich, sales, inside):
    client = api(rich)
    later = timezone.now() + timedelta(hours=12)
    message = send(client, sales, send_at=later.isoformat()).json()["message"]
    with inside(acme):
        quiet(sales)
    refused = client.patch(
        f"/api/messages/{message['id']}",
        {"send_at": (timezone.now() + timedelta(minutes=5)).isoformat()},
        format="json",
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "quiet_hours")
    with inside(acme):
        assert abs(Message.objects.get(pk=message["id"]).send_at - later) < timedelta(seconds=1)
