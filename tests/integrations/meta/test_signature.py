"""What is signed by Meta counts, and nothing that is only nearly so."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.core import signing

from integrations.meta.metadata import build_metadata, message_of_metadata
from integrations.meta.signature import answer_handshake, read_signed_request, verify_signature

SECRET, PREVIOUS = "current secret of the app", "previous secret of the app"
# As Meta writes it: characters beyond ASCII and slashes escaped. Another JSON writer gives other bytes.
BODY = rb'{"object":"page","entry":[{"id":"1","messaging":[{"message":{"text":"Gr\u00fc\u00dfe \ud83d\ude00 1\/2"}}]}]}'


def sign(secret: str, body: bytes, digest: str = "sha256") -> str:
    return f"{digest}=" + hmac.new(secret.encode(), body, digest).hexdigest()


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS])
def test_the_bytes_that_meta_sent_are_accepted_under_either_secret(secret: str):
    assert verify_signature([SECRET, PREVIOUS], BODY, sign(secret, BODY))


def test_an_empty_body_can_be_signed():
    assert verify_signature([SECRET], b"", sign(SECRET, b""))


REWRITTEN = json.dumps(json.loads(BODY), ensure_ascii=False, separators=(",", ":")).encode()
WRONG = {
    "no header": (BODY, ""),
    "another secret": (BODY, sign("another secret", BODY)),
    "another body": (BODY + b" ", sign(SECRET, BODY)),
    "the same JSON written anew": (REWRITTEN, sign(SECRET, BODY)),
    "signature of what was written anew": (BODY, sign(SECRET, REWRITTEN)),
    "SHA-1": (BODY, sign(SECRET, BODY, "sha1")),
    "SHA-1 under the newer name": (BODY, sign(SECRET, BODY, "sha1").replace("sha1", "sha256")),
    "without its prefix": (BODY, sign(SECRET, BODY).removeprefix("sha256=")),
    "truncated": (BODY, sign(SECRET, BODY)[:-1]),
    "only the prefix": (BODY, "sha256="),
    "one character more": (BODY, sign(SECRET, BODY) + "0"),
    "a space after it": (BODY, sign(SECRET, BODY) + " "),
    "upper case": (BODY, "sha256=" + sign(SECRET, BODY)[7:].upper()),
    "upper case prefix": (BODY, "SHA256=" + sign(SECRET, BODY)[7:]),
    "two of them": (BODY, f"{sign('x', BODY)}, {sign(SECRET, BODY)}"),
    "not ASCII": (BODY, sign(SECRET, BODY)[:-1] + "é"),
    "signed with nothing": (BODY, sign("", BODY)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_differs_in_anything_is_refused(name: str):
    body, header = WRONG[name]

    assert verify_signature([SECRET, PREVIOUS, ""], body, header) is False


def test_nothing_is_accepted_while_no_secret_is_configured():
    assert verify_signature(["", ""], BODY, sign("", BODY)) is False
    assert verify_signature([], BODY, sign("", BODY)) is False


# ---------------------------------------------------------------- handshake
def handshake(**values: str | list[str]) -> str:
    defaults = {"hub.mode": "subscribe", "hub.verify_token": "our word", "hub.challenge": "1158201444"}
    return urlencode(defaults | {f"hub.{name}": value for name, value in values.items()}, doseq=True)


def test_handshake_gives_the_challenge_back():
    assert answer_handshake(handshake(), "our word") == "1158201444"
    assert answer_handshake(handshake(verify_token="schlüssel"), "schlüssel") == "1158201444"


@pytest.mark.parametrize(
    ("query", "verify_token"),
    [
        (handshake(verify_token="another"), "our word"),
        (handshake(verify_token=""), ""),
        (handshake(), ""),
        (handshake(mode="unsubscribe"), "our word"),
        (handshake(mode=""), "our word"),
        (handshake(challenge=""), "our word"),
        (handshake(challenge="1" * 257), "our word"),
        (handshake(verify_token=["our word", "another"]), "our word"),
        (handshake(challenge=["1", "2"]), "our word"),
        (handshake(verify_token="our word\xff"), "our word"),
        ("hub.mode=subscribe&hub.verify_token=%ff%00&hub.challenge=1", "our word"),
        ("hub.mode=subscribe", "our word"),
        ("", "our word"),
    ],
)
def test_handshake_of_somebody_else_is_not_answered(query: str, verify_token: str):
    assert answer_handshake(query, verify_token) is None


# ---------------------------------------------------------------- signed requests
def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def signed_request(values: object, secret: str = SECRET) -> str:
    payload = encode(json.dumps(values).encode())
    return encode(hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()) + "." + payload


DELETION = {"algorithm": "HMAC-SHA256", "user_id": "218471", "issued_at": 1780000000}


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS])
def test_signed_request_is_read(secret: str):
    assert read_signed_request([SECRET, PREVIOUS], signed_request(DELETION, secret)) == DELETION


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "abc",
        "." + encode(b"{}"),
        signed_request(DELETION, "another"),
        signed_request(DELETION, ""),
        signed_request(DELETION) + "A",
        signed_request(DELETION)[1:],
        "!" + signed_request(DELETION),
        signed_request(DELETION).replace(".", ".é"),
        signed_request(DELETION)[1:].replace(".", "é."),
        signed_request({**DELETION, "algorithm": "none"}),
        signed_request({"user_id": "218471"}),
        signed_request([DELETION]),
        signed_request("HMAC-SHA256"),
    ],
)
def test_signed_request_of_somebody_else_is_not_read(text: str):
    assert read_signed_request([SECRET, PREVIOUS, ""], text) is None


# ---------------------------------------------------------------- metadata
OURS = UUID("0190a0b0-1111-7222-8333-444455556666")


def test_metadata_names_our_message_and_fits_into_what_meta_allows():
    assert message_of_metadata(build_metadata(OURS)) == OURS
    assert len(build_metadata(OURS)) < 1000


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        OURS.hex,
        "campaign:summer.2026",
        build_metadata(OURS)[:-1],
        build_metadata(OURS).replace("0190", "0191"),
        signing.Signer(salt="twilio.callback", sep=".").sign(OURS.hex),
        signing.Signer(salt="meta.metadata", sep=".").sign("no id"),
    ],
)
def test_metadata_of_another_app_names_none_of_ours(metadata: str):
    assert message_of_metadata(metadata) is None
