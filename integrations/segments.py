"""Counting the segments of a text (https://www.twilio.com/docs/glossary/what-sms-character-limit)."""

import unicodedata

# One character outside the alphabets of GSM 03.38 makes the whole text UCS-2, with less than half of the characters.

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
LONGEST_TEXT = 1600  # characters: https://www.twilio.com/docs/api/errors/21617
EXTENDED = "\f^{}\\[~]|€"  # each is sent with an escape before it, and so costs two
COST = {**dict.fromkeys(BASIC, 1), **dict.fromkeys(EXTENDED, 2)}
# What word processors and phones put in by themselves: its plain form, and what people call it.
PLAIN = {
    "\u2018": ("'", "curly quote"),
    "\u2019": ("'", "curly quote"),
    "\u201a": ("'", "low quote"),
    "\u201c": ('"', "curly double quote"),
    "\u201d": ('"', "curly double quote"),
    "\u201e": ('"', "low double quote"),
    "\u00ab": ('"', "angle quote"),
    "\u00bb": ('"', "angle quote"),
    "`": ("'", "backtick"),
    "\u00b4": ("'", "acute accent"),
    "\u2010": ("-", "hyphen"),
    "\u2011": ("-", "non-breaking hyphen"),
    "\u2013": ("-", "en dash"),
    "\u2014": ("-", "em dash"),
    "\u2212": ("-", "minus sign"),
    "\u2022": ("-", "bullet"),
    "\u2026": ("...", "ellipsis"),
    "\u00d7": ("x", "multiplication sign"),
    "\t": (" ", "tab"),
    "\u00a0": (" ", "non-breaking space"),
    "\u2009": (" ", "thin space"),
    "\u202f": (" ", "narrow non-breaking space"),
    "\u200b": ("", "zero-width space"),
    "\ufeff": ("", "byte order mark"),
}
LATIN_ACCENTS = range(0x300, 0x370)  # combining marks: https://www.unicode.org/charts/PDF/U0300.pdf


def count_segments(text: str) -> int:
    """Segments of a text; 0 for an empty one. An escaped character or a surrogate pair is never cut in two."""
    gsm = all(character in COST for character in text)
    costs = [COST[c] for c in text] if gsm else [2 if ord(c) > 0xFFFF else 1 for c in text]
    # Parts of a longer text have a header of six bytes by which the phone joins them.
    single, part = (160, 153) if gsm else (70, 67)
    if sum(costs) <= single:
        return 1 if text else 0
    segments, units = 1, 0
    for cost in costs:
        if units + cost > part:
            segments, units = segments + 1, 0
        units += cost
    return segments


def find_unicode_characters(text: str) -> list[str]:
    """The characters that make a text UCS-2, each once, in the text's order."""
    return [character for character in dict.fromkeys(text) if character not in COST]


def describe_character(character: str) -> str:
    """Its name and code point: “curly quote (U+2019)”."""
    name = PLAIN[character][1] if character in PLAIN else unicodedata.name(character, "character").lower()
    return f"{name} (U+{ord(character):04X})"


def find_plain_form(character: str) -> str | None:
    """What says the same within the SMS alphabet, empty for what nobody sees; None where nothing does."""
    if character in COST:
        return character
    if character in PLAIN:
        return PLAIN[character][0]
    composed = unicodedata.normalize("NFC", character)
    if composed in COST:
        return composed
    letters = [part for part in unicodedata.normalize("NFD", character) if ord(part) not in LATIN_ACCENTS]
    return "".join(letters) if all(letter in COST for letter in letters) else None


def simplify_text(text: str) -> str:
    """The text with every plain form there is. An accent that follows its letter is joined to it first."""
    plain_forms = [(character, find_plain_form(character)) for character in unicodedata.normalize("NFC", text)]
    return "".join(character if plain is None else plain for character, plain in plain_forms)
