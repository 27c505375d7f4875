"""Sending to browsers through their makers' push services: https://www.rfc-editor.org/rfc/rfc8030

The payload is encrypted for the browser (RFC 8291), and the service sees who sends it by our key (VAPID, RFC 8292).
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.utils.translation import gettext as _
from py_vapid import Vapid02
from pywebpush import WebPushException, webpush
from urllib3.exceptions import HTTPError

KEPT_SECONDS = 3600  # by the service, for a phone that is away: what waited longer has been seen by somebody else
SECONDS = 5  # for one call
GONE = (404, 410)  # https://www.rfc-editor.org/rfc/rfc8030#section-7.3
SECRET_BYTES = 16
# Programs read odd addresses differently (a backslash, an empty label), so only plain ones are taken.
HOST = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*")
PLAIN_ADDRESS = re.compile(r"[!-~]+")


class Gone(Exception):
    """The browser takes no more: the subscription has ended."""


class NotDelivered(Exception):
    """The push service did not take it."""


class InvalidSubscription(Exception):
    """What a browser gave is no subscription that we send to."""


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser gives to be reached by, as in PushSubscription.toJSON()."""

    endpoint: str
    p256dh: str
    auth: str


def check_browser(browser: Browser) -> None:
    """Raises InvalidSubscription. We call the endpoint, so only the hosts of known push services are taken."""
    if not _is_push_service(browser.endpoint):
        raise InvalidSubscription(_("Notifications can't be sent to this browser: its push service isn't known here."))
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode_base64url(browser.p256dh))
        is_complete = len(decode_base64url(browser.auth)) == SECRET_BYTES
    except ValueError:
        is_complete = False
    if not is_complete:
        raise InvalidSubscription(_("The browser gave an incomplete subscription. Reload the page and try again."))


def send_push(browser: Browser, payload: dict[str, str]) -> None:
    """Send a small JSON object to a browser. Raises Gone and NotDelivered."""
    if not _is_push_service(browser.endpoint):  # rows may be older than what is allowed
        raise Gone
    keys = {"p256dh": browser.p256dh, "auth": browser.auth}
    with requests.Session() as session:
        session.max_redirects = 0  # the host was checked, where it leads was not
        try:
            webpush(
                {"endpoint": browser.endpoint, "keys": keys},
                json.dumps(payload),
                vapid_private_key=_our_key(),
                vapid_claims={"sub": settings.VAPID_SUBJECT},
                ttl=KEPT_SECONDS,
                headers={"Urgency": "high"},
                timeout=SECONDS,
                requests_session=session,
            )
        except WebPushException as error:
            if error.response is not None and error.response.status_code in GONE:
                raise Gone from error
            raise NotDelivered(f"The push service answered: {error.message}") from error
        except (requests.RequestException, HTTPError, ValueError) as error:
            raise NotDelivered(f"The push service can't be reached ({type(error).__name__}).") from error


def _is_push_service(endpoint: str) -> bool:
    """Whether the address that is really called, as `requests` reads it, is one of a known push service."""
    try:
        called = urlsplit(requests.Request("POST", endpoint).prepare().url or "")
        port = called.port
    except (ValueError, requests.RequestException, HTTPError):
        return False
    host = called.hostname or ""
    is_known = any(host == known or host.endswith(f".{known}") for known in settings.PUSH_HOSTS)
    is_plain = HOST.fullmatch(host) and PLAIN_ADDRESS.fullmatch(endpoint) and called.username is None
    if settings.SANDBOX and called.scheme == "http":
        return bool(is_known and is_plain)
    return bool(is_known and is_plain and called.scheme == "https" and port is None)


def public_key() -> str:
    """What browsers subscribe with: an uncompressed P-256 point, base64url."""
    point = _our_key().public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@cache
def _our_key() -> Vapid02:
    return Vapid02.from_raw(settings.VAPID_PRIVATE_KEY.encode())
