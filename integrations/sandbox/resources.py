"""Rows as the JSON resources of Twilio's 2010-04-01 API, and its list envelope."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from integrations.sandbox.errors import TwilioError

API = "/2010-04-01/Accounts"
MAX_PAGE_SIZE = 1000
USUAL_PAGE_SIZE = 50


def http_date(seconds: float | None) -> str | None:
    return None if seconds is None else _whole_second(int(seconds))


@lru_cache(maxsize=64)  # many rows of one second are made at a time
def _whole_second(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def message(row: sqlite3.Row) -> dict[str, Any]:
    uri = f"{API}/{row['account_sid']}/Messages/{row['sid']}"
    return {
        "account_sid": row["account_sid"],
        "api_version": "2010-04-01",
        "body": row["body"],
        "date_created": http_date(row["date_created"]),
        "date_sent": http_date(row["date_sent"]),
        "date_updated": http_date(row["date_updated"]),
        "direction": row["direction"],
        "error_code": row["error_code"],
        "error_message": row["error_message"],
        "from": row["sender"],
        "messaging_service_sid": row["messaging_service_sid"],
        "num_media": str(row["num_media"]),
        "num_segments": str(row["num_segments"]),
        "price": None,
        "price_unit": None,
        "sid": row["sid"],
        "status": row["status"],
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": row["recipient"],
        "uri": f"{uri}.json",
    }


def media(row: sqlite3.Row, account_sid: str) -> dict[str, Any]:
    return {
        "account_sid": account_sid,
        "content_type": row["content_type"],
        "date_created": http_date(row["date_created"]),
        "date_updated": http_date(row["date_created"]),
        "parent_sid": row["message_sid"],
        "sid": row["sid"],
        "uri": f"{API}/{account_sid}/Messages/{row['message_sid']}/Media/{row['sid']}.json",
    }


def phone_number(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "sid": row["sid"],
        "account_sid": row["account_sid"],
        "api_version": "2010-04-01",
        "friendly_name": row["friendly_name"],
        "phone_number": row["phone"],
        "capabilities": {"voice": False, "sms": True, "mms": True, "fax": False},
        "date_created": http_date(row["date_created"]),
        "date_updated": http_date(row["date_updated"]),
        "sms_url": row["sms_url"],
        "sms_method": "POST",
        "sms_fallback_url": "",
        "sms_fallback_method": "POST",
        "status_callback": "",
        "status_callback_method": "POST",
        "origin": "twilio",
        "beta": False,
        "uri": f"{API}/{row['account_sid']}/IncomingPhoneNumbers/{row['sid']}.json",
    }


def account(row: sqlite3.Row, *, with_token: bool) -> dict[str, Any]:
    uri = f"{API}/{row['sid']}"
    return {
        "sid": row["sid"],
        "owner_account_sid": row["sid"],
        "auth_token": row["auth_token"] if with_token else None,
        "friendly_name": "Sandbox",
        "status": "active",
        "type": "Full",
        "date_created": http_date(row["date_created"]),
        "date_updated": http_date(row["date_created"]),
        "subresource_uris": {
            "messages": f"{uri}/Messages.json",
            "incoming_phone_numbers": f"{uri}/IncomingPhoneNumbers.json",
        },
        "uri": f"{uri}.json",
    }


@dataclass(frozen=True)
class Page:
    """Which rows of a list are asked for: `PageToken` names the last row already seen, else `Page` counts."""

    number: int
    size: int
    after: str | None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Page":
        number, size = query.get("Page", "0"), query.get("PageSize", str(USUAL_PAGE_SIZE))
        if not (number.isdecimal() and size.isdecimal() and int(size) > 0):
            raise TwilioError(20001, "Page and PageSize must be whole numbers.")
        token = query.get("PageToken")
        return cls(int(number), min(int(size), MAX_PAGE_SIZE), token.removeprefix("PA") if token else None)

    @property
    def offset(self) -> int:
        return 0 if self.after else self.number * self.size


def envelope(key: str, path: str, query: Mapping[str, str], page: Page, items: list[dict[str, Any]]) -> dict[str, Any]:
    """One page of a list; `items` holds one more than the page when there is a next one."""
    filters = {name: value for name, value in query.items() if name not in ("Page", "PageSize", "PageToken")}
    shown = items[: page.size]

    def uri(number: int, token: str | None = None) -> str:
        position = {"PageSize": page.size, "Page": number} | ({"PageToken": token} if token else {})
        return f"{path}?{urlencode(filters | position)}"

    start = page.number * page.size
    return {
        "first_page_uri": uri(0),
        "next_page_uri": uri(page.number + 1, f"PA{shown[-1]['sid']}") if len(items) > page.size else None,
        "previous_page_uri": uri(page.number - 1) if page.number else None,
        "page": page.number,
        "page_size": page.size,
        "start": start,
        "end": max(start, start + len(shown) - 1),
        "uri": uri(page.number, f"PA{page.after}" if page.after else None),
        key: shown,
    }


def date_range(text: str, *, name: str) -> tuple[float, float]:
    """The seconds that a `DateSent` filter covers: a whole day, or one second."""
    try:
        if len(text) == 10:
            day = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
            return day, day + 86_400
        moment = parsedate_to_datetime(text) if "," in text else datetime.fromisoformat(text)
    except ValueError:
        raise TwilioError(20001, f"{name} is not a date.") from None
    second = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    return second, second + 1
