"""Type and size of a picture, read from its first bytes, and which files browsers show or play."""

import struct

MOST_PIXELS = 60_000_000
SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp")
SOUNDS = (
    "audio/aac", "audio/m4a", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm", "audio/x-m4a",
    "audio/x-wav",
)  # fmt: skip
FILMS = ("video/mp4", "video/ogg", "video/quicktime", "video/webm")


def picture_size(content: bytes) -> tuple[str, int, int] | None:
    """(type, width, height) of a picture that is shown, by its own first bytes; None for anything else."""
    found = _png(content) or _gif(content) or _webp(content) or _jpeg(content)
    return found if found and 0 < found[1] * found[2] <= MOST_PIXELS else None


def _png(content: bytes) -> tuple[str, int, int] | None:
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        return None
    return "image/png", *struct.unpack(">II", content[16:24])


def _gif(content: bytes) -> tuple[str, int, int] | None:
    if content[:6] not in (b"GIF87a", b"GIF89a") or len(content) < 10:
        return None
    return "image/gif", *struct.unpack("<HH", content[6:10])


def _webp(content: bytes) -> tuple[str, int, int] | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return None
    kind = content[12:16]
    if kind == b"VP8X":
        return (
            "image/webp",
            int.from_bytes(content[24:27], "little") + 1,
            int.from_bytes(content[27:30], "little") + 1,
        )
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return "image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return "image/webp", width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(content: bytes) -> tuple[str, int, int] | None:
    if content[:3] != b"\xff\xd8\xff":
        return None
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return "image/jpeg", width, height
        if length < 2:
            return None
        at += 2 + length
    return None
