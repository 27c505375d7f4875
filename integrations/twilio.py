"""Twilio's wire: verify and parse what it sends, hand over what we send. Knows no models."""

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, unquote_to_bytes
from uuid import UUID

import aiohttp
import orjson
import requests
from django.conf import settings
from django.core import signing
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from yarl import URL

from integrations.events import (
    Accepted,
    Busy,
    InboundMessage,
    Incoming,
    Listed,
    Media,
    NotReached,
    Outcome,
    OutgoingText,
    Refused,
    ShutOut,
    StatusUpdate,
    Unclear,
    Unsupported,
)

log = logging.getLogger(__name__)
API = "https://api.twilio.com"
CALLBACK_PARAMETER = "message"
MOST_FIELDS = 1000
MOST_MEDIA = 10
CONNECT_SECONDS, TOTAL_SECONDS = 3, 10
# Shorter than servers wait (five seconds and more): a message on a connection that was hung up just then is Unclear.
IDLE_SECONDS = 4

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
# The number itself is in trouble, not the message: nothing was taken, and trying at once again would not help.
SHUT_OUT = {20003, 20404}
BACKLOG_FULL = {21611, 63018}
BACKLOG_SECONDS, BUSY_SECONDS = 60, 5  # to wait where Twilio does not say how long

Pairs = list[tuple[bytes, bytes]]

# Every field that is read. Each decides something, so each comes once and under exactly this name: two readings of one
# body would let somebody sign as one account and be processed as another.
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
ACCOUNT_SID = re.compile(r"[0-9A-Za-z]{1,34}")


class BadForm(ValueError):
    """A body that is no form we would read."""


# ---------------------------------------------------------------- in
def pairs(body: bytes) -> Pairs:
    """The fields of a form body in their order, as raw bytes: a signature is over bytes.

    Raises BadForm, also where a field that is read comes twice or under a name that only resembles its own.
    """
    parts = [part for part in body.split(b"&") if part]
    if len(parts) > MOST_FIELDS:
        raise BadForm("A form with that many fields is not read.")
    split = (part.replace(b"+", b" ").partition(b"=") for part in parts)
    fields = [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in split]
    seen = set()
    for name, _ in fields:
        if name in READ:
            if name in seen:
                raise BadForm(f"{name.decode()} comes twice.")
            seen.add(name)
        elif NO_LETTER.sub(b"", name).lower() in READ_PLAIN:
            raise BadForm("A field has a name that resembles another's.")
    return fields


class Form(dict[str, str]):
    """The fields that are read, as text: NUL dropped, what is no UTF-8 replaced, so that PostgreSQL takes all of it."""

    def __init__(self, fields: Pairs):
        super().__init__((name.decode(), clean(value)) for name, value in fields if name in READ)

    @property
    def account(self) -> str:
        """Who says that they sign this. It counts once a token of theirs has verified it, and is kept from there on."""
        account = self.text("AccountSid")
        return account if ACCOUNT_SID.fullmatch(account) else ""

    @property
    def message_sid(self) -> str:
        return self.text("MessageSid") or self.text("SmsSid")

    @property
    def message_status(self) -> str:
        return self.text("MessageStatus") or self.text("SmsStatus")

    def text(self, name: str) -> str:
        return self.get(name, "")

    def number(self, name: str) -> int:
        value = self.text(name)
        return int(value) if value.isascii() and value.isdigit() and len(value) < 5 else 0


