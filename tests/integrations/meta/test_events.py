"""Each event that Meta sends, on Messenger and on Instagram, and what it means here."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from integrations.events import (
    Echo,
    Edited,
    Ignored,
    InboundMessage,
    Incoming,
    Reaction,
    Referred,
    Unsent,
    Unsupported,
    Watermark,
)
from integrations.meta.metadata import build_metadata
from integrations.meta.parsing import parse_part, split_body
from tests.integrations.meta.payloads import (
    INSTAGRAM,
    MESSENGER,
    RECEIVED_AT,
    SENT_AT,
    parse_one,
    split_one,
    write_batch,
    write_echo,
    write_event,
)

BOTH = pytest.mark.parametrize("by", [MESSENGER, INSTAGRAM], ids=["messenger", "instagram"])
By = tuple[str, str, str, str]
OURS = UUID("0190a0b0-1111-7222-8333-444455556666")


def inbound(by: By, **more: Any) -> InboundMessage:
    return InboundMessage(account="", from_address=by[3], to_address=by[2], platform=by[1], occurred_at=SENT_AT, **more)


# ---------------------------------------------------------------- messages
MESSAGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text": ({"mid": "m_1", "text": "Hi"}, {"provider_id": "m_1", "body": "Hi"}),
    "quick reply": (
        {"mid": "m_2", "text": "Yes please", "quick_reply": {"payload": "YES_7"}},
        {"provider_id": "m_2", "body": "Yes please"},
    ),
    "quick reply without a title": (
        {"mid": "m_2", "quick_reply": {"payload": "YES_7"}},
        {"provider_id": "m_2", "body": "YES_7"},
    ),
    "reply to a message": (
        {"mid": "m_3", "text": "This one", "reply_to": {"mid": "m_0", "is_self_reply": False}},
        {"provider_id": "m_3", "body": "This one", "reply_to": "m_0"},
    ),
    "from an ad": (
        {"mid": "m_4", "text": "Still there?", "referral": {
            "source": "ADS", "type": "OPEN_THREAD", "ad_id": "615243", "ref": "may",
            "ads_context_data": {"ad_title": "Summer sale"},
        }},
        {"provider_id": "m_4", "body": "Still there?", "referral": "Ad (“Summer sale”, ad 615243, ref may)"},
    ),
    "about a product": (
        {"mid": "m_5", "text": "In blue?", "referral": {"product": {"id": "4455"}}},
        {"provider_id": "m_5", "body": "In blue?", "referral": "Link (product 4455)"},
    ),
}  # fmt: skip


@BOTH
@pytest.mark.parametrize("name", MESSAGES)
def test_message_is_read(by: By, name: str):
    message, expected = MESSAGES[name]

    assert parse_one(by, write_event(by, message=message)) == inbound(by, **expected)


@BOTH
def test_postback_is_a_message_with_the_words_of_its_button(by: By):
    referral = {"source": "SHORTLINK", "type": "OPEN_THREAD", "ref": "poster-7"}
    postback = {"mid": "m_p", "title": "Get started", "payload": "START", "referral": referral}

    event = parse_one(by, write_event(by, postback=postback))

    expected = {"provider_id": "m_p", "body": "Get started", "referral": "m.me link (ref poster-7)"}
    assert event == inbound(by, **expected)


@BOTH
def test_postback_without_an_id_gets_one_that_is_the_same_each_time(by: By):
    pressed = write_event(by, postback={"payload": "START"})

    first, again = parse_one(by, pressed), parse_one(by, dict(reversed(pressed.items())))
    later = parse_one(by, {**pressed, "timestamp": pressed["timestamp"] - 1})

    assert isinstance(first, InboundMessage)
    assert isinstance(later, InboundMessage)
    assert first.body == "START"
    assert first == again
    assert first.provider_id.startswith("postback:")
    assert len(first.provider_id) < 100
    assert first.provider_id != later.provider_id


# ---------------------------------------------------------------- echoes
def echo(by: By, **more: Any) -> Echo:
    addresses = {"channel_address": by[2], "contact_address": by[3]}
    return Echo(**{"platform": by[1], "provider_id": "m_echo", "occurred_at": SENT_AT, **addresses, **more})


@BOTH
def test_echo_of_our_message_names_it(by: By):
    event = parse_one(by, write_echo(by, text="Here you are", metadata=build_metadata(OURS)))

    assert event == echo(by, body="Here you are", message_id=OURS)


@BOTH
@pytest.mark.parametrize("metadata", [None, "", OURS.hex, "another app's", build_metadata(OURS)[:-2], 5, {"id": 1}])
def test_echo_of_anybody_elses_message_names_none_of_ours(by: By, metadata: Any):
    event = parse_one(by, write_echo(by, text="Typed by hand", metadata=metadata, reply_to={"mid": "m_0"}))

    assert event == echo(by, body="Typed by hand", reply_to="m_0")


@BOTH
def test_message_that_the_channel_sent_is_an_echo_even_if_nothing_says_so(by: By):
    item = write_echo(by, text="Typed by hand")
    del item["message"]["is_echo"]

    assert parse_one(by, item) == echo(by, body="Typed by hand")


def test_echo_with_exchanged_addresses_still_has_its_contact():
    item = write_event(message={"mid": "m_echo", "is_echo": True, "text": "Hi"})

    assert parse_one(MESSENGER, item) == echo(MESSENGER, body="Hi")


# ---------------------------------------------------------------- what happens to messages
MOMENT_MS, MOMENT = 1779999990456, datetime(2026, 5, 28, 20, 26, 30, 456000, tzinfo=UTC)


def watermark(by: By, status: str, until: datetime | None, *provider_ids: str) -> Watermark:
    return Watermark(by[1], by[2], by[3], status, until, provider_ids, SENT_AT)


FACTS: list[tuple[str, By, dict[str, Any], Incoming]] = [
    (
        "delivery with ids", MESSENGER, {"delivery": {"mids": ["m_a", "m_b"], "watermark": MOMENT_MS}},
        watermark(MESSENGER, "delivered", MOMENT, "m_a", "m_b"),
    ),
    ("delivery", MESSENGER, {"delivery": {"watermark": MOMENT_MS}}, watermark(MESSENGER, "delivered", MOMENT)),
    ("read", MESSENGER, {"read": {"watermark": MOMENT_MS}}, watermark(MESSENGER, "read", MOMENT)),
    ("read on Instagram", INSTAGRAM, {"read": {"mid": "m_a"}}, watermark(INSTAGRAM, "read", None, "m_a")),
    (
        "reaction", MESSENGER, {"reaction": {"mid": "m_a", "action": "react", "reaction": "love", "emoji": "❤️"}},
        Reaction("MESSENGER", MESSENGER[2], MESSENGER[3], "m_a", "❤️", SENT_AT),
    ),
    (
        "reaction by name", INSTAGRAM, {"reaction": {"mid": "m_a", "action": "react", "reaction": "angry"}},
        Reaction("INSTAGRAM", INSTAGRAM[2], INSTAGRAM[3], "m_a", "😠", SENT_AT),
    ),
    (
        "reaction taken back", INSTAGRAM, {"reaction": {"mid": "m_a", "action": "unreact", "reaction": "love"}},
        Reaction("INSTAGRAM", INSTAGRAM[2], INSTAGRAM[3], "m_a", "", SENT_AT),
    ),
    ("unknown reaction", INSTAGRAM, {"reaction": {"mid": "m_a", "action": "react", "reaction": "other"}},
     Ignored("reaction other")),
    ("unsent", INSTAGRAM, {"message": {"mid": "m_a", "is_deleted": True}},
     Unsent("INSTAGRAM", INSTAGRAM[2], "m_a", SENT_AT, "meta.event",
            f"instagram:{INSTAGRAM[2]}:messaging:mid:m_a:message")),
    ("edited", INSTAGRAM, {"message_edit": {"mid": "m_a", "text": "Hi there", "num_edit": 1}},
     Edited("INSTAGRAM", INSTAGRAM[2], "m_a", "Hi there", SENT_AT)),
    ("edited on Messenger", MESSENGER, {"message_edit": {"mid": "m_a", "text": "Hi there"}},
     Edited("MESSENGER", MESSENGER[2], "m_a", "Hi there", SENT_AT)),
    ("edited to what is not said", MESSENGER, {"message_edit": {"mid": "m_a", "num_edit": 2}},
     Ignored("message_edit without id or text")),
    (
        "referral", MESSENGER, {"referral": {"ref": "flyer", "source": "MESSENGER_CODE", "type": "OPEN_THREAD"}},
        Referred("MESSENGER", MESSENGER[2], MESSENGER[3], "Messenger code (ref flyer)", SENT_AT),
    ),
    (
        "referral from somewhere new", INSTAGRAM, {"referral": {"ref": "bio", "source": "IGME-SOURCE-LINK"}},
        Referred("INSTAGRAM", INSTAGRAM[2], INSTAGRAM[3], "IGME-SOURCE-LINK (ref bio)", SENT_AT),
    ),
    ("bare referral", MESSENGER, {"referral": {"type": "OPEN_THREAD"}},
     Referred("MESSENGER", MESSENGER[2], MESSENGER[3], "Link", SENT_AT)),
    ("opt-in", MESSENGER, {"optin": {"ref": "newsletter"}},
     Referred("MESSENGER", MESSENGER[2], MESSENGER[3], "Opt-in on a website (ref newsletter)", SENT_AT)),
    (
        "opt-in to notifications", MESSENGER,
        {"optin": {"type": "notification_messages", "title": "Weekly offers", "notification_messages_token": "5"}},
        Referred("MESSENGER", MESSENGER[2], MESSENGER[3], "Agreed to receive “Weekly offers”", SENT_AT),
    ),
    (
        "notifications stopped", MESSENGER,
        {"optin": {"type": "notification_messages", "title": "Weekly offers",
                   "notification_messages_status": "STOP_NOTIFICATIONS"}},
        Ignored("optin: STOP_NOTIFICATIONS"),
    ),
    ("read a little after it is told", MESSENGER, {"read": {"watermark": 1780000000200}},
     watermark(MESSENGER, "read", SENT_AT.replace(microsecond=200000))),
    ("read in the future", MESSENGER, {"read": {"watermark": 1780000090000}},
     watermark(MESSENGER, "read", RECEIVED_AT)),
    ("thread given away", MESSENGER,
     {"pass_thread_control": {"new_owner_app_id": "1", "previous_owner_app_id": "2", "metadata": "x"}},
     Ignored("pass_thread_control")),
    ("thread taken", INSTAGRAM, {"take_thread_control": {"previous_owner_app_id": "2"}},
     Ignored("take_thread_control")),
    ("thread asked for", MESSENGER, {"request_thread_control": {"requested_owner_app_id": 2}},
     Ignored("request_thread_control")),
    ("account linking", MESSENGER, {"account_linking": {"status": "linked"}}, Ignored("account_linking")),
    ("something new", INSTAGRAM, {"telepathy": {"mid": "m_a"}, "and": 1}, Ignored("and, telepathy")),
    ("something new that is no object", INSTAGRAM, {"telepathy": None}, Ignored("telepathy")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "by", "content", "expected"), FACTS, ids=[fact[0] for fact in FACTS])
def test_event_is_read(name: str, by: By, content: dict[str, Any], expected: Incoming):
    assert parse_one(by, write_event(by, **content)) == expected


@BOTH
def test_what_the_channel_took_back_is_unsent_too(by: By):
    unsent = parse_one(by, write_echo(by, is_deleted=True))
    assert unsent == Unsent(by[1], by[2], "m_echo", SENT_AT, "meta.event", unsent.webhook_key)
    assert unsent.webhook_key.endswith(f":{by[2]}:messaging:mid:m_echo:echo")


def test_opt_in_of_somebody_who_has_no_id_yet_makes_no_contact():
    item = {"recipient": {"id": MESSENGER[2]}, "timestamp": 1, "optin": {"ref": "box", "user_ref": "u-1"}}

    assert parse_one(MESSENGER, item) == Ignored("optin of somebody who has no id yet")


@pytest.mark.parametrize("content", [{"reaction": {"mid": "m_a", "emoji": "👍"}}, {"read": {"mid": "m_a"}}])
def test_what_the_channel_itself_does_is_not_taken_for_the_contacts(content: dict[str, Any]):
    item = write_echo(INSTAGRAM)
    del item["message"]

    event = parse_one(INSTAGRAM, item | content)

    assert event == Ignored(f"{next(iter(content))} of the channel's own")


def test_message_of_the_channel_to_itself_makes_no_contact():
    item = write_event(message={"mid": "m_1", "text": "Note"}, sender={"id": MESSENGER[2]})

    assert parse_one(MESSENGER, item) == Ignored("message of the channel to itself")


@BOTH
@pytest.mark.parametrize("content", [{"message": {"mid": "m_1", "text": "Hi"}}, {"read": {"watermark": 1}}])
def test_what_comes_while_another_app_owns_the_thread_is_shown_nowhere(by: By, content: dict[str, Any]):
    assert parse_one(by, write_event(by, **content), "standby") == Ignored(f"standby: {next(iter(content))}")


def test_test_event_of_the_dashboard_is_shown_nowhere():
    value = {
        "sender": {"id": "12334"},
        "recipient": {"id": "23245"},
        "message": {"mid": "random_mid", "text": "random"},
    }

    assert parse_one(INSTAGRAM, {"field": "messages", "value": value}, "changes") == Ignored("changes: messages")


def test_webhook_of_another_product_is_kept_and_not_processed():
    part = split_one(("user", "", "1", "2"), {"field": "photos", "value": {"verb": "update"}}, "changes")

    assert parse_part(part.body, RECEIVED_AT) == Unsupported("user is not a product that we handle")


# ---------------------------------------------------------------- times and addresses
@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (1780000000123, SENT_AT),
        ("1780000000123", SENT_AT),
        (1780000000123.0, SENT_AT),
        (1780000000, SENT_AT.replace(microsecond=0)),
        ("2026-05-28T20:26:40.123Z", SENT_AT),
        ("2026-05-28T20:26:40+0000", SENT_AT.replace(microsecond=0)),
        ("2026-05-28T22:26:40.123+02:00", SENT_AT),
        ("2026-05-28T20:26:40.123", SENT_AT),
        ("0001-01-01T00:00:00+14:00", datetime(2004, 1, 1, tzinfo=UTC)),  # PostgreSQL's year 1 BC, unreadable for us
        (1, datetime(2004, 1, 1, tzinfo=UTC)),
        (1780000001001, RECEIVED_AT),
        (4102444800000, RECEIVED_AT),
        (10**400, RECEIVED_AT),
        (0, RECEIVED_AT),
        (-5, RECEIVED_AT),
        (None, RECEIVED_AT),
        (True, RECEIVED_AT),
        ("yesterday", RECEIVED_AT),
        ("²", RECEIVED_AT),
        ([1780000000123], RECEIVED_AT),
    ],
)
def test_time_is_read_in_whatever_form_and_is_never_in_the_future(timestamp: Any, expected: datetime):
    event = parse_one(MESSENGER, write_event(message={"mid": "m_1", "text": "Hi"}, timestamp=timestamp))

    assert isinstance(event, InboundMessage)
    assert event.occurred_at == expected


def test_message_without_a_time_was_written_when_it_came():
    item = write_event(message={"mid": "m_1", "text": "Hi"})
    del item["timestamp"]

    event = parse_one(MESSENGER, item)

    assert isinstance(event, InboundMessage)
    assert event.occurred_at == RECEIVED_AT


def test_channel_is_the_one_that_the_entry_names():
    """The addresses in a test event are invented, and only the entry says whose webhook it is."""
    item = write_event(message={"mid": "m_1", "text": "Hi"}, recipient={"id": "999"})

    event = parse_one(MESSENGER, item)

    assert isinstance(event, InboundMessage)
    assert (event.to_address, event.from_address) == (MESSENGER[2], MESSENGER[3])


def test_entry_without_an_id_leaves_the_channel_to_the_event():
    body = write_batch(MESSENGER, write_event(message={"mid": "m_1", "text": "Hi"}))
    body = body.replace(b'"id": "104815162342", "time"', b'"time"')
    assert body.count(b"104815162342") == 1

    event = parse_part(split_body(body)[0].body, RECEIVED_AT)

    assert isinstance(event, InboundMessage)
    assert event.to_address == MESSENGER[2]


def test_ids_that_are_numbers_and_endless_ones_fit_into_their_columns():
    item = write_event(message={"mid": "m" * 500, "text": "Hi", "reply_to": {"mid": "r" * 500}}, sender={"id": 12345})
    long = write_event(message={"mid": "m_1", "text": "Hi"}, sender={"id": "9" * 500})

    event, long_event = parse_one(MESSENGER, item), parse_one(MESSENGER, long)

    assert isinstance(event, InboundMessage)
    assert isinstance(long_event, InboundMessage)
    assert (event.from_address, len(event.provider_id), len(event.reply_to)) == ("12345", 200, 200)
    assert len(long_event.from_address) == 64
