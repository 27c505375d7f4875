"""Calling the Graph API: addresses, tokens, errors and limits of rate. https://developers.facebook.com/docs/graph-api/overview"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import requests
from django.conf import settings

from integrations.meta.errors import name_code
from integrations.meta.limits import CONNECT_SECONDS, INSTAGRAM, TOTAL_SECONDS
from integrations.meta.values import load_object, read_object, read_text
from integrations.refusals import Away, Refusal

# Common servers close idle connections after five seconds (see `integrations/twilio/sending.py`).
IDLE_SECONDS = 4
# The token is rejected, or the page blocked: https://developers.facebook.com/docs/graph-api/guides/error-handling
SHUT_OUT = {102, 104, 190, 368}
# https://developers.facebook.com/docs/graph-api/overview/rate-limiting
RATE_LIMITS = {4, 17, 32, 341, 613, 80001, 80002, 80006}
# Only one of a page's channels is limited; its other one may send.
LIMITS_OF_CHANNEL = {80002, 80006}
# Temporary, and without a word about whether anything was done.
TEMPORARY = {-2, -1, 1, 2, 1200}
MOST_WAIT_SECONDS = 3600
TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class GraphError:
    """An error as the Graph describes it."""

    code: int
    subcode: int
    message: str
    is_transient: bool

    @property
    def name(self) -> str:
        """As in `MEANINGS`; `app_secret` where our own proof is the matter."""
        # A wrong or missing proof has no code of its own.
        return "app_secret" if self.is_of_secret else name_code(self.code, self.subcode)

    @property
    def is_of_secret(self) -> bool:
        return self.code == 100 and "appsecret_proof" in self.message


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """Status, headers and JSON of an answer; an empty object where it has none."""

    status: int
    headers: Mapping[str, str]
    text: str
    values: dict[str, Any]

    @property
    def error(self) -> GraphError | None:
        error = read_object(self.values, "error")
        code, subcode = error.get("code"), error.get("error_subcode")
        if not isinstance(code, int):
            return None
        return GraphError(
            code,
            subcode if isinstance(subcode, int) else 0,
            read_text(error, "message"),
            error.get("is_transient") is True,
        )


class GraphTransport:
    """One aiohttp session for many calls at once."""

    def __init__(self, connections: int = 256) -> None:
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, limit_per_host=0, keepalive_timeout=IDLE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=TOTAL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS),
        )

    async def post(self, base_url: str, path: str, token: str, body: dict[str, Any]) -> GraphAnswer:
        """Post JSON. Raises aiohttp.ClientError and TimeoutError."""
        headers = {**_authorize(token), "Content-Type": "application/json"}
        async with self.session.post(
            f"{base_url}/{settings.META_GRAPH_VERSION}/{path}",
            params=build_proof(base_url, token),
            data=orjson.dumps(body),
            headers=headers,
            allow_redirects=False,
        ) as answer:
            return _read_answer(answer.status, answer.headers, await answer.read())

    async def close(self) -> None:
        await self.session.close()


def ask_graph(
    method: str,
    base_url: str,
    path: str,
    token: str,
    parameters: Mapping[str, str],
    version: str | None = None,
) -> dict[str, Any]:
    """Call the Graph once, blocking. Raises Refusal with the error's code, and Away. An empty `version` names none."""
    if not is_token(token):
        raise Refusal("The access token is malformed.", "190")
    values = {**parameters, **build_proof(base_url, token)}
    version = settings.META_GRAPH_VERSION if version is None else version
    url = "/".join(part for part in (base_url, version, path) if part)
    # Errors of requests name the whole address, which may have a token in it, so no more than their type is told.
    try:
        response = requests.request(
            method,
            url,
            params=values if method != "POST" else None,
            data=values if method == "POST" else None,
            headers=_authorize(token),
            timeout=(CONNECT_SECONDS, TOTAL_SECONDS),
            allow_redirects=False,
        )
        answer = _read_answer(response.status_code, response.headers, response.content)
    except (requests.RequestException, ValueError) as failure:
        raise Away(f"Meta could not be reached ({type(failure).__name__}).") from None
    error = answer.error
    if error is None and answer.status == 200 and answer.values:
        return answer.values
    if error is None or answer.status >= 500 or error.code in RATE_LIMITS | TEMPORARY or error.is_transient:
        raise Away(f"Meta answered {answer.status}: {describe_answer(answer.text)}")
    # "Malformed access token …" repeats the token, and what is said here is shown and logged.
    raise Refusal(error.message.replace(token, "…")[:300], error.name)


def find_base_url(platform: str, account: str, channel: str) -> str:
    """Where the account's calls go: Instagram's own host for an Instagram account without a Facebook page."""
    is_instagram_login = platform == INSTAGRAM and account == channel
    return settings.META_INSTAGRAM_BASE_URL if is_instagram_login else settings.META_GRAPH_BASE_URL


def is_token(token: str) -> bool:
    """Whether it can stand in a header."""
    return bool(TOKEN.fullmatch(token))


def _authorize(token: str) -> dict[str, str]:
    # Not in the address, which proxies and logs keep.
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def build_proof(base_url: str, token: str) -> dict[str, str]:
    """Proves that the call is our server's: https://developers.facebook.com/docs/graph-api/guides/secure-requests"""
    # Tokens of the app itself hold the secret anyway; Instagram's own host is given no proof, because the secret of
    # Instagram Login is another one.
    if not settings.META_APP_SECRET or "|" in token or base_url != settings.META_GRAPH_BASE_URL:
        return {}
    proof = hmac.new(settings.META_APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
    return {"appsecret_proof": proof}


def _read_answer(status: int, headers: Mapping[str, str], content: bytes) -> GraphAnswer:
    try:
        values = load_object(content)
    except ValueError:
        values = {}
    return GraphAnswer(status, headers, content[:2000].decode("utf-8", "replace"), values)


def read_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, at most an hour; None where Meta does not say."""
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return min(float(text), MOST_WAIT_SECONDS)
    # https://developers.facebook.com/docs/graph-api/overview/rate-limiting#headers: minutes, by business or page
    try:
        usage = orjson.loads(headers.get("X-Business-Use-Case-Usage", ""))
        minutes = max(each["estimated_time_to_regain_access"] for entries in usage.values() for each in entries)
        return min(float(minutes) * 60, MOST_WAIT_SECONDS) if minutes > 0 else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def describe_answer(text: str) -> str:
    """The beginning of an unexpected answer, for the log, without ids and tokens."""
    return re.sub(r"[\w-]{20,}|\d{3,}", "…", " ".join(text.split())[:150])
