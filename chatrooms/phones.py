"""Phone numbers in E.164."""

import re

import phonenumbers
from django.utils.translation import gettext as _

from messagehub import sentences

# Numbers that networks write in two forms. A pattern's groups are the same in both.
# Mexico dropped the 1 of mobile numbers in 2019, Argentina's 9 is for calls from abroad, and Brazil put a 9 before its
# mobile numbers by 2016.
FORMS = [
    (re.compile(r"\+521?(\d{10})"), ("+52{0}", "+521{0}")),
    (re.compile(r"\+549?(\d{10})"), ("+549{0}", "+54{0}")),
    (re.compile(r"\+55(\d{2})9?([6-9]\d{7})"), ("+55{0}9{1}", "+55{0}{1}")),
]

# The same as `list_forms`, in any order, as an array in SQL.
FORMS_IN_SQL = r"""CASE
    WHEN {number} ~ '^\+521?\d{{10}}$' THEN ARRAY['+52' || right({number}, 10), '+521' || right({number}, 10)]
    WHEN {number} ~ '^\+549?\d{{10}}$' THEN ARRAY['+549' || right({number}, 10), '+54' || right({number}, 10)]
    WHEN {number} ~ '^\+55\d{{2}}9?[6-9]\d{{7}}$' THEN ARRAY[
        '+55' || substr({number}, 4, 2) || '9' || right({number}, 8),
        '+55' || substr({number}, 4, 2) || right({number}, 8)]
    ELSE ARRAY[{number}] END"""

COUNTRIES_WITH_FORMS = ("+52", "+54", "+55")


class ImpossibleNumber(ValueError):
    def __init__(self, text: str):
        words = _(sentences.INVALID_NUMBER)
        super().__init__(words % {"given": text})


class AreaCodeMissing(ImpossibleNumber):
    """The number can be dialed locally only."""

    def __init__(self, text: str):
        words = _(sentences.NO_AREA_CODE)
        ValueError.__init__(self, words % {"given": text})


def normalize_phone(text: str, country: str) -> str:
    """A number as a person types it, in E.164. Raises ImpossibleNumber and AreaCodeMissing.

    `country` (ISO 3166, two letters) is for numbers without a plus.
    """
    # Judged by what is possible, and not by the ranges that are assigned today.
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        raise ImpossibleNumber(text) from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    validity = phonenumbers.is_possible_number_with_reason(number)
    if validity == phonenumbers.ValidationResult.IS_POSSIBLE:
        return e164
    if validity == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise AreaCodeMissing(text)
    for form in list_forms(e164)[1:]:
        if phonenumbers.is_possible_number(phonenumbers.parse(form)):
            return form
    raise ImpossibleNumber(text)


def has_country_code(text: str) -> bool:
    """Whether the number that a person typed says its country itself."""
    try:
        phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return False
    return True


def is_assigned(phone: str) -> bool:
    """Whether its country has given out such numbers, as far as libphonenumber knows."""
    return phonenumbers.is_valid_number(phonenumbers.parse(phone))


def list_forms(phone: str) -> list[str]:
    """The number itself, and then its other forms, which reach the same person."""
    for pattern, forms in FORMS:
        if match := pattern.fullmatch(phone):
            return [phone, *(other_form for form in forms if (other_form := form.format(*match.groups())) != phone)]
    return [phone]
