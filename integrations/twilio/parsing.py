"""Parsing Twilio's webhooks into `integrations.events`."""

import binascii
import re
import unicodedata
from datetime import datetime
from urllib.parse import unquote_to_bytes

from integrations.events import (
    InboundMessage,
    Incoming,
    Media,
    StatusUpdate,
    Unsupported,
)
from integrations.twilio.callbacks import message_of_callback
from integrations.twilio.limits import MOST_MEDIA

MOST_FIELDS = 1000

# https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
# The initial status (accepted, scheduled or queued) comes in the answer to the send, and gets no callback.
STATUS = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
    "partially_delivered": "delivered",
    "read": "read",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "canceled",
}

Pairs = list[tuple[bytes, bytes]]

# All fields that we read (https://www.twilio.com/docs/messaging/guides/webhook-request). Each must come once and under
# exactly this name. A form that can be read in two ways could be signed as one account and processed as another: a name
# with a NUL in it was verified as one field and read as another.
# Twilio adds fields without notice, so unknown ones are accepted, and the signature covers them.
READ = {
    name.encode()
    for name in (
        "AccountSid", "MessageSid", "SmsSid", "MessageStatus", "SmsStatus", "ErrorCode", "From", "To", "Body",
        "OptOutType", "NumSegments", "NumMedia",
        *(f"{kind}{n}" for n in range(MOST_MEDIA) for kind in ("MediaUrl", "MediaContentType")),
    )
}  # fmt: skip
READ_PLAIN = {name.lower() for name in READ}
NO_LETTER = re.compile(rb"[^0-9A-Za-z]+")
NO_TEXT = {"Cc", "Cs", "Co", "Cn"}  # Unicode categories: controls, surrogates, private and unassigned characters
# Twilio sends some concatenated messages as base64, in lines or cut off. Shorter base64 may be an ordinary word.
BASE64 = re.compile(r"[0-9A-Za-z+/]{60,}={0,2}")
ACCOUNT_SID = re.compile(r"[0-9A-Za-z]{1,34}")


class BadForm(ValueError):
    """The form is malformed or ambiguous."""


def pairs(body: bytes) -> Pairs:
    """The fields of a form body in their order, as raw bytes, over which the signature is made.

    Raises BadForm, also where a field comes twice or has a name that resembles another's.
    """
    parts = [part for part in body.split(b"&") if part]
    if len(parts) > MOST_FIELDS:
        raise BadForm("A form with that many fields is not read.")
    split = (part.replace(b"+", b" ").partition(b"=") for part in parts)
    fields = [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in split]
    read_names = set()
    for name, _ in fields:
        if name in READ:
            if name in read_names:
                raise BadForm(f"{name.decode()} comes twice.")
            read_names.add(name)
        elif NO_LETTER.sub(b"", name).lower() in READ_PLAIN:
            raise BadForm("A field has a name that resembles another's.")
    return fields


class Form(dict[str, str]):
    """The fields that we read, as text without NUL and invalid UTF-8, neither of which PostgreSQL stores."""

    def __init__(self, fields: Pairs):
        super().__init__((name.decode(), clean(value)) for name, value in fields if name in READ)

    @property
    def account(self) -> str:
        """The account that the form names. It counts only after that account's token has verified the signature."""
        account = self.text("AccountSid")
        return account if ACCOUNT_SID.fullmatch(account) else ""

    @property
    def message_sid(self) -> str:
        # SmsSid and SmsStatus are Twilio's older names of the same values.
        return self.text("MessageSid") or self.text("SmsSid")

    @property
    def message_status(self) -> str:
        return self.text("MessageStatus") or self.text("SmsStatus")

    def text(self, name: str) -> str:
        return self.get(name, "")

    def number(self, name: str) -> int:
        return read_count(self.text(name), 0)


def read_count(value: object, default: int) -> int:
    """A number of Twilio's with four digits at most, such as how many segments a message has; or else `default`."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else default


def clean(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\0", "")


def read_body(text: str) -> str:
    """The text of a message; decoded where all of it is base64 of printable text."""
    packed = re.sub(r"[\r\n]", "", text)
    if not BASE64.fullmatch(packed):
        return text
    packed = packed.rstrip("=")
    try:
        raw = binascii.a2b_base64(packed[: len(packed) - (len(packed) % 4 == 1)] + "==")
        words = raw.decode()
    except binascii.Error:
        return text
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return text
        words = raw[: error.start].decode()
    is_text = all(char in "\r\n\t" or unicodedata.category(char) not in NO_TEXT for char in words)
    return words if is_text and re.search(r"\s|[^\x00-\x7f]", words) else text


def parse_message(account: str, body: bytes, received_at: datetime) -> Incoming:
    """Parse a message webhook of this account. Raises BadForm where it has no MessageSid."""
    form = Form(pairs(body))
    sid = form.message_sid
    if not sid:
        raise BadForm("A message without MessageSid.")
    # `From` may be a short code of five or six digits, or a name like SUPPORT; "whatsapp:+1..." is another channel.
    sender, recipient = form.text("From"), form.text("To")
    if ":" in sender or ":" in recipient:
        return Unsupported(f"{(sender or recipient).split(':')[0]} is not a channel that we handle")
    media = tuple(
        Media(form.text(f"MediaUrl{n}"), form.text(f"MediaContentType{n}")[:100])
        for n in range(min(form.number("NumMedia"), MOST_MEDIA))
        if form.text(f"MediaUrl{n}").startswith(("https://", "http://"))
    )
    return InboundMessage(
        account=account,
        provider_id=sid[:200],
        from_address=sender.strip()[:32],
        to_address=recipient.strip()[:32],
        body=read_body(form.text("Body")),
        occurred_at=received_at,
        segments=form.number("NumSegments") or 1,
        media=media,
        keyword=form.text("OptOutType").strip().upper()[:8],
    )


def parse_status(account: str, body: bytes, query: str, received_at: datetime) -> Incoming:
    """Parse a status callback of this account. Unknown statuses leave `status` empty. Raises BadForm without any id."""
    form = Form(pairs(body))
    sid = form.message_sid
    message_id = message_of_callback(query)
    if not sid and message_id is None:
        raise BadForm("A status without MessageSid.")
    provider_status = form.message_status
    status = STATUS.get(provider_status, "")
    return StatusUpdate(
        account=account,
        provider_id=sid[:200],
        status=status,
        provider_status=provider_status[:24],
        occurred_at=received_at,
        # An earlier error code may linger on a later status, so it counts only with a failure.
        error_code=form.text("ErrorCode")[:16] if status in ("failed", "undelivered") else "",
        message_id=message_id,
    )
