"""Keeps what lets somebody in out of every log: links of mails, API keys, and tokens in the query of an address.

Servers have loggers and handlers of their own, so the records themselves are redacted, when they are made.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
SLASH = r"(?:/|%2F)"
SECRETS = [
    # The links of invitations and password resets, also where they stand in a query.
    (re.compile(rf"({SLASH}(?:invitation|password{SLASH}reset){SLASH})[^\s\"'?&<>]+", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"([?&][\w-]*(?:token|password|secret|key|code)=)[^\s\"'&#<>]+", re.IGNORECASE), rf"\1{REDACTED}"),
    # The same by their shape: what django.core.signing signs, Django's reset tokens, and API keys. Each begins where a
    # word does: tried from every letter, a long address of a stranger's took half a minute, and nothing else ran.
    (re.compile(r"(?<![\w-])[\w-]{8,}(?::|%3A)[\w-]{6}(?::|%3A)[\w-]{27,}"), REDACTED),
    (re.compile(r"\b[0-9a-z]{6}-[0-9a-f]{32}\b"), REDACTED),
    (re.compile(r"\bmhk_[\w-]+"), REDACTED),
]


def redact(text: str) -> str:
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


def install() -> None:
    """From now on every record of every logger in this process is redacted."""
    make_record = logging.getLogRecordFactory()

    def make_redacted_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        record.msg = _redact_value(record.msg)
        if isinstance(record.args, Mapping):
            record.args = {name: _redact_value(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(_redact_value(value) for value in record.args)
        return record

    logging.setLogRecordFactory(make_redacted_record)


def _redact_value(value: Any) -> Any:
    """The value itself where its text holds no secret: formats such as %d need it as it is."""
    if isinstance(value, int | float | None):
        return value
    text = str(value)
    redacted = redact(text)
    return value if redacted == text else redacted


class RedactingFormatter(logging.Formatter):
    """Redacts the traceback too, which a record holds as an exception."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
