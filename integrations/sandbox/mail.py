"""The mails that the application has written to files instead of sending them."""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

SHOWN = 100
RULE = b"-" * 79  # what Django's file backend writes after each mail


@dataclass(frozen=True)
class Mail:
    subject: str
    sender: str
    to: str
    date: datetime | None
    body: str


def read_mails(folder: Path) -> list[Mail]:
    """The newest mails of the folder, newest first."""
    files = sorted(folder.glob("*.log"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    mails: list[Mail] = []
    for file in files:
        mails.extend(reversed(list(_mails_in(file))))
        if len(mails) >= SHOWN:
            break
    return mails[:SHOWN]


def _mails_in(file: Path) -> Iterator[Mail]:
    lines: list[bytes] = []
    for line in file.read_bytes().splitlines():
        if line == RULE:
            yield _parse(b"\n".join(lines))
            lines = []
        else:
            lines.append(line)


def _parse(raw: bytes) -> Mail:
    message: EmailMessage = email.message_from_bytes(raw, policy=email.policy.default)
    date = message["Date"]
    part = message.get_body(preferencelist=("plain", "html"))
    return Mail(
        subject=str(message["Subject"] or ""),
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        date=date.datetime if date else None,
        body=part.get_content().strip() if part else "",
    )
