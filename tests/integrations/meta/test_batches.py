"""A batch becomes one part for each event; a bad event costs no other, and an event is known when it comes again."""

import json
import random
from typing import Any

import pytest

from integrations.events import InboundMessage
from integrations.meta.parsing import parse_part, split_body
from tests.integrations.meta.payloads import (
    INSTAGRAM,
    MESSENGER,
    PERSON,
    RECEIVED_AT,
    parse_one,
    split_one,
    write_batch,
    write_echo,
    write_entry,
    write_event,
)


def text(mid: str, body: str = "Hi", **more: Any) -> dict[str, Any]:
    return write_event(message={"mid": mid, "text": body}, **more)


def batch(*entries: Any) -> bytes:
    return json.dumps({"object": "page", "entry": entries}).encode()


# ---------------------------------------------------------------- splitting
def test_thousand_events_of_three_pages_become_parts_in_their_order():
    pages = [("page", "MESSENGER", page, PERSON) for page in ("101", "102", "103")]
    entries = [
        write_entry(pages[n % 3], *(text(f"m_{n}_{i}", recipient={"id": pages[n % 3][2]}) for i in range(100)))
        for n in range(10)
    ]
    entries[4]["messaging"][50] = {"message": "none"}

    parts = split_body(batch(*entries))

    assert len(parts) == len({part.dedupe_key for part in parts}) == 1000
    messages = []
    for number, part in enumerate(parts):
        if number == 450:
            with pytest.raises(ValueError):
                parse_part(part.body, RECEIVED_AT)
        else:
            messages.append(parse_part(part.body, RECEIVED_AT))
    expected = [(pages[n % 3][2], f"m_{n}_{i}") for n in range(10) for i in range(100) if (n, i) != (4, 50)]
    assert [(each.to_address, each.provider_id) for each in messages] == expected  # type: ignore[union-attr]


def test_all_three_lists_of_an_entry_are_read():
    entry = write_entry(MESSENGER, text("m_1")) | {"standby": [text("m_2")], "changes": [{"field": "messages"}]}

    kinds = [json.loads(part.body)["kind"] for part in split_body(batch(entry))]

    assert kinds == ["messaging", "standby", "changes"]


def test_single_event_is_read_without_its_list():
    (part,) = split_body(batch({"id": MESSENGER[2], "messaging": text("m_1")}))

    assert part.dedupe_key == split_one(MESSENGER, text("m_1")).dedupe_key


def test_part_says_what_it_was_taken_from():
    part = split_one(MESSENGER, text("m_1"))

    assert json.loads(part.body) == {
        "object": "page",
        "entry": MESSENGER[2],
        "time": 1780000000523,
        "kind": "messaging",
        "item": text("m_1"),
    }


MALFORMED: list[Any] = [
    None,
    "text",
    7,
    [],
    {},
    {"sender": {"id": "1"}},
    {"message": {"mid": "m_1", "text": "Nobody wrote this"}},
    {"sender": None, "recipient": {"id": "1"}, "message": {"mid": "m_1"}},
    {"sender": {"id": ""}, "message": {"mid": "m_1"}},
    {"sender": {"id": {"id": "2"}}, "message": {"mid": "m_1"}},
    {"sender": {"id": True}, "message": {"mid": "m_1"}},
    {"sender": {"id": "2"}, "message": {"text": "without an id"}},
    {"sender": {"id": "2"}, "message": {"mid": "", "text": "with an empty one"}},
    {"sender": {"id": "2"}, "message": {"mid": ["m"], "text": "with several"}},
    {"sender": {"id": "2"}, "message": []},
    {"sender": {"id": "2"}, "message": None},
    {"sender": {"id": "2"}, "delivery": {}},
    {"sender": {"id": "2"}, "read": {"watermark": None, "mid": 5}},
    {"sender": {"id": "2"}, "reaction": {"action": "react", "emoji": "❤️"}},
    {"sender": {"id": "2"}, "postback": "pressed"},
]


