"""Verifying Twilio's signatures (https://www.twilio.com/docs/usage/webhooks/webhooks-security)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from twilio.request_validator import RequestValidator

from integrations.twilio.parsing import Pairs


class _Signed:
    """Form fields with the interface of a multi-dict, which Twilio's validator asks for."""

    def __init__(self, fields: Pairs):
        self.values: dict[str, list[str]] = {}
        for name, value in fields:
            self.values.setdefault(name.decode("utf-8", "replace"), []).append(value.decode("utf-8", "replace"))

    def __iter__(self):
        return iter(self.values)

    def __bool__(self) -> bool:
        return bool(self.values)

    def getlist(self, name: str) -> list[str]:
        return self.values[name]


def verify_signature(tokens: Iterable[str], url: str, fields: Pairs, signature: str) -> bool:
    """Whether one of the account's tokens signed these fields for this URL. Never raises."""
    # The SDK's validator raises TypeError for a missing header, and compare_digest for one that is not ASCII.
    # A signature has no time and no nonce: a captured request can be sent again, and only the unique key of an event
    # keeps it from having an effect.
    if not signature or not signature.isascii():
        return False
    signed_fields = _Signed(fields)
    return any(
        RequestValidator(token).validate(url, signed_fields, signature)
        or _signed_as_bytes(token, url, fields, signature)
        for token in tokens
        if token
    )


def _signed_as_bytes(token: str, url: str, fields: Pairs, signature: str) -> bool:
    # The SDK hashes text only. For a body that is not UTF-8 this is the same rule over its bytes: HMAC-SHA1 of the URL
    # and then of each name and value, sorted and without duplicates.
    text = url.encode() + b"".join(name + value for name, value in sorted(set(fields)))
    expected_signature = base64.b64encode(hmac.new(token.encode(), text, hashlib.sha1).digest())
    return hmac.compare_digest(expected_signature, signature.encode())
