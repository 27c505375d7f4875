"""Error codes in words for staff: what happened and what to do."""

from django.utils.translation import gettext_lazy as _

from integrations import providers
from integrations.meanings import Meaning

_AGAIN = _("You can retry it.")
OUR_MEANINGS = {
    "not_sent": Meaning(_("The message never reached the provider and wasn't sent."), _AGAIN),
    "ambiguous": Meaning(
        _("Several of the provider's messages match this one."), _("Check the provider's log and choose.")
    ),
    "unexplained": Meaning(
        _("Something that was written elsewhere at the same moment may be this message."),
        _("Compare them and choose."),
    ),
}  # fmt: skip
UNKNOWN = Meaning(_("It was not delivered."), _AGAIN)


def explain_code(code: str) -> Meaning:
    """The code's meaning. Unknown codes mean that the message was not delivered."""
    return OUR_MEANINGS.get(code) or providers.find_meaning(code) or UNKNOWN


def describe_failure(code: str, provider_text: str = "") -> str:
    """The code in at most 300 characters; in the provider's own words where the code is unknown."""
    if provider_text and explain_code(code) is UNKNOWN:
        return provider_text[:300]
    return str(explain_code(code))[:300]
