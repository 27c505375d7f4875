"""Meta's webhook as the intake sees it."""

import hashlib
from collections.abc import Sequence

from integrations.events import Reply, WebhookRequest
from integrations.meta import parsing
from integrations.meta.signature import verify_signature

PATH = "/api/webhooks/facebook"
SOURCE = "meta.batch"


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
