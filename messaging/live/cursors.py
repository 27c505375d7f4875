"""Cursors: a reader's last event of each chatroom, as one opaque text.

Numbers follow commits within a chatroom and nowhere else, so one number for all chatrooms would lose events.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

VERSION = "1"
OLDEST_SECONDS = 24 * 3600
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class BadCursor(ValueError):
    def __init__(self) -> None:
        super().__init__(_("Invalid cursor."))


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position that was given out at `made_at` (seconds since 1970)."""

    made_at: int
    seen: Mapping[str, int]  # short name of a chatroom -> number of its last event seen

    @property
    def too_old(self) -> bool:
        return time.time() - self.made_at > OLDEST_SECONDS


def current_cursor() -> Cursor:
    """The cursor of a reader who has seen everything."""
    # Made in the future, so that unknown chatrooms begin at their newest event even where clocks differ.
    return Cursor(int(time.time()) + 3600, {})


def shorten_id(chatroom_id: str) -> str:
    """The last 12 of an id's 36 characters, which are random: unique enough among one person's chatrooms."""
    return chatroom_id[-12:]


def format_part(chatroom_id: str, seq: int) -> str:
    return f"{shorten_id(chatroom_id)}.{_base36(seq)}"


def write_cursor(parts: Mapping[str, str]) -> str:
    return f"{VERSION}-{_base36(int(time.time()))}-{'-'.join(parts.values())}"


def parse_cursor(text: str) -> Cursor:
    """Raises BadCursor."""
    if not isinstance(text, str) or not text.isascii() or len(text) > 100_000:
        raise BadCursor
    version, *parts = text.split("-")
    if version != VERSION or not parts:
        raise BadCursor
    try:
        made_at = int(parts[0], 36)
        numbers = {}
        for part in parts[1:]:
            if part:
                name, seq = part.split(".")
                numbers[name] = int(seq, 36)
    except ValueError:
        raise BadCursor from None
    if made_at > time.time() + 2 * 3600:
        raise BadCursor
    return Cursor(made_at, numbers)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"
