"""A short video, written bit by bit: H.264 whose blocks are all uncompressed (I_PCM), in an MP4.

ITU-T H.264 (08/2021), 7.3; ISO/IEC 14496-12 and 14496-15.
"""

import re
import struct
from functools import cache

BLOCKS_WIDE, BLOCKS_HIGH = 10, 7  # blocks of 16 by 16 pixels
WIDTH, HEIGHT = 16 * BLOCKS_WIDE, 16 * BLOCKS_HIGH
FRAMES, RATE = 20, 10  # frames, frames a second
I_PCM, I_SLICES = 25, 7
UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


class Bits:
    def __init__(self) -> None:
        self._bits = ""

    def fixed(self, value: int, width: int) -> "Bits":
        self._bits += f"{value:0{width}b}"
        return self

    def golomb(self, *values: int) -> "Bits":
        """Exponential Golomb codes, which hold most numbers of the format."""
        for value in values:
            self._bits += "0" * ((value + 1).bit_length() - 1) + f"{value + 1:b}"
        return self

    def aligned(self) -> bytes:
        padded = self._bits + "0" * (-len(self._bits) % 8)
        return int(padded, 2).to_bytes(len(padded) // 8, "big") if padded else b""

    def ended(self) -> bytes:
        return self.fixed(1, 1).aligned()


@cache
def clip() -> bytes:
    """Two seconds of a ball that rolls along a shelf."""
    frames = [_unit(0x65, _picture(number)) for number in range(FRAMES)]
    samples = [struct.pack(">I", len(frame)) + frame for frame in frames]
    kind = _box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
    start = len(kind) + len(_movie(samples, 0)) + 8
    return kind + _movie(samples, start) + _box(b"mdat", b"".join(samples))


def _unit(header: int, payload: bytes) -> bytes:
    """A unit of the stream, without the byte sequences that would look like the start of one."""
    return bytes([header]) + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", payload)


def _sequence() -> bytes:
    bits = Bits().fixed(66, 8).fixed(0, 8).fixed(30, 8)  # baseline profile, level 3
    bits.golomb(0, 0, 2, 0).fixed(0, 1)  # order of output is order of decoding
    bits.golomb(BLOCKS_WIDE - 1, BLOCKS_HIGH - 1).fixed(0b1100, 4)  # whole frames, no cropping
    return _unit(0x67, bits.ended())


def _parameters() -> bytes:
    return _unit(0x68, Bits().golomb(0, 0).fixed(0, 2).golomb(0, 0, 0).fixed(0, 3).golomb(0, 0, 0).fixed(0, 3).ended())


def _picture(number: int) -> bytes:
    head = Bits().golomb(0, I_SLICES, 0).fixed(0, 4).golomb(number % 2).fixed(0, 2).golomb(0)
    pieces = [head.golomb(I_PCM).aligned()]
    for place in range(BLOCKS_WIDE * BLOCKS_HIGH):
        row, column = divmod(place, BLOCKS_WIDE)
        if place:
            pieces.append(Bits().golomb(I_PCM).aligned())
        pieces += _block(number, 16 * column, 16 * row)
    return b"".join(pieces) + Bits().ended()


def _block(number: int, left: int, top: int) -> list[bytes]:
    """Brightness of 16 by 16 pixels, then two color differences of 8 by 8."""
    bright = bytes(_color(number, left + x, top + y)[0] for y in range(16) for x in range(16))
    colors = [_color(number, left + x, top + y) for y in range(0, 16, 2) for x in range(0, 16, 2)]
    return [bright, bytes(color[1] for color in colors), bytes(color[2] for color in colors)]


def _color(number: int, x: int, y: int) -> tuple[int, int, int]:
    if (x - 14 - 7 * number) ** 2 + (y - 62) ** 2 < 196:
        return (112, 104, 190)
    if 76 <= y < 86:
        return (120 + (x // 3 + y) % 9, 104, 150)
    return (205 - y // 2, 122, 132)


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + name + body


def _movie(samples: list[bytes], start: int) -> bytes:
    length = FRAMES * 1000 // RATE
    times = struct.pack(">IIII", 0, 0, 1000, length)
    head = _box(b"mvhd", bytes(4), times, struct.pack(">IH10x", 0x10000, 0x100), UNITY, bytes(24), struct.pack(">I", 2))
    size = struct.pack(">II", WIDTH << 16, HEIGHT << 16)
    track = _box(b"tkhd", struct.pack(">I", 3), struct.pack(">IIIII", 0, 0, 1, 0, length), bytes(16), UNITY, size)
    handler = _box(b"hdlr", bytes(8), b"vide", bytes(12), b"video\0")
    media = _box(b"mdia", _box(b"mdhd", bytes(4), times, b"\x55\xc4\0\0"), handler, _information(samples, start))
    return _box(b"moov", head, _box(b"trak", track, media))


def _information(samples: list[bytes], start: int) -> bytes:
    references = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1), _box(b"url ", struct.pack(">I", 1))))
    tables = (
        _box(b"stsd", struct.pack(">II", 0, 1), _entry()),
        _box(b"stts", struct.pack(">IIII", 0, 1, len(samples), 1000 // RATE)),
        _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, len(samples), 1)),
        _box(b"stsz", struct.pack(f">III{len(samples)}I", 0, 0, len(samples), *map(len, samples))),
        _box(b"stco", struct.pack(">III", 0, 1, start)),
    )
    return _box(b"minf", _box(b"vmhd", struct.pack(">I8x", 1)), references, _box(b"stbl", *tables))


def _entry() -> bytes:
    sequence, parameters = _sequence(), _parameters()
    setup = b"\1" + sequence[1:4] + b"\xff\xe1" + struct.pack(">H", len(sequence)) + sequence
    setup += b"\1" + struct.pack(">H", len(parameters)) + parameters
    shape = struct.pack(">6xH16xHHIIIH32xHh", 1, WIDTH, HEIGHT, 0x480000, 0x480000, 0, 1, 24, -1)
    return _box(b"avc1", shape, _box(b"avcC", setup))