@pytest.mark.parametrize("item", MALFORMED, ids=json.dumps)
def test_malformed_event_has_a_part_and_costs_no_other(item: Any):
    before, bad, after = split_body(write_batch(MESSENGER, text("m_a"), item, text("m_b")))

    with pytest.raises(ValueError):
        parse_part(bad.body, RECEIVED_AT)
    good = [parse_part(part.body, RECEIVED_AT) for part in (before, after)]
    assert [each.provider_id for each in good] == ["m_a", "m_b"]  # type: ignore[union-attr]


@pytest.mark.parametrize("entry", [None, "x", 5, [], {}, {"id": "1"}, {"id": "1", "messaging": None}])
def test_malformed_entry_costs_no_other(entry: Any):
    bad, good = split_body(batch(entry, write_entry(MESSENGER, text("m_a"))))

    assert isinstance(parse_part(good.body, RECEIVED_AT), InboundMessage)
    assert json.loads(bad.body)["kind"] == "entry"
    assert bad.dedupe_key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"text",
        b'"entry"',
        b'{"object": "page"}',
        b'{"object": "page", "entry": {}}',
        b'{"object": "page", "entry": null}',
        b'{"object": "page", "entry": [',
        b'{"object": "page", "entry": [{"time": NaN}]}',
        b'{"object": "page", "entry": [{"time": -Infinity}]}',
        b'{"object": "page", "entry": [1' + b"0" * 5000 + b"]}",
        b'{"object": "page", "entry": [' + b"[" * 100 + b"]" * 100 + b"]}",
        b'{"object": "page", "entry": ' + b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe\x00",
        b"object=page&entry=1",
    ],
    ids=lambda body: body[:40],
)
def test_what_is_no_batch_is_refused(body: bytes):
    with pytest.raises(ValueError):
        split_body(body)


def test_empty_batch_has_no_parts():
    assert split_body(b'{"object": "page", "entry": []}') == []


def test_invalid_utf8_costs_its_characters_only():
    body = write_batch(MESSENGER, text("m_a", "Gr__e")).replace(b"Gr__e", b"Gr\xfc\xdfe")

    event = parse_part(split_body(body)[0].body, RECEIVED_AT)

    assert isinstance(event, InboundMessage)
    assert event.body == "Gr\ufffd\ufffde"


def test_what_postgres_cannot_store_is_in_no_part():
    item = {**text("m\0_\ud800a"), "n\0ame\ud800": ["\0", {"\udc00": 1e308}], "big": 0.5}
    body = write_batch(MESSENGER, item).replace(b"0.5", b"1e999")

    (part,) = split_body(body)

    assert "\\u0000" not in part.body.decode()
    assert "\\ud" not in part.body.decode()
    assert "\0" not in part.dedupe_key
    part.dedupe_key.encode()
    assert json.loads(part.body)["item"]["big"] is None


# ---------------------------------------------------------------- the key of an event
def test_events_of_one_message_have_keys_of_their_own():
    items = [
        text("m_1"),
        write_echo(mid="m_1"),
        write_event(message={"mid": "m_1", "is_deleted": True}),
        write_event(message_edit={"mid": "m_1", "text": "First"}),
        write_event(message_edit={"mid": "m_1", "text": "Second"}),
        write_event(reaction={"mid": "m_1", "action": "react", "emoji": "❤️"}),
        write_event(reaction={"mid": "m_1", "action": "unreact"}),
        write_event(reaction={"mid": "m_1", "action": "react", "emoji": "❤️"}, timestamp=1780000000999),
        write_event(postback={"mid": "m_1", "title": "Start"}),
        write_event(read={"mid": "m_1"}),
    ]
    parts = split_body(write_batch(MESSENGER, *items))

    assert len({part.dedupe_key for part in parts}) == len(items)
    assert all(part.dedupe_key.startswith("page:104815162342:messaging:mid:m_1:") for part in parts)


def test_event_keeps_its_key_when_it_comes_again():
    """In another batch, at another time, with its names in another order."""
    for item in (text("m_1"), write_event(read={"watermark": 5}), write_event(reaction={"mid": "m_1", "emoji": "👍"})):
        again = dict(reversed(item.items()))
        entry = write_entry(MESSENGER, text("m_0"), again) | {"time": 1}

        assert split_body(batch(entry))[1].dedupe_key == split_one(MESSENGER, item).dedupe_key


