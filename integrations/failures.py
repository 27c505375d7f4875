"""Error codes in words for staff: what happened and what to do."""

from django.utils.translation import gettext_lazy as _

from integrations.meanings import Meaning
from integrations.meta import errors as meta_errors
from integrations.twilio import errors

_AGAIN = _("You can retry it.")
MEANINGS = {
    **errors.MEANINGS,
    **meta_errors.MEANINGS,  # their codes are other ones
    "not_sent": Meaning(_("The message never reached Twilio and wasn't sent."), _AGAIN),
    "ambiguous": Meaning(
        _("Several Twilio messages match this one."), _("Check the Twilio log and choose.")
    ),
}  # fmt: skip
UNKNOWN = Meaning(_("It was not delivered."), _AGAIN)


def explain_code(code: str) -> Meaning:
    """The code's meaning. Unknown codes mean that the message was not delivered."""
    return MEANINGS.get(code, UNKNOWN)


def describe_failure(code: str, provider_text: str = "") -> str:
    """The code in at most 300 characters; in the provider's own words where the code is unknown."""
    if code not in MEANINGS and provider_text:
        return provider_text[:300]
    return str(explain_code(code))[:300]
