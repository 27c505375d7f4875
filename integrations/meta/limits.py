"""Meta's limits and hosts."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache

TOTAL_SECONDS = 10
CONNECT_SECONDS = 3
MESSENGER, INSTAGRAM = "MESSENGER", "INSTAGRAM"

# A message is a text or one attachment, never both:
# https://developers.facebook.com/docs/messenger-platform/reference/send-api#message
MOST_MEDIA = 1
TEXT_AND_MEDIA = False
# Messenger counts characters (https://developers.facebook.com/docs/messenger-platform/reference/send-api#message),
# Instagram the bytes of UTF-8
# (https://developers.facebook.com/docs/messenger-platform/instagram/features/send-message).
MOST_CHARACTERS = {MESSENGER: 2000}
MOST_TEXT_BYTES = {INSTAGRAM: 1000}

# After the customer's last message:
# https://developers.facebook.com/docs/messenger-platform/policy/policy-overview#standard_messaging
WINDOW = timedelta(hours=24)
# For a person's answer, where Meta approved the app's Human Agent permission.
HUMAN_AGENT_WINDOW = timedelta(days=7)
HUMAN_AGENT = "HUMAN_AGENT"

MB = 1024 * 1024
# https://developers.facebook.com/docs/messenger-platform/reference/attachment-upload-api and
# https://developers.facebook.com/docs/messenger-platform/instagram/features/attachment-upload
# By platform and kind of attachment: the largest size in bytes, and the types that are accepted.
PICTURES = ("image/jpeg", "image/png", "image/gif")
FILMS = ("video/mp4", "video/ogg", "video/quicktime", "video/webm", "video/x-msvideo")
MOST_MEDIA_BYTES = 25 * MB
MEDIA = {
    MESSENGER: {
        "image": (8 * MB, (*PICTURES, "image/webp")),
        "audio": (25 * MB, ("audio/aac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav")),
        "video": (25 * MB, FILMS),
        "file": (25 * MB, ("application/pdf", "text/vcard", "audio/amr", "video/3gpp")),
    },
    INSTAGRAM: {
        "image": (8 * MB, PICTURES),
        "audio": (25 * MB, ("audio/aac", "audio/mp4", "audio/wav")),
        "video": (25 * MB, FILMS),
        "file": (25 * MB, ("application/pdf",)),
    },
}

# Where Meta keeps files. What a share names elsewhere is a page to open, such as a post.
FILE_HOSTS = (".fbcdn.net", ".fbsbx.com", ".cdninstagram.com")


def fits_text(platform: str, text: str) -> bool:
    """Whether the platform takes a text of this length."""
    if platform in MOST_TEXT_BYTES:
        return len(text.encode()) <= MOST_TEXT_BYTES[platform]
    return len(text) <= MOST_CHARACTERS.get(platform, len(text))


@cache
def list_media_bytes(platform: str) -> Mapping[str, int]:
    """The largest file of each content type that the platform takes."""
    return {content_type: most for most, types in MEDIA[platform].values() for content_type in types}


def find_kind_of_type(platform: str, content_type: str) -> str:
    """As what the platform takes a file of this type: image, audio, video or file; empty where it takes none."""
    return next((kind for kind, (_, types) in MEDIA.get(platform, {}).items() if content_type in types), "")
