"""Counting the segments of a text (https://www.twilio.com/docs/glossary/what-sms-character-limit)."""

# One character outside the alphabets of GSM 03.38 makes the whole text UCS-2, with less than half of the characters.

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
LONGEST_TEXT = 1600  # characters: https://www.twilio.com/docs/api/errors/21617
EXTENDED = "\f^{}\\[~]|€"  # each is sent with an escape before it, and so costs two
COST = {**dict.fromkeys(BASIC, 1), **dict.fromkeys(EXTENDED, 2)}


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
