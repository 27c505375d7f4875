"""Verifying Twilio's signatures (https://www.twilio.com/docs/usage/webhooks/webhooks-security)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from integrations.twilio.parsing import Pairs

DEFAULT_PORTS = {"https": 443, "http": 80}


def verify_signature(tokens: Iterable[str], url: str, fields: Pairs, signature: str) -> bool:
    """Whether one of the account's tokens signed these fields for this URL. Never raises."""
    # The rule of the SDK's validator, over bytes: HMAC-SHA1 of the URL and then of each name and value, sorted and
    # without duplicates. The SDK's own takes text only, and hashes twice, with the port and without, also where the
    # first fits: that was a quarter of the intake's work.
    # A signature has no time and no nonce: a captured request can be sent again, and only the unique key of an event
    # keeps it from having an effect.
    if not signature or not signature.isascii():
        return False
    signed_fields = b"".join(name + value for name, value in sorted(set(fields)))
    return any(
        hmac.compare_digest(_sign(token, signed_url, signed_fields), signature.encode())
        for token in tokens
        if token
        for signed_url in _list_forms_of_url(url)
    )


def sign_form(token: str, url: str, fields: Pairs) -> str:
    """The signature that Twilio would send with these fields."""
    return _sign(token, url, b"".join(name + value for name, value in sorted(set(fields)))).decode()


def _sign(token: str, url: str, signed_fields: bytes) -> bytes:
    return base64.b64encode(hmac.digest(token.encode(), url.encode() + signed_fields, hashlib.sha1))


def _list_forms_of_url(url: str) -> Iterator[str]:
    """The URL as it is, and with or without the port of its scheme: Twilio signs either."""
    yield url
    parts = urlsplit(url)
    default_port = DEFAULT_PORTS.get(parts.scheme)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    if parts.port is None:
        yield parts._replace(netloc=f"{host}:{default_port}").geturl()
    else:
        yield parts._replace(netloc=host).geturl()
