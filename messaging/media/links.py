"""How a message refers to an upload, and the address that providers get for it: signed, and good for some hours."""

import re
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.utils.text import slugify

from messagehub.media_types import ENDINGS
from messaging.models import UPLOAD_SCHEME, Upload

# A provider may keep a message for ten hours before it gives up, and fetches files when it sends:
# https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource (ValidityPeriod)
LINK_HOURS = 12
REFERENCE = re.compile(rf"{UPLOAD_SCHEME}([0-9a-f-]{{36}})/([a-z0-9._-]{{1,80}})")
SIGNER = signing.TimestampSigner(salt="messaging.media", sep="~")


def build_reference(upload: Upload) -> str:
    """What stands for the upload in `Message.media_urls`: it never expires, and opens nothing by itself."""
    return f"{UPLOAD_SCHEME}{upload.pk}/{build_file_name(upload)}"


def build_file_name(upload: Upload) -> str:
    """In plain letters, and with the ending of what the file is, whatever it was called."""
    stem = slugify(upload.name.rpartition(".")[0] or upload.name)[:60].strip("-_")
    return f"{stem or 'file'}.{ENDINGS[upload.content_type]}"


def build_addresses(media: Iterable[Upload | str]) -> list[str]:
    """Uploads and addresses of files elsewhere as `media_urls` keeps them."""
    return [each if isinstance(each, str) else build_reference(each) for each in media]


def read_reference(address: str) -> UUID | None:
    """The upload that it refers to; None for a file elsewhere."""
    found = REFERENCE.fullmatch(address)
    return UUID(found[1]) if found else None


def read_id(text: object) -> UUID | None:
    """The id of an upload as clients write it; None for all else."""
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def list_elsewhere(addresses: Iterable[str]) -> list[str]:
    """Addresses of files that we do not store."""
    return [address for address in addresses if not is_reference(address)]


def is_reference(address: str) -> bool:
    return address.startswith(UPLOAD_SCHEME)


def sign_reference(address: str) -> str:
    """Where a provider fetches the upload from now on for LINK_HOURS; another address as it is."""
    if not (found := REFERENCE.fullmatch(address)):
        return address
    return f"{settings.PUBLIC_BASE_URL}/media/{SIGNER.sign(found[1])}/{found[2]}"


def read_signature(signed: str) -> UUID | None:
    """The upload that a link is for; None for one that has expired or that we did not make."""
    try:
        return UUID(SIGNER.unsign(signed, max_age=LINK_HOURS * 3600))
    except (signing.BadSignature, ValueError):
        return None
