"""Reading single values of Meta's JSON, none of which can be relied on."""

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

MOST_DEPTH = 64  # Meta's own events have about ten levels
SURROGATES = re.compile("[\ud800-\udfff]")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS_BELOW = 10**12  # as milliseconds a day in 2001, before Facebook
# Before Facebook. A moment in the year 1 is none in every time zone, and a page that shows it would break.
EARLIEST = datetime(2004, 1, 1, tzinfo=UTC)
LONGEST_URL = 2000  # characters; those of Meta's files have some hundreds


def load_object(body: bytes) -> dict[str, Any]:
    """A JSON object without NUL, lone surrogates and infinite numbers, none of which PostgreSQL stores.

    Raises ValueError for anything else, and for more than 64 levels.
    """
    try:
        value = json.loads(body.decode("utf-8", "replace"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply.") from None
    if not isinstance(value, dict):
        raise ValueError("JSON that is no object.")
    return _clean(value, MOST_DEPTH)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON.")


def _clean(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else SURROGATES.sub("\ufffd", value.replace("\0", ""))
    if not levels:
        raise ValueError("JSON that is nested too deeply.")
    if isinstance(value, dict):
        return {_clean(name, levels - 1): _clean(item, levels - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, levels - 1) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def dump_compact(value: Any, *, sort_keys: bool = False) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys).encode()


def read_object(value: Any, name: str) -> dict[str, Any]:
    """The object of this name, empty where there is none."""
    item = value.get(name) if isinstance(value, dict) else None
    return item if isinstance(item, dict) else {}


def read_text(value: Any, name: str, most: int | None = None) -> str:
    """The text or whole number of this name as text of at most so many characters, empty where there is none."""
    item = value.get(name) if isinstance(value, dict) else None
    if isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool)):
        return str(item)[:most]
    return ""


def read_url(value: Any, *names: str) -> str:
    """The first of these that is an address of the web, or nothing."""
    for name in names:
        url = read_text(value, name).strip()
        if url.lower().startswith(("https://", "http://")) and len(url) <= LONGEST_URL:
            return url
    return ""


def read_time(value: Any, received_at: datetime) -> datetime:
    """A moment in milliseconds; also in seconds or ISO 8601, which have been seen too.

    2004 at least; `received_at` where it is missing, unreadable or in the future.
    """
    try:
        if isinstance(value, str) and not value.strip().isdigit():
            moment = datetime.fromisoformat(value.strip())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        elif isinstance(value, str | int | float) and not isinstance(value, bool) and float(value) > 0:
            number = float(value) if isinstance(value, float) else int(value)
            moment = EPOCH + timedelta(milliseconds=number * 1000 if number < SECONDS_BELOW else number)
        else:
            return received_at
        return min(max(moment, EARLIEST), received_at)
    except (ValueError, OverflowError):
        return received_at
