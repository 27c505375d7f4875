"""How many SMS segments a text is billed as."""

GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENSION = frozenset("\f^{}\\[~]|€")


def count_segments(text: str) -> int:
    """GSM-7 holds 160 units alone and 153 a part, UCS-2 70 and 67; no character is split between parts."""
    if all(character in GSM_7 or character in GSM_7_EXTENSION for character in text):
        units = [2 if character in GSM_7_EXTENSION else 1 for character in text]
        alone, part = 160, 153
    else:
        units = [2 if ord(character) > 0xFFFF else 1 for character in text]
        alone, part = 70, 67
    if sum(units) <= alone:
        return 1
    segments, used = 1, 0
    for unit in units:
        if used + unit > part:
            segments, used = segments + 1, 0
        used += unit
    return segments
