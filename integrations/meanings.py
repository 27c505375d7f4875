"""The vocabulary in which providers' error codes are explained to staff."""

from dataclasses import dataclass

from django.utils.functional import Promise

# What a code says beyond the message that it came with.
MESSAGE, OPTED_OUT, BAD_NUMBER, CONFIGURATION, SUSPENDED, FILTERED, BACKLOG = (
    "message", "opted_out", "bad_number", "configuration", "suspended", "filtered", "backlog"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meaning:
    """`text` is what happened, `fix` what to do about it; `kind` what it says beyond this message."""

    text: str | Promise
    fix: str | Promise = ""
    kind: str = MESSAGE

    def __str__(self) -> str:
        return f"{self.text} {self.fix}".strip()
