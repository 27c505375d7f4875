"""Listing an account's messages and numbers at Twilio."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import requests
from django.conf import settings
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from integrations.events import (
    InboundMessage,
    Listed,
    Media,
)
from integrations.refusals import Away, Refusal
from integrations.twilio.limits import API, MOST_MEDIA, TOTAL_SECONDS
from integrations.twilio.parsing import STATUS, read_body, read_count

# Twilio's largest page: https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
MOST_LISTED = 1000


def sent_messages(account: str, secret: str, from_address: str, to_address: str, since: datetime) -> list[Listed]:
    """Messages between two numbers, created since then, oldest first. Raises Refusal and Away."""
    # Twilio filters by the time of sending, which a queued message does not have yet, and not by the time of creation.
    # So all are listed, newest first, and older ones are left out here.
    with _answers():
        resources = _waiting(account, secret).messages.list(from_=from_address, to=to_address, limit=MOST_LISTED)
    return sorted(
        (
            _listed(resource)
            for resource in resources
            if str(resource.direction) != "inbound" and resource.date_created >= since
        ),
        key=lambda resource: resource.created_at,
    )


def all_sent(account: str, secret: str, since: datetime) -> Iterator[Listed]:
    """Outbound messages of the account, created since then, newest first. Raises Refusal and Away."""
    with _answers():
        for resource in _waiting(account, secret).messages.stream(page_size=MOST_LISTED):
            if resource.date_created < since:
                return
            if str(resource.direction) != "inbound":
                yield _listed(resource)


def one_sent(account: str, secret: str, provider_id: str) -> Listed:
    """One outbound message. Raises Refusal and Away."""
    with _answers():
        return _listed(_waiting(account, secret).messages(provider_id).fetch())


def _listed(resource) -> Listed:
    return Listed(
        resource.sid,
        resource.body or "",
        STATUS.get(str(resource.status), "accepted"),
        str(resource.error_code or ""),
        resource.date_created,
        read_count(resource.num_segments, 1),
        resource.from_ or "",
    )


def received_messages(account: str, secret: str, to_address: str, since: datetime) -> list[InboundMessage]:
    """Inbound messages to a number, created since then, oldest first. Raises Refusal and Away."""
    client, messages = _waiting(account, secret), []
    with _answers():
        for resource in client.messages.stream(to=to_address, page_size=MOST_LISTED):
            if resource.date_created < since:
                break
            if str(resource.direction) == "inbound" and ":" not in f"{resource.from_}{resource.to}":
                messages.append(_received(client, account, resource))
    return messages[::-1]


def _received(client: Client, account: str, resource) -> InboundMessage:
    media: tuple[Media, ...] = ()
    if str(resource.num_media or "0") != "0":
        media = tuple(
            Media(f"{API}{item.uri.removesuffix('.json')}", (item.content_type or "")[:100])
            for item in client.messages(resource.sid).media.list(limit=MOST_MEDIA)
        )
    return InboundMessage(
        account=account,
        provider_id=resource.sid[:200],
        from_address=(resource.from_ or "").strip()[:32],
        to_address=(resource.to or "").strip()[:32],
        body=read_body((resource.body or "").replace("\0", "")),
        occurred_at=resource.date_created,
        segments=read_count(resource.num_segments, 1),
        media=media,
    )


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number of an account, with the URL that Twilio sends its messages to."""

    sid: str
    phone: str
    name: str
    webhook: str


class _Waiting(TwilioHttpClient):
    """The SDK's blocking client, with the API's address from the settings."""

    def request(self, method, url, *args, **kwargs):
        return super().request(method, settings.TWILIO_API_BASE_URL + url.removeprefix(API), *args, **kwargs)


def webhook_url() -> str:
    return f"{settings.PUBLIC_BASE_URL}/api/webhooks/twilio/messages"


def numbers(account: str, secret: str, phone: str = "") -> list[OwnNumber]:
    """The account's numbers, or those that match `phone`. Raises Refusal and Away."""
    with _answers():
        resources = _waiting(account, secret).incoming_phone_numbers.list(**({"phone_number": phone} if phone else {}))
    return [
        OwnNumber(resource.sid, resource.phone_number, resource.friendly_name, resource.sms_url or "")
        for resource in resources
    ]


def route_here(account: str, secret: str, number_sid: str) -> None:
    """Set the number's webhook to ours. Raises Refusal and Away."""
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
