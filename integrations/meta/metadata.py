"""The signed id of a message in the metadata that we send along, which Meta repeats in the message's echo."""

from uuid import UUID

from django.core import signing

# A signature that was made for Twilio's callbacks does not count here, and the other way round.
SALT = "meta.metadata"


def build_metadata(message_id: UUID) -> str:
    """80 characters; Meta allows 1,000."""
    # https://developers.facebook.com/docs/messenger-platform/reference/send-api#message
    return signing.Signer(salt=SALT, sep=".").sign(message_id.hex)


def message_of_metadata(metadata: str) -> UUID | None:
    """The id of our message; None where the metadata is another app's."""
    try:
        return UUID(signing.Signer(salt=SALT, sep=".").unsign(metadata))
    except (signing.BadSignature, ValueError):
        return None
