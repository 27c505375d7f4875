"""Faults that wait in a queue: each is used up by message creates that would otherwise be accepted."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.sandbox.errors import Refused

# kind: the options it takes beside `count` and those of its provider's SCOPES, with their usual values.
KINDS: dict[str, dict[str, float]] = {
    "ok": {},
    # the message is accepted, its answer does not arrive whole
    "accept_then_hang": {"seconds": 35},
    "accept_then_reset": {},
    "accept_then_500": {},
    "slow": {"seconds": 2},
    "truncated_json": {},
    "no_sid": {},
    "foreign_account": {},
    # the message is refused
    "400": {"code": 21211},
    "401": {},
    "429": {"retry_after": 0},
    "500": {},
    "502": {},
    "503": {},
    "504": {},
    "html": {},
    # the message is accepted, its status callbacks go astray
    "duplicate_callbacks": {"copies": 2},
    "reorder_callbacks": {},
    "delay_callbacks": {"seconds": 5},
    "no_callbacks": {},
    "callback_before_response": {},
}

# The same for Meta. Any other number is an error code of the Graph, with the options of GRAPH_CODE.
GRAPH_KINDS: dict[str, dict[str, float]] = {
    "ok": {},
    # the message is accepted, its answer does not arrive whole; with `reported` 0 its echo and its reports neither
    "accept_then_hang": {"seconds": 35, "reported": 1},
    "accept_then_reset": {"reported": 1},
    "accept_then_500": {"reported": 1},
    "slow": {"seconds": 2},
    "truncated_json": {"reported": 1},
    "no_id": {"reported": 1},
    "foreign_recipient": {"reported": 1},
    # the message is refused
    "400": {"code": 100, "subcode": 0},
    "401": {},
    "429": {"retry_after": 0, "regain_minutes": 1},
    "500": {},
    "502": {},
    "503": {},
    "504": {},
    "html": {},
    # the message is accepted, its echo and its reports go astray
    "duplicate_callbacks": {"copies": 2},
    "reorder_callbacks": {},
    "delay_callbacks": {"seconds": 5},
    "no_callbacks": {},
    "callback_before_response": {},
}
GRAPH_CODE: dict[str, float] = {"subcode": 0, "retry_after": 0, "regain_minutes": 1}  # retry_after in seconds

CATALOGS = {"twilio": KINDS, "meta": GRAPH_KINDS}
SCOPES = {"twilio": ("account_sid", "to"), "meta": ("page_id", "to")}

FAILED_AT_ONCE = (30001, 30002)  # never left Twilio, so never `sent`


@dataclass(frozen=True)
class Fault:
    kind: str
    options: Mapping[str, float] = field(default_factory=dict)
    provider: str = "twilio"

    def option(self, name: str) -> float:
        value = self.find_option(name)
        if value is None:
            raise KeyError(name)
        return value

    def find_option(self, name: str) -> float | None:
        """None for an option that the kind does not have."""
        usual = find_options(self.provider, self.kind) or {}
        return self.options.get(name, usual.get(name))

    @property
    def code(self) -> int | None:
        """The error code that a create is refused with, or that its delivery fails with."""
        if self.kind == "400":
            return int(self.option("code"))
        return int(self.kind) if is_error_code(self.kind) else None

    @property
    def refusal(self) -> int | None:
        if self.kind == "401":
            return 20003
        if self.kind == "429":
            return 20429
        return self.code if self.code is not None and self.code < 30000 else None

    @property
    def delivery_failure(self) -> int | None:
        return self.code if self.code is not None and self.code >= 30000 else None


@dataclass(frozen=True)
class Step:
    """A status that a message reaches after `after_ms`, told to its callback or not."""

    status: str
    after_ms: float
    error_code: int | None = None
    reported: bool = True


def is_error_code(kind: str) -> bool:
    return len(kind) == 5 and kind.isascii() and kind.isdigit() and kind >= "20000"


def steps(fault: Fault | None, sent_after_ms: float, delivered_after_ms: float) -> list[Step]:
    """The states that an accepted message will go through."""
    fault = fault or Fault("ok")
    kind, failure = fault.kind, fault.delivery_failure
    if failure in FAILED_AT_ONCE:
        return [Step("failed", sent_after_ms, failure)]
    final = Step("undelivered", delivered_after_ms, failure) if failure else Step("delivered", delivered_after_ms)
    if kind == "callback_before_response":
        return [Step("sent", 0), Step(final.status, 0)]
    if kind == "reorder_callbacks":
        return [Step(final.status, sent_after_ms), Step("sent", delivered_after_ms)]
    if kind == "delay_callbacks":
        delay_ms = fault.option("seconds") * 1000
        return [
            Step("sent", sent_after_ms + delay_ms),
            Step(final.status, delivered_after_ms + delay_ms),
        ]
    if kind == "no_callbacks":
        return [
            Step("sent", sent_after_ms, reported=False),
            Step(final.status, delivered_after_ms, reported=False),
        ]
    copies = int(fault.option("copies")) if kind == "duplicate_callbacks" else 1
    return [Step("sent", sent_after_ms)] * copies + [final] * copies


def add(db: sqlite3.Connection, payload: Mapping[str, Any]) -> None:
    """Queue what `{"provider": "twilio", "kind": ..., "count": ...}` asks for."""
    provider, kind = payload.get("provider", "twilio"), str(payload.get("kind", ""))
    if provider not in CATALOGS:
        raise Refused(400, f"Faults exist for the providers {' and '.join(CATALOGS)} only.")
    usual_options = find_options(provider, kind)
    if usual_options is None:
        kinds = ", ".join(CATALOGS[provider])
        raise Refused(400, f"There is no fault of the kind {kind!r}; there are {kinds} and the provider's error codes.")
    count = payload.get("count", 1)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 1_000_000:
        raise Refused(400, "count must be a whole number from 1 to 1000000.")
    options = {name: value for name, value in payload.items() if name not in ("provider", "kind", "count")}
    for name, value in options.items():
        if name in SCOPES[provider] and isinstance(value, str):
            continue
        if name not in usual_options:
            raise Refused(400, f"The fault {kind} has no option {name!r}.")
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 10_000_000:
            raise Refused(400, f"{name} must be a number from 0 to 10000000.")
    if provider == "twilio" and "code" in options and not 20000 <= options["code"] < 30000:
        raise Refused(400, "code must be one of Twilio's error codes from 20000 to 29999.")
    db.execute(
        "INSERT INTO faults (kind, remaining, options) VALUES (?, ?, ?)",
        (kind, count, json.dumps({"provider": provider, **options})),
    )


def find_options(provider: str, kind: str) -> Mapping[str, float] | None:
    """The options of a kind with their usual values; None where the provider has no such kind."""
    if kind in CATALOGS[provider]:
        return CATALOGS[provider][kind]
    if provider == "twilio":
        return {} if is_error_code(kind) else None
    return GRAPH_CODE if kind.isascii() and kind.isdigit() and kind[0] != "0" and len(kind) < 8 else None


def left(db: sqlite3.Connection) -> list[dict[str, Any]]:
    rows = db.execute("SELECT kind, remaining, options FROM faults ORDER BY id")
    return [
        {
            "provider": "twilio",  # of rows that are older than Meta's side
            "kind": row["kind"],
            "count": row["remaining"],
            **json.loads(row["options"]),
        }
        for row in rows
    ]


def clear(db: sqlite3.Connection, *, provider: str = "") -> None:
    """Forget the faults of one provider, or of all."""
    if not provider:
        db.execute("DELETE FROM faults")
    else:
        db.execute("DELETE FROM faults WHERE coalesce(options ->> 'provider', 'twilio') = ?", (provider,))


def take(db: sqlite3.Connection, provider: str, **scope: str) -> Fault | None:
    """Use up the oldest fault of the provider that is meant for this scope, such as an account and a recipient."""
    for row in db.execute("SELECT id, kind, remaining, options FROM faults ORDER BY id").fetchall():
        options = json.loads(row["options"])
        if options.pop("provider", "twilio") != provider:
            continue
        if any(options.pop(name, value) != value for name, value in scope.items()):
            continue
        if row["remaining"] > 1:
            db.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (row["id"],))
        else:
            db.execute("DELETE FROM faults WHERE id = ?", (row["id"],))
        return Fault(row["kind"], options, provider)
    return None


def is_shut_out(db: sqlite3.Connection, account_sid: str) -> bool:
    """Whether sends of this account are refused as unauthenticated at present: then its other requests are too."""
    for row in db.execute("SELECT kind, options FROM faults ORDER BY id").fetchall():
        options = json.loads(row["options"])
        if options.get("provider", "twilio") != "twilio" or "to" in options:
            continue
        if options.get("account_sid", account_sid) == account_sid:
            return Fault(row["kind"], options).refusal == 20003
    return False


def is_token_refused(db: sqlite3.Connection, page_id: str) -> bool:
    """The same for Meta: whether the next send of this page is refused for its token."""
    for row in db.execute("SELECT kind, options FROM faults ORDER BY id").fetchall():
        options = json.loads(row["options"])
        if options.get("provider") == "meta" and "to" not in options and options.get("page_id", page_id) == page_id:
            return row["kind"] in ("401", "190")
    return False
