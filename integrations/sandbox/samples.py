"""A picture to send from a phone: drawn here, so that trying media needs no other host."""

import struct
import zlib
from functools import cache

WIDTH, HEIGHT = 640, 480


@cache
def picture() -> bytes:
    """A PNG of a board with a crack, more or less."""
    rows = b"".join(b"\0" + b"".join(_color(x, y) for x in range(WIDTH)) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _color(x: int, y: int) -> bytes:
    if not 190 < x < 450:
        return bytes((207, 196, 180)) if y < 340 else bytes((169, 149, 124))
    if abs(y - 210 - (x - 190) // 3 + 26 * ((x // 37) % 2)) < 4:
        return bytes((51, 34, 15))
    grain = (x * 7 + y // 9) % 13
    return bytes((166 + grain, 120 + grain, 73 + grain))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
