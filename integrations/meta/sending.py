"""Sending messages through the Graph API."""

import mimetypes
from typing import Any
from urllib.parse import urlsplit

import aiohttp

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
from integrations.meta.graph import (
    LIMITS_OF_CHANNEL,
    RATE_LIMITS,
    SHUT_OUT,
    TEMPORARY,
    GraphAnswer,
    GraphTransport,
    describe_answer,
    find_base_url,
    is_token,
    read_wait,
)
from integrations.meta.limits import MOST_MEDIA, find_kind_of_type
from integrations.meta.metadata import build_metadata
from messagehub.media_types import TYPE_OF

BUSY_SECONDS = 60  # where Meta does not say how long to wait
LONGEST_ID = 200


async def send_text(transport: GraphTransport, text: OutgoingText) -> Outcome:
    """Send a message once (https://developers.facebook.com/docs/messenger-platform/reference/send-api).

    Never raises. Whatever may have been a success is Unclear.
    """
    # The request has no idempotency key, so it is never repeated here. The echo of a message that was taken names it.
    if bool(text.body) + len(text.media_urls) != MOST_MEDIA:
        return Refused("text_and_media", "A message is a text or one attachment.")
    if not is_token(text.secret):
        return ShutOut("190", "The access token is malformed.")
    base_url = find_base_url(text.platform, text.account, text.from_address)
    try:
        answer = await transport.post(base_url, f"{text.account}/messages", text.secret, _build_body(text))
    # Connecting failed, so nothing was written and Meta can't have the message. After that, it may have it.
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        return NotReached(f"Meta could not be reached ({type(error).__name__}).")
    except (TimeoutError, aiohttp.ClientError) as error:
        return Unclear(f"No clear answer from Meta ({type(error).__name__}).")
    if answer.status != 200 or answer.error:
        return _read_refusal(answer)
    mid, recipient = answer.values.get("message_id"), answer.values.get("recipient_id", text.to_address)
    if not isinstance(mid, str) or not mid or str(recipient) != text.to_address:
        return Unclear(f"Meta's answer named no message of ours: {describe_answer(answer.text)}")
    return Accepted(mid[:LONGEST_ID])


def _build_body(text: OutgoingText) -> dict[str, Any]:
    message: dict[str, Any] = {"metadata": build_metadata(text.message_id)}
    if text.body:
        message["text"] = text.body
    else:
        (url,) = text.media_urls
        message["attachment"] = {"type": find_kind(url, text.platform), "payload": {"url": url, "is_reusable": False}}
    typing = {"messaging_type": "MESSAGE_TAG", "tag": text.tag} if text.tag else {"messaging_type": "RESPONSE"}
    return {"recipient": {"id": text.to_address}, **typing, "message": message}


def find_kind(url: str, platform: str) -> str:
    """image, audio, video or file, by the ending of the address."""
    path = urlsplit(url).path
    if kind := find_kind_of_type(platform, TYPE_OF.get(path.rpartition(".")[2].lower(), "")):
        return kind
    kind = (mimetypes.guess_type(path)[0] or "").partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "file"


def _read_refusal(answer: GraphAnswer) -> Outcome:
    status, error, wait = answer.status, answer.error, read_wait(answer.headers)
    # Meta's own refusals have a code. An answer without one may come from a proxy, after Meta took the message.
    if error is None:
        if status == 429:
            return Busy("Meta answered 429.", wait or BUSY_SECONDS, whole_account=True)
        return Unclear(f"Meta, or somebody before it, answered {status}: {describe_answer(answer.text)}")
    explanation = error.message[:300] or f"Meta answered {status}."
    if error.code in RATE_LIMITS or status == 429:
        return Busy(explanation, wait or BUSY_SECONDS, whole_account=error.code not in LIMITS_OF_CHANNEL)
    if error.code in SHUT_OUT or error.is_of_secret:
        return ShutOut(error.name, explanation)
    if 400 <= status < 500 and error.code not in TEMPORARY and not error.is_transient:
        return Refused(error.name, explanation)
    return Unclear(f"Meta answered {status} with error {error.name}.")
