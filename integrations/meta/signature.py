"""Verifying what Meta sends: webhooks, the handshake of a subscription, and signed requests."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

PREFIX = "sha256="
MOST_CHALLENGE = 256  # characters; Meta's have ten


def verify_signature(secrets: Iterable[str], body: bytes, header: str) -> bool:
    """Whether one of the app's secrets signed exactly these bytes, by X-Hub-Signature-256. Never raises."""
    # https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads
    # Meta signs the bytes that it sends, with non-ASCII characters escaped, so those count.
    # The older X-Hub-Signature is SHA-1 and not accepted. A signature has no time: a captured request can be sent
    # again, and only the unique key of an event keeps it from having an effect.
    if not header or not header.isascii():
        return False
    return any(
        hmac.compare_digest(PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(), header)
        for secret in secrets
        if secret
    )


def sign_body(secret: str, body: bytes) -> str:
    """The header that Meta would send with this body."""
    return PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def answer_handshake(query: str, verify_token: str) -> str | None:
    """The challenge that Meta wants back, as plain text; None unless it knows our word."""
    # https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests
    values = parse_qs(query)
    mode, token, challenge = (values.get(f"hub.{name}", []) for name in ("mode", "verify_token", "challenge"))
    if mode != ["subscribe"] or len(token) != 1 or len(challenge) != 1 or len(challenge[0]) > MOST_CHALLENGE:
        return None
    if not hmac.compare_digest(token[0].encode(), verify_token.encode()):
        return None
    return challenge[0]


def read_signed_request(secrets: Iterable[str], text: str) -> dict[str, Any] | None:
    """What a callback such as that of a data deletion says (`user_id`, `issued_at`), or None unless it is signed."""
    # https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
    signature, _, payload = text.partition(".")
    if not signature or not payload or not text.isascii():
        return None
    # The given signature is not decoded: a lenient decoder reads many texts as the same bytes.
    if not any(
        hmac.compare_digest(_sign_request(secret, payload), signature.rstrip("=")) for secret in secrets if secret
    ):
        return None
    values = read_signed_values(text)
    return values if str(values.get("algorithm", "")).upper() == "HMAC-SHA256" else None


def read_signed_values(text: str) -> dict[str, Any]:
    """What a signed request says, whoever signed it; empty for one that can't be read."""
    payload = text.partition(".")[2]
    try:
        values = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _sign_request(secret: str, payload: str) -> str:
    digest = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
