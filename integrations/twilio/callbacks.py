"""Where Twilio reports on a message."""

from urllib.parse import parse_qs
from uuid import UUID

from django.conf import settings
from django.core import signing

CALLBACK_PARAMETER = "message"


def callback_url(message_id: UUID) -> str:
    """Where Twilio reports on this message: the only place on its side that can carry our id. Signed by us.

    The fragment asks Twilio for more than its single try (connect and read timeouts in ms, five retries on anything).
    """
    signed_id = signing.Signer(salt="twilio.callback", sep=".").sign(message_id.hex)
    address = f"{settings.PUBLIC_BASE_URL}/api/webhooks/twilio/status"
    return f"{address}?{CALLBACK_PARAMETER}={signed_id}#rc=5&rp=all&ct=3000&rt=5000"


def message_of_callback(query: str) -> UUID | None:
    """Our message that a callback's URL names, if we signed it and it names no other."""
    values = parse_qs(query).get(CALLBACK_PARAMETER, [])
    if len(values) != 1:
        return None
    (signed_id,) = values
    try:
        return UUID(signing.Signer(salt="twilio.callback", sep=".").unsign(signed_id))
    except (signing.BadSignature, ValueError):
        return None
