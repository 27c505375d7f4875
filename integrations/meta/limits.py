"""Meta's limits and hosts."""

from datetime import timedelta

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
# By platform and kind of attachment: the largest size in bytes, and the endings of names that are accepted (all where
# there is none).
MEDIA = {
    MESSENGER: {
        "image": (8 * MB, ("jpg", "jpeg", "png", "gif", "webp")),
        "audio": (25 * MB, ("aac", "m4a", "mp3", "mp4", "ogg", "wav")),
        "video": (25 * MB, ("mp4", "mov", "avi", "ogg", "webm")),
        "file": (25 * MB, ()),
    },
    INSTAGRAM: {
        "image": (8 * MB, ("jpg", "jpeg", "png", "gif")),
        "audio": (25 * MB, ("aac", "m4a", "wav", "mp4")),
        "video": (25 * MB, ("mp4", "ogg", "avi", "mov", "webm")),
        "file": (25 * MB, ("pdf",)),
    },
}

# Where Meta keeps files. What a share names elsewhere is a page to open, such as a post.
FILE_HOSTS = (".fbcdn.net", ".fbsbx.com", ".cdninstagram.com")


def fits_text(platform: str, text: str) -> bool:
    """Whether the platform takes a text of this length."""
    if platform in MOST_TEXT_BYTES:
        return len(text.encode()) <= MOST_TEXT_BYTES[platform]
    return len(text) <= MOST_CHARACTERS.get(platform, len(text))
