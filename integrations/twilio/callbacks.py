"""URLs of status callbacks, which carry the message's id."""

from urllib.parse import parse_qs
from uuid import UUID

from django.conf import settings
from django.core import signing

CALLBACK_PARAMETER = "message"


def callback_url(message_id: UUID) -> str:
    """The URL to which Twilio reports on this message, with the message's signed id."""
    # A message at Twilio has no field for an id of ours. Through the URL a report finds its message even when the
    # answer to the send was lost, or comes later than the report.
    # The fragment raises Twilio's single retry, on failed connections only, to five retries on anything, with timeouts
    # in ms: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
    signed_id = signing.Signer(salt="twilio.callback", sep=".").sign(message_id.hex)
    address = f"{settings.PUBLIC_BASE_URL}/api/webhooks/twilio/status"
    return f"{address}?{CALLBACK_PARAMETER}={signed_id}#rc=5&rp=all&ct=3000&rt=5000"


def message_of_callback(query: str) -> UUID | None:
    """The id in a callback's query, or None unless it is there once and signed by us."""
    values = parse_qs(query).get(CALLBACK_PARAMETER, [])
    if len(values) != 1:
        return None
    (signed_id,) = values
    try:
        return UUID(signing.Signer(salt="twilio.callback", sep=".").unsign(signed_id))
    except (signing.BadSignature, ValueError):
        return None
