"""Files to send from a phone or a chat window: drawn here, so that trying media needs no other host."""

import io
import math
import struct
import wave
import zlib
from collections.abc import Callable
from colorsys import hls_to_rgb
from functools import cache, lru_cache

Color = Callable[[int, int], bytes]

RATE = 8000  # samples a second


@cache
def picture() -> bytes:
    """A PNG of a board with a crack, more or less."""
    return _draw(640, 480, _board)


@cache
def sticker() -> bytes:
    """A heart on a transparent ground."""
    return _draw(240, 240, _heart, depth=4)


@cache
def story() -> bytes:
    """An evening by the water, upright as stories are."""
    return _draw(360, 640, _evening)


@lru_cache(maxsize=256)
def face(name: str) -> bytes:
    """Head and shoulders in a color that stays with the name."""
    hue = zlib.crc32(name.encode()) % 360 / 360
    ground, figure = _hue(hue, 0.78, 0.42), _hue(hue, 0.36, 0.38)

    def color(x: int, y: int) -> bytes:
        head = (x - 80) ** 2 + (y - 62) ** 2 < 30**2
        shoulders = ((x - 80) / 54) ** 2 + ((y - 160) / 58) ** 2 < 1
        return figure if head or shoulders else ground

    return _draw(160, 160, color)


@cache
def voice() -> bytes:
    """Two seconds that rise and fall like a question."""
    file, tones = io.BytesIO(), bytearray()
    for place in range(2 * RATE):
        second = place / RATE
        loudness = 9000 * math.sin(math.pi * second / 2) * (0.6 + 0.4 * math.sin(2 * math.pi * 4 * second))
        pitch = 180 * second + 25 * second**2
        tones += struct.pack("<h", int(loudness * math.sin(2 * math.pi * pitch)))
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(bytes(tones))
    return file.getvalue()


@cache
def document() -> bytes:
    """A page of one line, as PDF."""
    line = b"BT /F1 24 Tf 72 740 Td (Order 1042: one oak shelf) Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(line), line),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 6\n0000000000 65535 f \n"
    return body + head + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)


def _board(x: int, y: int) -> bytes:
    if not 190 < x < 450:
        return bytes((207, 196, 180)) if y < 340 else bytes((169, 149, 124))
    if abs(y - 210 - (x - 190) // 3 + 26 * ((x // 37) % 2)) < 4:
        return bytes((51, 34, 15))
    grain = (x * 7 + y // 9) % 13
    return bytes((166 + grain, 120 + grain, 73 + grain))


def _heart(x: int, y: int) -> bytes:
    across, up = (x - 120) / 84, (112 - y) / 84
    inside = (across**2 + up**2 - 1) ** 3 - across**2 * up**3
    if inside > 0:
        return bytes(4)
    shine = max(0, int(60 - 90 * math.hypot(across + 0.45, up - 0.5)))
    return bytes((226 + shine // 3, 54 + shine, 92 + shine, 255))


def _evening(x: int, y: int) -> bytes:
    if (x - 180) ** 2 + (y - 300) ** 2 < 70**2 and y < 380:
        return bytes((255, 236, 190))
    if y >= 380:
        glint = 40 if abs(x - 180) < 60 - (y - 380) // 6 and (y // 7) % 2 else 0
        return bytes((46 + glint, 58 + glint, 92 + glint // 2))
    return bytes((150 + y // 4, 92 + y // 5, 130 - y // 6))


def _hue(hue: float, lightness: float, saturation: float) -> bytes:
    return bytes(int(255 * part) for part in hls_to_rgb(hue, lightness, saturation))


def _draw(width: int, height: int, color: Color, depth: int = 3) -> bytes:
    """A PNG of RGB, or of RGBA where `depth` is 4."""
    rows = b"".join(b"\0" + b"".join(color(x, y) for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if depth == 3 else 6, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
