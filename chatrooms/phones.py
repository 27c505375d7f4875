"""Phone numbers in one form: E.164, judged by what is possible and not by what is assigned."""

import phonenumbers
from django.utils.translation import gettext as _


class ImpossibleNumber(ValueError):
    """What was given can't be a phone number."""

    def __init__(self, given: str):
        words = _("“%(given)s” isn't a valid phone number. Include the country code, for example +14155550123.")
        super().__init__(words % {"given": given})


class AreaCodeMissing(ImpossibleNumber):
    """It can be dialed by neighbors only."""

    def __init__(self, given: str):
        words = _("“%(given)s” has no area code. Enter the whole number, for example +14155550123.")
        ValueError.__init__(self, words % {"given": given})


def normalize_phone(given: str, country: str) -> str:
    """E.164 of a whole number as a person types it. Raises ImpossibleNumber and AreaCodeMissing.

    `country` (ISO 3166, two letters) is for numbers without a plus.
    """
    try:
        number = phonenumbers.parse(given, country)
    except phonenumbers.NumberParseException:
        raise ImpossibleNumber(given) from None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise AreaCodeMissing(given)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ImpossibleNumber(given)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
