"""Sending messages through Twilio."""

import re

import aiohttp
import orjson
from django.conf import settings
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from yarl import URL

from integrations.events import (
    Accepted,
    Busy,
    NotReached,
    Outcome,
    OutgoingText,
    Refused,
    ShutOut,
    Unclear,
)
from integrations.twilio.limits import API, TOTAL_SECONDS
from integrations.twilio.parsing import read_count

CONNECT_SECONDS = 3
# Common servers close idle connections after five seconds. A message written to a connection that is being closed gets
# no answer and becomes Unclear; a new handshake is the cheaper of the two.
IDLE_SECONDS = 4
# The account is refused: https://www.twilio.com/docs/api/errors/20003 and https://www.twilio.com/docs/api/errors/20404
SHUT_OUT = {20003, 20404}
# The sender's queue at Twilio, or its channel, is full, and nothing was taken:
# https://www.twilio.com/docs/api/errors/21611 and https://www.twilio.com/docs/api/errors/63018
BACKLOG_FULL = {21611, 63018}
BACKLOG_SECONDS = 60  # where Twilio does not say how long to wait
BUSY_SECONDS = 5


class Transport(AsyncTwilioHttpClient):
    """The SDK's own aiohttp client with a wide pool, our time limits, and the address of the API from settings."""

    def __init__(self, connections: int = 256):
        super().__init__(pool_connections=False)
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, limit_per_host=0, keepalive_timeout=IDLE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
        )

    async def request(self, method, url, params=None, data=None, headers=None, auth=None, timeout=None, **kwargs):
        # Not the SDK's own method, which passes `timeout=None` on and so switches the session's limits off.
        if url.startswith(API):
            url = settings.TWILIO_API_BASE_URL + url.removeprefix(API)
        if data is not None:
            # aiohttp refuses the SDK's lists (MediaUrl). urlencode took 53 µs of a message, yarl takes 12.
            data = URL.build(query={name: value for name, value in data.items() if value is not None})
            data = data.raw_query_string.encode()
            headers = {**(headers or {}), "Content-Type": "application/x-www-form-urlencoded"}
        credentials = aiohttp.BasicAuth(*auth) if auth else None
        async with self.session.request(
            method.upper(), url, params=params, data=data, headers=headers, auth=credentials, allow_redirects=False
        ) as answer:
            # No charset is looked for: JSON is UTF-8.
            return Response(answer.status, (await answer.read()).decode("utf-8", "replace"), answer.headers)


MOST_WAIT_SECONDS = 600
JSON = {"Accept": "application/json"}


def read_retry_after(answer: Response) -> float | None:
    """Seconds; None where Twilio does not say."""
    text = (answer.headers or {}).get("Retry-After", "")
    return min(float(text), MOST_WAIT_SECONDS) if text.isascii() and text.isdigit() else None


async def send_text(transport: Transport, text: OutgoingText) -> Outcome:
    """Send a message once (https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource).

    Never raises. Whatever may have been a success is Unclear.
    """
    # Over the SDK's transport but without its resources: building a MessageInstance took a third of the worker's time,
    # 1.2 ms of CPU for a message against 0.8 ms without.
    # The request has no idempotency key, so it is never repeated here.
    form: dict[str, str | list[str]] = {"To": text.to_address, "Body": text.body, "StatusCallback": text.callback_url}
    form |= {"MessagingServiceSid": text.messaging_service} if text.messaging_service else {"From": text.from_address}
    if text.media_urls:
        form["MediaUrl"] = list(text.media_urls)
    url = f"{API}/2010-04-01/Accounts/{text.account}/Messages.json"
    try:
        answer = await transport.request("POST", url, data=form, headers=JSON, auth=(text.account, text.secret))
        values = orjson.loads(answer.text)
    # Connecting failed, so nothing was written and Twilio can't have the message. After that, it may have it.
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        return NotReached(f"Twilio could not be reached ({type(error).__name__}).")
    except (TimeoutError, aiohttp.ClientError) as error:
        return Unclear(f"No clear answer from Twilio ({type(error).__name__}).")
    except ValueError:
        values = {}
    if not isinstance(values, dict):
        values = {}
    if answer.status_code not in (200, 201):
        return _refusal(answer, values)
    if not isinstance(values.get("sid"), str) or not values["sid"] or values.get("account_sid") != text.account:
        return Unclear(f"Twilio's answer named no message of ours: {_excerpt(answer.text)}")
    return Accepted(values["sid"], read_count(values.get("num_segments"), 1))


def _excerpt(text: str) -> str:
    """The beginning of an unexpected answer, for the log, without phone numbers and ids."""
    return re.sub(r"[0-9a-f]{5,}|\d{3,}", "…", " ".join(text.split())[:150], flags=re.IGNORECASE)


def _refusal(answer: Response, body: dict) -> Outcome:
    status, code, message = answer.status_code, body.get("code"), str(body.get("message", ""))
    wait = read_retry_after(answer)
    # Twilio's own refusals have a code. An answer without one may come from a proxy, after Twilio took the message.
    if not isinstance(code, int) and status != 429:
        return Unclear(f"Twilio, or somebody before it, answered {status}: {_excerpt(answer.text)}")
    explanation = message.removeprefix("Unable to create record: ")[:300] or f"Twilio answered {status}."
    if code in BACKLOG_FULL:
        return Busy(explanation, wait or BACKLOG_SECONDS, whole_account=False)
    # Not processed, so it may be sent again: https://www.twilio.com/docs/api/errors/20429
    if status == 429:
        return Busy(explanation, wait or BUSY_SECONDS, whole_account=True)
    if status in (401, 403) or code in SHUT_OUT:
        return ShutOut(str(code or status), explanation)
    if 400 <= status < 500:
        return Refused(str(code or status), explanation)
    # 5xx, for example https://www.twilio.com/docs/api/errors/20500: the message may have been created before the error.
    return Unclear(f"Twilio answered {status}.")
