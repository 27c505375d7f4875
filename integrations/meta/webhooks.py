"""Meta's webhook as the intake sees it."""

import hashlib
import json
from collections.abc import Sequence
from urllib.parse import parse_qs

from django.conf import settings

from integrations.events import ErasureRequested, Reply, WebhookRequest
from integrations.meta import limits, parsing
from integrations.meta.signature import read_signed_request, read_signed_values, verify_signature
from integrations.meta.values import read_text

PATH, DELETION_PATH = "/api/webhooks/facebook", "/api/webhooks/facebook/deletion"
SOURCE, DELETION_SOURCE = "meta.batch", "meta.deletion"
MOST_FORM_BYTES = 16 * 1024  # Meta's have some hundreds; it is taken apart before its signature is known
STATUS_PATH = "/contacts/deletion/"  # of the page that `messaging/contacts/urls.py` has


class MetaWebhook:
    """A batch of events for several pages, signed by our app."""

    account = ""
    source = SOURCE
    reply = Reply(200, "application/json", b'{"success": true}')

    def __init__(self, request: WebhookRequest) -> None:
        self.request = request

    def verify(self, secrets: Sequence[str]) -> bool:
        header = self.request.headers.get(b"x-hub-signature-256", b"").decode("latin-1")
        return verify_signature(secrets, self.request.body, header)

    def read_key(self) -> str:
        parsing.load_batch(self.request.body)
        return hashlib.sha256(self.request.body).hexdigest()

    def read_recipient(self) -> str:
        return ""  # of many pages; each event is routed by the worker


class DeletionWebhook:
    """Somebody asks Meta to have their data deleted by our app, signed by the app.

    https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
    """

    account = ""
    source = DELETION_SOURCE

    def __init__(self, request: WebhookRequest) -> None:
        self.signed_request = read_deletion_form(request.body)
        # Nobody can guess it: the signature is a part of it.
        self.code = hashlib.sha256(self.signed_request.encode()).hexdigest()[:32]
        answer = {"url": f"{settings.PUBLIC_BASE_URL}{STATUS_PATH}{self.code}/", "confirmation_code": self.code}
        self.reply = Reply(200, "application/json", json.dumps(answer).encode())

    def verify(self, secrets: Sequence[str]) -> bool:
        values = read_signed_request(secrets, self.signed_request)
        return bool(values and read_text(values, "user_id", 64))

    def read_key(self) -> str:
        return self.code

    def read_recipient(self) -> str:
        return ""  # whoever knows them


def read_deletion_form(body: bytes) -> str:
    """The signed request of the form; empty without exactly one. Raises ValueError for a form that is too large."""
    if len(body) > MOST_FORM_BYTES:
        raise ValueError("A form that is too large.")
    given = parse_qs(body.decode("ascii", "replace")).get("signed_request", [])
    return given[0] if len(given) == 1 else ""


def parse_deletion(body: bytes) -> ErasureRequested:
    """A stored request, whose signature was verified when it came. Raises ValueError."""
    address = read_text(read_signed_values(read_deletion_form(body)), "user_id", 64)
    if not address:
        raise ValueError("A request for deletion that names nobody.")
    return ErasureRequested(frozenset({limits.MESSENGER, limits.INSTAGRAM}), address, parsing.SOURCE)