def clean(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\0", "")


class _Signed:
    """The fields in the form that Twilio's validator asks for."""

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


def verify(tokens: Iterable[str], url: str, fields: Pairs, signature: str) -> bool:
    """Whether one of the account's tokens signed these fields for this URL. Never raises."""
    if not signature or not signature.isascii():
        return False
    signed = _Signed(fields)
    return any(
        RequestValidator(token).validate(url, signed, signature) or _signed_as_bytes(token, url, fields, signature)
        for token in tokens
        if token
    )


def _signed_as_bytes(token: str, url: str, fields: Pairs, signature: str) -> bool:
    """For a body that is no UTF-8, which the SDK can't hash: the same rule over the bytes as they came."""
    text = url.encode() + b"".join(name + value for name, value in sorted(set(fields)))
    expected = base64.b64encode(hmac.new(token.encode(), text, hashlib.sha1).digest())
    return hmac.compare_digest(expected, signature.encode())


def parse_message(account: str, body: bytes, received_at: datetime) -> Incoming:
    """The message webhook of this account. Raises BadForm when it has no MessageSid."""
    form = Form(pairs(body))
    sid = form.message_sid
    if not sid:
        raise BadForm("A message without MessageSid.")
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
        body=form.text("Body"),
        occurred_at=received_at,
        segments=form.number("NumSegments") or 1,
        media=media,
        keyword=form.text("OptOutType").upper()[:8],
    )


def parse_status(account: str, body: bytes, query: str, received_at: datetime) -> Incoming:
    """The status callback of this account. Unknown states are kept with an empty `status`.

    Raises BadForm without any id.
    """
    form = Form(pairs(body))
    sid = form.message_sid
    message_id = message_of_callback(query)
    if not sid and message_id is None:
        raise BadForm("A status without MessageSid.")
    said = form.message_status
    status = STATUS.get(said, "")
    return StatusUpdate(
        account=account,
        provider_id=sid[:200],
        status=status,
        provider_status=said[:24],
        occurred_at=received_at,
        # An earlier code may linger on a later state: it means something only with a failure.
        error_code=form.text("ErrorCode")[:16] if status in ("failed", "undelivered") else "",
        message_id=message_id,
    )


def callback_url(message_id: UUID) -> str:
    """Where Twilio reports on this message: the only place on its side that can carry our id. Signed by us.

    The fragment asks Twilio for more than its single try (connect and read timeouts in ms, five retries on anything).
    """
    signed = signing.Signer(salt="twilio.callback", sep=".").sign(message_id.hex)
    address = f"{settings.PUBLIC_BASE_URL}/api/webhooks/twilio/status"
    return f"{address}?{CALLBACK_PARAMETER}={signed}#rc=5&rp=all&ct=3000&rt=5000"


def message_of_callback(query: str) -> UUID | None:
    """Our message that a callback's URL names, if we signed it and it names no other."""
    named = parse_qs(query).get(CALLBACK_PARAMETER, [])
    if len(named) != 1:
        return None
    (signed,) = named
    try:
        return UUID(signing.Signer(salt="twilio.callback", sep=".").unsign(signed))
    except (signing.BadSignature, ValueError):
        return None


# ---------------------------------------------------------------- out
class Transport(AsyncTwilioHttpClient):
    """The SDK's own aiohttp client with a wide pool, our time limits, and the address of the API from settings."""

    def __init__(self, connections: int = 256):
        super().__init__(pool_connections=False)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, limit_per_host=0, keepalive_timeout=IDLE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
        )

    async def request(self, method, url, params=None, data=None, headers=None, auth=None, timeout=None, **kwargs):
        """One request. The SDK's own would pass `timeout=None` on, which switches the session's limits off."""
        if url.startswith(API):
            url = settings.TWILIO_API_BASE_URL + url.removeprefix(API)
        if data is not None:
            # aiohttp can't take the SDK's lists (MediaUrl), and urlencode costs five times as much as yarl.
            data = URL.build(query={name: value for name, value in data.items() if value is not None})
            data = data.raw_query_string.encode()
            headers = {**(headers or {}), "Content-Type": "application/x-www-form-urlencoded"}
        credentials = aiohttp.BasicAuth(*auth) if auth else None
        async with self.session.request(
            method.upper(), url, params=params, data=data, headers=headers, auth=credentials, allow_redirects=False
        ) as answer:
            _wait.set(_seconds(answer.headers.get("Retry-After", "")))
            # The charset is not looked for: what is no UTF-8 is no JSON either.
            return Response(answer.status, (await answer.read()).decode("utf-8", "replace"), answer.headers)


