# ruff: noqa: E501  one line for each code
"""The meanings of Twilio's error codes."""

from django.utils.translation import gettext_lazy as _

from integrations.meanings import (
    BACKLOG,
    BAD_NUMBER,
    CONFIGURATION,
    FILTERED,
    OPTED_OUT,
    SUSPENDED,
    Meaning,
)

_NUMBER = _("Correct the contact's phone number.")
_ADMIN = _("Ask an admin to fix it.")
_AGAIN = _("You can retry it.")
_SHORTEN = _("Shorten it and try again.")
_REACH = _("Reach them another way, or retry later.")

# Each code has a page at https://www.twilio.com/docs/api/errors/<code>, and all are listed at
# https://www.twilio.com/docs/api/errors. The kind (BAD_NUMBER, OPTED_OUT, CONFIGURATION and so on) says what else
# follows from it; see `messaging.sending.delivery` and `delivery_reports`.
MEANINGS = {
    # In the answer to the send: Twilio took nothing.
    "21211": Meaning(_("The phone number is not valid."), _NUMBER, BAD_NUMBER),
    "21217": Meaning(_("The phone number is not valid."), _NUMBER),
    "21401": Meaning(_("The phone number is not valid."), _NUMBER),
    "21604": Meaning(_("There is no phone number to send to."), _NUMBER),
    "21614": Meaning(_("This number can't receive text messages."), _NUMBER, BAD_NUMBER),
    "21612": Meaning(_("Our number can't reach this one."), _("Use another sender number.")),
    "21610": Meaning(_("The recipient opted out of messages from this number."), _("They can opt in again by texting START."), OPTED_OUT),
    "21408": Meaning(_("Our Twilio account may not send to this country."), _("Ask an admin to enable it in Twilio."), CONFIGURATION),
    "21606": Meaning(_("This Twilio account can't send from our number."), _ADMIN, CONFIGURATION),
    "21601": Meaning(_("Our number can't send text messages."), _ADMIN, CONFIGURATION),
    "21608": Meaning(_("A Twilio trial account sends to verified numbers only."), _ADMIN, CONFIGURATION),
    "21703": Meaning(_("The messaging service has no number to send from."), _ADMIN, CONFIGURATION),
    "21704": Meaning(_("The messaging service has no number to send from."), _ADMIN, CONFIGURATION),
    "21705": Meaning(_("The messaging service isn't configured correctly."), _ADMIN, CONFIGURATION),
    "21712": Meaning(_("The messaging service isn't configured correctly."), _ADMIN, CONFIGURATION),
    "21602": Meaning(_("The message was empty."), _("Write a message and try again.")),
    "21603": Meaning(_("The message has no number to send from."), _ADMIN),
    "21617": Meaning(_("The message was longer than 1,600 characters."), _SHORTEN),
    "21620": Meaning(_("Twilio couldn't fetch the attachment."), _("Attach it again.")),
    "21623": Meaning(_("Twilio couldn't fetch the attachment."), _("Attach it again.")),
    "14107": Meaning(_("Too many messages were sent to this number within 30 seconds."), _("Wait a moment, then retry.")),
    "unreachable": Meaning(_("Twilio couldn't be reached after several attempts. Nothing was sent."), _AGAIN),
    # In a status callback: Twilio took the message, and bills it. Only 30001 never left Twilio's queue.
    "30001": Meaning(_("Twilio's queue was full, so the message wasn't sent."), _AGAIN, BACKLOG),
    "30002": Meaning(_("The Twilio account is suspended."), _ADMIN, SUSPENDED),
    "30003": Meaning(_("The phone is switched off or out of reach."), _REACH),
    "30004": Meaning(_("The recipient or their carrier has blocked this number."), _("Contact them another way before you message them again.")),
    "30005": Meaning(_("The number is unknown or no longer in use."), _NUMBER),
    "30006": Meaning(_("This is a landline, or a carrier that doesn't support text messages."), _("Reach them another way.")),
    "30007": Meaning(_("The carrier filtered the message as spam."), _("Reword it with fewer links and no capitals, then retry."), FILTERED),
    "30008": Meaning(_("The carrier gave no reason."), _AGAIN),
    "30017": Meaning(_("The carrier's network was overloaded."), _AGAIN),
    "30022": Meaning(_("Our number has reached its registered sending limit."), _ADMIN, CONFIGURATION),
    "30023": Meaning(_("Our number has reached its daily limit with this carrier."), _("Retry tomorrow."), CONFIGURATION),
    "30027": Meaning(_("Our number has reached its daily limit with this carrier."), _("Retry tomorrow."), CONFIGURATION),
    "30032": Meaning(_("Our toll-free number is not verified."), _ADMIN, CONFIGURATION),
    "30034": Meaning(_("Our number is not registered for messages to the US."), _ADMIN, CONFIGURATION),
    "30410": Meaning(_("The carrier didn't respond in time."), _AGAIN),
    "63038": Meaning(_("The Twilio account has reached its daily limit."), _("Retry tomorrow."), CONFIGURATION),
}  # fmt: skip