def test_message_keeps_its_key_whatever_else_is_told_with_it():
    assert split_one(MESSENGER, text("m_1")).dedupe_key == split_one(MESSENGER, text("m_1", "Hello")).dedupe_key


@pytest.mark.parametrize(
    "change",
    [{"sender": {"id": "5"}}, {"recipient": {"id": "5"}}, {"timestamp": 5}, {"delivery": {"watermark": 2}}],
    ids=lambda change: next(iter(change)),
)
def test_event_without_an_id_is_known_by_all_that_it_says(change: dict[str, Any]):
    item = write_event(delivery={"watermark": 1})

    key, other_key = split_one(MESSENGER, item).dedupe_key, split_one(MESSENGER, item | change).dedupe_key

    assert ":hash:" in key
    assert key != other_key


def test_channels_and_lists_have_keys_of_their_own():
    keys = {
        split_one(MESSENGER, text("m_1")).dedupe_key,
        split_one(MESSENGER, text("m_1"), "standby").dedupe_key,
        split_one(INSTAGRAM, text("m_1")).dedupe_key,
        split_one(("page", "MESSENGER", "2", PERSON), text("m_1")).dedupe_key,
    }
    assert len(keys) == 4


def test_key_of_endless_ids_fits_into_its_column_and_stays_distinct():
    parts = [split_one(("o" * 300, "", "1" * 300, ""), text("m" * 1000 + end)) for end in ("a", "b")]

    assert max(len(part.dedupe_key) for part in parts) <= 200
    assert parts[0].dedupe_key != parts[1].dedupe_key


# ---------------------------------------------------------------- anything at all
NAMES = [
    "sender", "recipient", "timestamp", "message", "message_edit", "postback", "reaction", "delivery", "read", "optin",
    "referral", "mid", "mids", "text", "id", "attachments", "type", "payload", "url", "coordinates", "lat", "long",
    "is_echo", "is_deleted", "is_unsupported", "metadata", "reply_to", "story", "quick_reply", "watermark", "emoji",
    "action", "elements", "generic", "title", "sticker_id", "source", "ads_context_data", "product", "ref",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, -1, 5, 1.5, 1e308, 10**30, 1780000000123, "", "x", "m_1", "\0", "\ud800", "image", "share",
    "location", "template", "fallback", "react", "https://[", "https://l.facebook.com/l.php?u=http://[",
    "https://a.fbcdn.net/x", "2026-05-28", "9" * 5000, "é" * 300, "²", [], {},
]  # fmt: skip


def make_value(dice: random.Random, levels: int) -> Any:
    if levels == 0 or dice.random() < 0.3:
        return dice.choice(VALUES)
    if dice.random() < 0.25:
        return [make_value(dice, levels - 1) for _ in range(dice.randrange(3))]
    return {dice.choice(NAMES): make_value(dice, levels - 1) for _ in range(dice.randrange(6))}


@pytest.mark.parametrize("seed", range(20))
def test_any_event_is_read_or_refused(seed: int):
    """Nothing but ValueError is raised, and nothing comes out that could not be stored."""
    dice = random.Random(seed)
    read_count = 0
    for _ in range(300):
        addressing = {"sender": {"id": "2"}, "recipient": {"id": MESSENGER[2]}, "timestamp": make_value(dice, 0)}
        item = make_value(dice, 5)
        item = addressing | item if isinstance(item, dict) else item
        try:
            event = parse_one(dice.choice([MESSENGER, INSTAGRAM]), item, dice.choice(["messaging"] * 8 + ["changes"]))
        except ValueError:
            continue
        read_count += 1
        repr(event).encode()
        assert "\\x00" not in repr(event)
    assert read_count > 50


@pytest.mark.parametrize("seed", range(5))
def test_damaged_part_is_read_or_refused(seed: int):
    dice = random.Random(seed)
    body = split_one(MESSENGER, text("m_1")).body
    for _ in range(300):
        damaged = bytearray(body)
        for _ in range(dice.randrange(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            event = parse_part(bytes(damaged), RECEIVED_AT)
        except ValueError:
            continue
        assert event
