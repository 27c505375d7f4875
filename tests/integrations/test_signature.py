"""Twilio's signature is verified as the SDK makes it, whichever form of the address was signed."""

import random
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from integrations.twilio.parsing import pairs
from integrations.twilio.signature import verify_signature

TOKEN = "a-token-of-an-account"
PATH = "/api/webhooks/twilio/messages?id=1&mark=%C3%A4"


def sign(url: str, form: dict, token: str = TOKEN) -> str:
    return RequestValidator(token).compute_signature(url, form)


def encode(form: dict) -> list[tuple[bytes, bytes]]:
    return pairs(urlencode(form, doseq=True).encode())


@pytest.mark.parametrize("seed", range(30))
def test_what_the_sdk_signed_fits_and_a_changed_letter_does_not(seed):
    chance = random.Random(seed)

    def word() -> str:
        return "".join(chance.choice("aZ09 +&=%?#äß中🎈\u0301\n") for _ in range(chance.randrange(12)))

    form = {f"Field{n}{word()}": word() for n in range(chance.randrange(1, 9))}
    fields = encode(form)
    signature = sign(f"https://example.com{PATH}", form)

    assert verify_signature([TOKEN], f"https://example.com{PATH}", fields, signature)
    assert verify_signature(["another", "", TOKEN], f"https://example.com{PATH}", fields[::-1], signature)
    for wrong in (signature[1:], signature.swapcase(), f"{signature}ä", "", sign(f"https://example.com{PATH}", {})):
        assert not verify_signature([TOKEN], f"https://example.com{PATH}", fields, wrong)
    assert not verify_signature([TOKEN], f"https://example.com{PATH}&more=1", fields, signature)
    assert not verify_signature([TOKEN], f"https://example.com{PATH}", [*fields, (b"More", b"")], signature)
    assert not verify_signature(["another", ""], f"https://example.com{PATH}", fields, signature)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("https://example.com", "https://example.com:443"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com:8443", "https://example.com"),
    ],
)
def test_the_port_may_be_signed_or_not(ours, theirs):
    form = {"Body": "Hello"}
    assert RequestValidator(TOKEN).validate(ours + PATH, form, sign(theirs + PATH, form))
    assert verify_signature([TOKEN], ours + PATH, encode(form), sign(theirs + PATH, form))
    assert not verify_signature([TOKEN], ours + PATH, encode(form), sign("https://example.org" + PATH, form))


class Several(dict):
    """A form whose fields have lists of values, as the SDK reads it."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def test_a_value_that_comes_twice_is_signed_once():
    form = {"Tag": ["there", "hello", "hello"]}
    url = "https://example.com/"
    assert verify_signature([TOKEN], url, encode(form), sign(url, Several(form)))
    assert not verify_signature([TOKEN], url, encode(form), sign(url, {"Tag": "hellothere"}))
