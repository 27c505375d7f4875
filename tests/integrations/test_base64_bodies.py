"""A long text that networks bring as base64 is read as what was written; everything else stays as it came."""

from base64 import b64encode
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from integrations.twilio import listing, parsing

LONG = (
    "Now is the time for all good people to come to the aid of their country, says José 👨\u200d👩.\nTwo lines of it."
)
CHINESE = "现在是所有善良的人们来帮助他们的国家的时候了" * 3


def read_webhook(body: str) -> str:
    form = {"MessageSid": "SM1", "From": "+15550001", "To": "+15550002", "Body": body}
    return parsing.parse_message("AC1", urlencode(form).encode(), datetime.now(UTC)).body


def read_listed(body: str) -> str:
    each = SimpleNamespace(
        sid="SM1", from_="+15550001", to="+15550002", body=body, num_media="0", num_segments="1",
        date_created=datetime.now(UTC),
    )  # fmt: skip
    return listing._received(None, "AC1", each).body


DOORS = pytest.mark.parametrize("read", [read_webhook, read_listed])


def wrap(text: str, width: int, end: str) -> str:
    encoded = b64encode(text.encode()).decode()
    return "".join(encoded[start : start + width] + end for start in range(0, len(encoded), width))


@DOORS
@pytest.mark.parametrize("text", [LONG, CHINESE, LONG * 10])
@pytest.mark.parametrize(("width", "end"), [(10_000, ""), (76, "\r\n"), (76, "\n"), (10_000, "\r")])
def test_wholly_base64_of_printable_text_is_decoded(read, text, width, end):
    assert read(wrap(text, width, end)) == text


@DOORS
def test_text_that_was_cut_in_the_middle_of_a_letter_loses_only_that(read):
    whole = LONG.replace(" of it.", "").encode() + "“".encode()[:2]
    assert read(b64encode(whole).decode().rstrip("=")) == whole.decode("utf-8", "ignore")


BINARY = b64encode(bytes(range(256))).decode()
ORDINARY = [
    "Hello", "SGVsbG8=", "Please vote NO on the confirmation.", "STOP", "", LONG, BINARY, "a" * 200, "0123456789" * 10,
    "deadbeef" * 12, "QWxhZGRpbjpvcGVuc2VzYW1l", b64encode(b"\x00\x01 control characters are not text" * 4).decode(),
    b64encode(LONG.encode()).decode() + " and more", "https://example.com/" + "abcd" * 20,
    "Donaudampfschifffahrtsgesellschaft" * 3,
    b64encode(b"k3yw1thoutany5paces" * 5).decode(),
]  # fmt: skip


@DOORS
@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_as_it_is(read, text):
    assert read(text) == text
