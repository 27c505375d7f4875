"""Where a reader of the live feed stands: the last event seen of each chatroom, as one opaque text.

Only a position per chatroom is safe: numbers are commit-ordered within a room and nowhere else.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

VERSION = "1"
OLDEST_SECONDS = 24 * 3600
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class BadCursor(ValueError):
    """A text that no feed of ours gave out."""

    def __init__(self) -> None:
        super().__init__("Invalid cursor.")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position that was given out at `made_at` (seconds since 1970)."""

    made_at: int
    seen: Mapping[str, int]  # short name of a chatroom -> number of its last event seen

    @property
    def too_old(self) -> bool:
        return time.time() - self.made_at > OLDEST_SECONDS


def current_cursor() -> Cursor:
    """The position of somebody who has seen everything."""
    return Cursor(int(time.time()) + 3600, {})


def shorten_id(chatroom_id: str) -> str:
    """The part of a chatroom's id that a cursor carries: its random end, enough among one person's rooms."""
    return chatroom_id[-12:]


def format_part(chatroom_id: str, seq: int) -> str:
    return f"{shorten_id(chatroom_id)}.{_base36(seq)}"


def write_cursor(parts: Mapping[str, str]) -> str:
    """A cursor from the `part` of each chatroom."""
    return f"{VERSION}-{_base36(int(time.time()))}-{'-'.join(parts.values())}"


def parse_cursor(text: str) -> Cursor:
    """Raises BadCursor."""
    if not isinstance(text, str) or not text.isascii() or len(text) > 100_000:
        raise BadCursor
    version, *rest = text.split("-")
    if version != VERSION or not rest:
        raise BadCursor
    try:
        made_at = int(rest[0], 36)
        seen = {}
        for each in rest[1:]:
            if each:
                name, seq = each.split(".")
                seen[name] = int(seq, 36)
    except ValueError:
        raise BadCursor from None
    if made_at > time.time() + 2 * 3600:
        raise BadCursor
    return Cursor(made_at, seen)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"