_wait: ContextVar[float | None] = ContextVar("retry_after", default=None)  # the SDK's errors carry no headers
MOST_WAIT_SECONDS = 600
JSON = {"Accept": "application/json"}


def _seconds(text: str) -> float | None:
    return min(float(text), MOST_WAIT_SECONDS) if text.isascii() and text.isdigit() else None


async def send(transport: Transport, text: OutgoingText) -> Outcome:
    """Hand a message over, once. Never raises: what can't be told apart from success is Unclear.

    Over the SDK's transport but not its resources: building a MessageInstance from an answer of which two fields are
    needed costs as much as the request itself (docs/decisions.md).
    """
    form: dict[str, str | list[str]] = {"To": text.to_address, "Body": text.body, "StatusCallback": text.callback_url}
    form |= {"MessagingServiceSid": text.messaging_service} if text.messaging_service else {"From": text.from_address}
    if text.media_urls:
        form["MediaUrl"] = list(text.media_urls)
    url = f"{API}/2010-04-01/Accounts/{text.account}/Messages.json"
    try:
        answer = await transport.request("POST", url, data=form, headers=JSON, auth=(text.account, text.secret))
        said = orjson.loads(answer.text)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        return NotReached(f"Twilio could not be reached ({type(error).__name__}).")
    except (TimeoutError, aiohttp.ClientError) as error:
        return Unclear(f"No clear answer from Twilio ({type(error).__name__}).")
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    if answer.status_code not in (200, 201):
        return _refusal(answer, said)
    if not isinstance(said.get("sid"), str) or not said["sid"] or said.get("account_sid") != text.account:
        return Unclear(f"Twilio's answer named no message of ours: {_excerpt(answer.text)}")
    segments = str(said.get("num_segments") or "1")
    return Accepted(said["sid"], int(segments) if segments.isdigit() else 1)


def _excerpt(text: str) -> str:
    """The beginning of an answer that nobody expected, for whoever looks into it; no number or id can be read in it."""
    return re.sub(r"[0-9a-f]{5,}|\d{3,}", "…", " ".join(text.split())[:150], flags=re.IGNORECASE)


def _refusal(answer: Response, body: dict) -> Outcome:
    status, code, message = answer.status_code, body.get("code"), str(body.get("message", ""))
    if not isinstance(code, int) and status != 429:
        return Unclear(f"Twilio, or somebody before it, answered {status}: {_excerpt(answer.text)}")
    said = message.removeprefix("Unable to create record: ")[:300] or f"Twilio answered {status}."
    if code in BACKLOG_FULL:
        return Busy(said, _wait.get() or BACKLOG_SECONDS, whole_account=False)
    if status == 429:
        return Busy(said, _wait.get() or BUSY_SECONDS, whole_account=True)
    if status in (401, 403) or code in SHUT_OUT:
        return ShutOut(str(code or status), said)
    if 400 <= status < 500:
        return Refused(str(code or status), said)
    return Unclear(f"Twilio answered {status}.")


# ---------------------------------------------------------------- what Twilio has
MOST_LISTED = 1000


def sent_messages(account: str, secret: str, from_address: str, to_address: str, since: datetime) -> list[Listed]:
    """What Twilio has of messages from one number of ours to somebody, oldest first. Raises Refusal and Away.

    There is no filter on the time of creation, and a queued message has no time of sending: so all of them are listed,
    newest first, and those before `since` left out here.
    """
    with _answers():
        found = _waiting(account, secret).messages.list(from_=from_address, to=to_address, limit=MOST_LISTED)
    return sorted(
        (_listed(each) for each in found if str(each.direction) != "inbound" and each.date_created >= since),
        key=lambda each: each.created_at,
    )


def all_sent(account: str, secret: str, since: datetime) -> Iterator[Listed]:
    """Everything that left the account since then, newest first. Raises Refusal and Away."""
    with _answers():
        for each in _waiting(account, secret).messages.stream(page_size=MOST_LISTED):
            if each.date_created < since:
                return
            if str(each.direction) != "inbound":
                yield _listed(each)


