"""Twilio's webhooks as the intake sees them."""

import hashlib
from collections.abc import Sequence

from integrations.events import Reply, WebhookRequest
from integrations.twilio import parsing
from integrations.twilio.signature import verify_signature

# Anything else in the answer would be sent to the customer as a reply
# (https://www.twilio.com/docs/messaging/twiml).
EMPTY_TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
MESSAGES, STATUS = "/api/webhooks/twilio/messages", "/api/webhooks/twilio/status"


class TwilioWebhook:
    """A form, signed with the token of the account that it names. Raises parsing.BadForm."""

    def __init__(self, request: WebhookRequest) -> None:
        self.request = request
        self.fields = parsing.pairs(request.body)
        self.form = parsing.Form(self.fields)
        self.account = self.form.account
        self.is_message = request.path == MESSAGES
        self.source = "twilio.message" if self.is_message else "twilio.status"
        self.reply = Reply(200, "text/xml; charset=utf-8", EMPTY_TWIML) if self.is_message else Reply(204)

    def verify(self, secrets: Sequence[str]) -> bool:
        signature = self.request.headers.get(b"x-twilio-signature", b"").decode("latin-1")
        return verify_signature(secrets, self.request.url, self.fields, signature)

    def read_key(self) -> str:
        if self.is_message:
            return self.form.message_sid or digest(self.request.body)
        # A status, error code and callback address may each differ between two reports of one message.
        parts = [self.form.message_sid, self.form.message_status, self.form.text("ErrorCode")]
        return ":".join([*parts, digest(self.request.query.encode())])

    def read_recipient(self) -> str:
        # "whatsapp:+1..." is another channel, and no number of ours.
        is_number = self.is_message and ":" not in self.form.text("To") + self.form.text("From")
        return self.form.text("To").strip() if is_number else ""


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:32]
