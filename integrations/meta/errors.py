# ruff: noqa: E501  one line for each code
"""The meanings of the Graph API's error codes."""

from django.utils.translation import gettext_lazy as _

from integrations.meanings import BAD_NUMBER, CONFIGURATION, SUSPENDED, Meaning

_ADMIN = _("Ask an admin to fix it.")
_AGAIN = _("You can retry it.")
_LATER = _("Wait a while, then retry.")
_RECONNECT = _("Ask an admin to reconnect the page.")
_OTHERWISE = _("Reach them another way.")
_WINDOW = _("You can reply again once they write to you.")
_ATTACH = _("Attach it again, or another file.")
_OUTSIDE = Meaning(_("The customer's last message is too long ago for Meta to deliver a reply."), _WINDOW)
_UNAVAILABLE = Meaning(
    _("This person can't be reached: they blocked the page, or their account is closed."), _OTHERWISE
)

# "code" or "code/subcode", the more exact of which counts. https://developers.facebook.com/docs/messenger-platform/error-codes
# and https://developers.facebook.com/docs/graph-api/guides/error-handling
MEANINGS = {
    # The customer, or the moment.
    "10/2018278": _OUTSIDE,
    "10/2018065": _OUTSIDE,
    "10/2534022": _OUTSIDE,  # on Instagram
    "100/2018001": Meaning(_("Meta knows nobody under this contact's id."), _OTHERWISE, BAD_NUMBER),
    "100/2534014": Meaning(_("Instagram knows nobody under this contact's id."), _OTHERWISE, BAD_NUMBER),
    "551": _UNAVAILABLE,
    "551/1545041": _UNAVAILABLE,
    "200/1545041": _UNAVAILABLE,
    "10904": Meaning(_("This person has switched messages from businesses off."), _OTHERWISE),
    "10903": Meaning(_("This person can't be answered here."), _OTHERWISE),
    "230": Meaning(_("This person hasn't agreed yet to what we asked of Meta."), _WINDOW),
    "100/2018218": Meaning(_("This person has no profile at Meta."), _OTHERWISE),
    # The message.
    "100": Meaning(_("Meta didn't accept the message."), _("Change it and try again, or ask an admin if that doesn't help.")),
    "100/2018109": Meaning(_("The attachment is larger than Meta allows."), _("Attach a smaller one.")),
    "100/2018047": Meaning(_("Meta couldn't use the attachment."), _ATTACH),
    "100/2018008": Meaning(_("Meta couldn't fetch the attachment."), _ATTACH),
    "100/2018034": Meaning(_("The message was empty."), _("Write a message and try again.")),
    "text_and_media": Meaning(_("Messenger and Instagram take a text or one attachment at a time."), _("Send the text and each attachment by itself.")),
    # The page, or our app.
    "190": Meaning(_("Meta no longer accepts the page's access token."), _RECONNECT, SUSPENDED),
    "102": Meaning(_("Meta no longer accepts the page's access token."), _RECONNECT, SUSPENDED),
    "104": Meaning(_("Meta no longer accepts the page's access token."), _RECONNECT, SUSPENDED),
    "368": Meaning(_("Meta has blocked the page for a while, for breaking its rules."), _("Ask an admin to look at the page's Support Inbox."), SUSPENDED),
    "app_secret": Meaning(_("Meta doesn't accept our app's secret."), _ADMIN, SUSPENDED),
    "10": Meaning(_("Our app may not send for this page."), _ADMIN, CONFIGURATION),
    "3": Meaning(_("Our app may not send for this page."), _ADMIN, CONFIGURATION),
    "200": Meaning(_("The page has withdrawn a permission that sending needs."), _RECONNECT, CONFIGURATION),
    "200/2018028": Meaning(_("Until Meta has reviewed our app, it writes to people of the app's team only."), _ADMIN, CONFIGURATION),
    # Where the answer left open whether it was sent, and where it is held back for a while, in case one is shown.
    "1": Meaning(_("Meta had an internal error."), _AGAIN),
    "2": Meaning(_("Meta was not available."), _AGAIN),
    "1200": Meaning(_("Meta was not available."), _AGAIN),
    "4": Meaning(_("Our app has sent more than Meta allows."), _LATER),
    "17": Meaning(_("The account has sent more than Meta allows."), _LATER),
    "32": Meaning(_("The page has sent more than Meta allows."), _LATER),
    "341": Meaning(_("Our app has sent more than Meta allows."), _LATER),
    "613": Meaning(_("The page has sent more than Meta allows."), _LATER),
    "80001": Meaning(_("The page has sent more than Meta allows."), _LATER),
    "80002": Meaning(_("The Instagram account has sent more than Meta allows."), _LATER),
    "80006": Meaning(_("The page has sent more on Messenger than Meta allows."), _LATER),
}  # fmt: skip


def name_code(code: int, subcode: int) -> str:
    """A key of MEANINGS with the subcode where it has a meaning of its own, else the code."""
    exact = f"{code}/{subcode}"
    return exact if subcode and exact in MEANINGS else str(code)
