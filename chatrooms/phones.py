"""Phone numbers in one form: E.164, judged by what is possible and not by what is assigned."""

import re

import phonenumbers
from django.utils.translation import gettext as _

# Numbers that networks write in two forms. What a pattern keeps of a number is the same in both.
# Mexico dropped the 1 of mobile numbers in 2019, Argentina's 9 is for calls from abroad, and Brazil put a 9 before its
# mobile numbers by 2016.
FORMS = [
    (re.compile(r"\+521?(\d{10})"), ("+52{0}", "+521{0}")),
    (re.compile(r"\+549?(\d{10})"), ("+549{0}", "+54{0}")),
    (re.compile(r"\+55(\d{2})9?([6-9]\d{7})"), ("+55{0}9{1}", "+55{0}{1}")),
]


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
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == phonenumbers.ValidationResult.IS_POSSIBLE:
        return written
    if possible == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise AreaCodeMissing(given)
    for form in list_forms(written)[1:]:
        if phonenumbers.is_possible_number(phonenumbers.parse(form)):
            return form
    raise ImpossibleNumber(given)


def list_forms(phone: str) -> list[str]:
    """The number as it is given, and then as networks write it otherwise: all of them are one person's."""
    for pattern, forms in FORMS:
        if match := pattern.fullmatch(phone):
            return [phone, *(other for form in forms if (other := form.format(*match.groups())) != phone)]
    return [phone]
