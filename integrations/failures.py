"""What an error code means, in words for staff: what happened and what to do."""

from django.utils.translation import gettext_lazy as _

from integrations.meanings import Meaning
from integrations.twilio import errors

_AGAIN = _("You can retry it.")
MEANINGS = {
    **errors.MEANINGS,
    "not_sent": Meaning(_("The message never reached Twilio and wasn't sent."), _AGAIN),
    "ambiguous": Meaning(
        _("Several Twilio messages match this one."), _("Check the Twilio log and choose.")
    ),
}  # fmt: skip
UNKNOWN = Meaning(_("It was not delivered."), _AGAIN)


def explain_code(code: str) -> Meaning:
    """What the code says; for one that is not known, that it was not delivered."""
    return MEANINGS.get(code, UNKNOWN)


def describe_failure(code: str, provider_text: str = "") -> str:
    """The code in words, at most 300 characters; the provider's own where we have none."""
    if code not in MEANINGS and provider_text:
        return provider_text[:300]
    return str(explain_code(code))[:300]
