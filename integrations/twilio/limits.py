"""Twilio's address and limits."""

API = "https://api.twilio.com"
MOST_MEDIA = 10
LONGEST_TEXT = 1600  # characters: https://www.twilio.com/docs/api/errors/21617
TOTAL_SECONDS = 10

# Pictures are fitted to the phone, other files are passed on as they are:
# https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource and
# https://www.twilio.com/docs/messaging/guides/accepted-mime-types
MOST_MEDIA_BYTES = 5 * 1024 * 1024  # of a message: https://www.twilio.com/docs/api/errors/11751
OTHER_BYTES = 500 * 1024
MEDIA_BYTES = dict.fromkeys(("image/jpeg", "image/png", "image/gif"), MOST_MEDIA_BYTES) | dict.fromkeys(
    (
        "application/pdf", "text/vcard", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg", "video/3gpp", "video/mp4",
        "video/quicktime", "video/webm",
    ),
    OTHER_BYTES,
)  # fmt: skip
