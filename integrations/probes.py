"""Asking ourselves, from outside, whether a signed webhook arrives as its provider signed it.

What goes wrong between provider and product is mostly the address: a proxy that changes it, or a PUBLIC_BASE_URL that
is not the one the provider calls. The request is signed like any other, and not stored (`webhooks.Intake.answer`).
"""

from urllib.parse import urlencode

import requests
from django.conf import settings

from integrations.meta import signature as meta_signature
from integrations.twilio import listing
from integrations.twilio import signature as twilio_signature

HEADER = "x-messagehub-probe"
ARRIVED, REFUSED, AWAY = "arrived", "refused", "away"
SECONDS = (2, 4)  # to connect, to answer: a person waits for it


def probe_twilio(account_sid: str, token: str) -> str:
    """ARRIVED, or REFUSED by our own check of the signature, or AWAY."""
    url, fields = listing.webhook_url(), {"AccountSid": account_sid, "Body": ""}
    signed_fields = [(name.encode(), value.encode()) for name, value in fields.items()]
    headers = {
        "X-Twilio-Signature": twilio_signature.sign_form(token, url, signed_fields),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return _post(url, urlencode(fields).encode(), headers)


def probe_meta() -> str:
    """The same for our app, whose secret signs the events of every page."""
    body = b'{"object":"page","entry":[]}'
    headers = {
        "X-Hub-Signature-256": meta_signature.sign_body(settings.META_APP_SECRET, body),
        "Content-Type": "application/json",
    }
    return _post(f"{settings.PUBLIC_BASE_URL}/api/webhooks/facebook", body, headers)


def _post(url: str, body: bytes, headers: dict[str, str]) -> str:
    try:
        answer = requests.post(url, body, headers=headers | {HEADER: "1"}, timeout=SECONDS, allow_redirects=False)
    except requests.RequestException:
        return AWAY
    return {204: ARRIVED, 403: REFUSED}.get(answer.status_code, AWAY)