def one_sent(account: str, secret: str, provider_id: str) -> Listed:
    """A message of ours as Twilio has it now. Raises Refusal and Away."""
    with _answers():
        return _listed(_waiting(account, secret).messages(provider_id).fetch())


def _listed(each) -> Listed:
    return Listed(
        each.sid,
        each.body or "",
        STATUS.get(str(each.status), "accepted"),
        str(each.error_code or ""),
        each.date_created,
        int(each.num_segments) if str(each.num_segments or "").isdigit() else 1,
        each.from_ or "",
    )


def received_messages(account: str, secret: str, to_address: str, since: datetime) -> list[InboundMessage]:
    """What Twilio has taken in for a number of ours, oldest first. Raises Refusal and Away."""
    client, found = _waiting(account, secret), []
    with _answers():
        for each in client.messages.stream(to=to_address, page_size=MOST_LISTED):
            if each.date_created < since:
                break
            if str(each.direction) == "inbound" and ":" not in f"{each.from_}{each.to}":
                found.append(_received(client, account, each))
    return found[::-1]


def _received(client: Client, account: str, each) -> InboundMessage:
    media: tuple[Media, ...] = ()
    if str(each.num_media or "0") != "0":
        media = tuple(
            Media(f"{API}{item.uri.removesuffix('.json')}", (item.content_type or "")[:100])
            for item in client.messages(each.sid).media.list(limit=MOST_MEDIA)
        )
    return InboundMessage(
        account=account,
        provider_id=each.sid[:200],
        from_address=(each.from_ or "").strip()[:32],
        to_address=(each.to or "").strip()[:32],
        body=(each.body or "").replace("\0", ""),
        occurred_at=each.date_created,
        segments=int(each.num_segments) if str(each.num_segments or "").isdigit() else 1,
        media=media,
    )


# ---------------------------------------------------------------- numbers
class Refusal(Exception):
    """Twilio does not accept these credentials."""


class Away(Exception):
    """Twilio can't be asked right now."""


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number that an account owns, and where its messages are sent to."""

    sid: str
    phone: str
    name: str
    webhook: str


class _Waiting(TwilioHttpClient):
    """The SDK's own client for a request that somebody waits for, with the address of the API from settings."""

    def request(self, method, url, *args, **kwargs):
        return super().request(method, settings.TWILIO_API_BASE_URL + url.removeprefix(API), *args, **kwargs)


def webhook_url() -> str:
    """Where Twilio is to bring the messages of our numbers."""
    return f"{settings.PUBLIC_BASE_URL}/api/webhooks/twilio/messages"


def numbers(account: str, secret: str, phone: str = "") -> list[OwnNumber]:
    """The account's numbers, or the one that is asked for. Raises Refusal and Away."""
    with _answers():
        found = _waiting(account, secret).incoming_phone_numbers.list(**({"phone_number": phone} if phone else {}))
    return [OwnNumber(each.sid, each.phone_number, each.friendly_name, each.sms_url or "") for each in found]


def route_here(account: str, secret: str, number_sid: str) -> None:
    """Have the number's messages brought to our webhook. Raises Refusal and Away."""
    with _answers():
        _waiting(account, secret).incoming_phone_numbers(number_sid).update(sms_url=webhook_url(), sms_method="POST")


def _waiting(account: str, secret: str) -> Client:
    return Client(account, secret, http_client=_Waiting(timeout=TOTAL_SECONDS))


@contextmanager
def _answers() -> Iterator[None]:
    try:
        yield
    except TwilioException as error:  # for a list, the SDK raises one that carries the response
        status = getattr(error, "status", None) or getattr(error.args[-1], "status_code", 0)
        raise (Refusal if status in (401, 403, 404) else Away) from error
    except (requests.RequestException, ValueError, KeyError) as error:
        raise Away from error
