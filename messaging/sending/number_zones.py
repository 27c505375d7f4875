"""Time zones that a phone number may be in, by its prefix.

phonenumbers finds a number's type in each region of its country code, then once more, and compiles patterns for it. The
same rules are asked here with patterns that are compiled once: a campaign asks for a hundred thousand numbers while
somebody waits. A test compares the two.
"""

import re
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc, PhoneNumberType
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# Types that say nothing about where the person is, in the order in which phonenumbers asks, before fixed and mobile
# ones. It lists a toll-free number with every time zone of its country code, 42 for +1, so that nearly every hour is
# quiet in one of them.
WITHOUT_PLACE = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")


@dataclass(frozen=True, slots=True)
class Region:
    """What numbers of a region look like behind the country code."""

    leading: re.Pattern | None  # where it says alone that a number is of this region
    general: re.Pattern
    without_place: re.Pattern
    geographical: re.Pattern
    of_the_country: re.Pattern  # mobile numbers whose prefix says no more than the country


@dataclass(frozen=True, slots=True)
class Country:
    """A country code, and the regions that share it in the order in which they are asked."""

    code: str
    rewritten: re.Pattern  # begins in a way that parsing may change
    regions: tuple[Region, ...]


def list_zones(phone: str) -> tuple[ZoneInfo, ...]:
    """Time zones that a number may be in, by its prefix. Empty for a number without a place."""
    country = _find_country(phone)
    national_number = phone[1 + len(country.code) :] if country else ""
    if country is None or country.rewritten.match(national_number):
        try:
            number = phonenumbers.parse(phone)
        except phonenumbers.NumberParseException:
            return ()
        country = _read_country(str(number.country_code))
        national_number = phonenumbers.national_significant_number(number)
    return _find_in_country(country, national_number) if country else ()


def _find_country(phone: str) -> Country | None:
    if E164.fullmatch(phone):
        for length in (1, 2, 3):  # no country code begins as another does
            if country := _read_country(phone[1 : 1 + length]):
                return country
    return None


def _find_in_country(country: Country, national_number: str) -> tuple[ZoneInfo, ...]:
    for region in country.regions:
        if region.leading and not region.leading.match(national_number):
            continue
        if region.general.fullmatch(national_number):
            if region.without_place.fullmatch(national_number):
                return ()
            if region.geographical.fullmatch(national_number):
                return _find_zones(f"{country.code}{national_number}")
            if region.of_the_country.fullmatch(national_number):
                return _find_zones(country.code)
        if region.leading:
            return ()
    return ()


def _find_zones(digits: str) -> tuple[ZoneInfo, ...]:
    """By the longest prefix that is known."""
    for length in range(TIMEZONE_LONGEST_PREFIX, 0, -1):
        if names := TIMEZONE_DATA.get(digits[:length]):
            return _build_zones(names)
    return ()


@cache
def _build_zones(names: tuple[str, ...]) -> tuple[ZoneInfo, ...]:
    return tuple(ZoneInfo(name) for name in names if name != "Etc/Unknown")


@cache
def _read_country(code: str) -> Country | None:
    names = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    found = [metadata for name in names if (metadata := PhoneMetadata.metadata_for_region(name, None))]
    if not found:
        return None
    # The first one's prefix is what parsing takes off.
    return Country(
        code,
        re.compile(f"0|{found[0].national_prefix_for_parsing or '0'}"),
        tuple(_read_region(metadata, code, is_alone=len(names) == 1) for metadata in found),
    )


def _read_region(metadata: PhoneMetadata, code: str, *, is_alone: bool) -> Region:
    is_mobile_placed = phonenumbers.is_number_type_geographical(PhoneNumberType.MOBILE, int(code))
    return Region(
        re.compile(metadata.leading_digits) if metadata.leading_digits and not is_alone else None,
        _join([metadata.general_desc]),
        _join([getattr(metadata, name) for name in WITHOUT_PLACE]),
        _join([metadata.fixed_line, metadata.mobile] if is_mobile_placed else [metadata.fixed_line]),
        _join([] if is_mobile_placed else [metadata.mobile]),
    )


def _join(descriptions: list[PhoneNumberDesc | None]) -> re.Pattern:
    """What fits one of them, in a length that it may have."""
    parts = ["(?!)"]  # fits nothing
    for each in descriptions:
        if each is not None and each.national_number_pattern:
            lengths = "|".join(f"[0-9]{{{length}}}" for length in each.possible_length if length > 0)
            parts.append((rf"(?=(?:{lengths})\Z)" if lengths else "") + f"(?:{each.national_number_pattern})")
    return re.compile("|".join(parts))
