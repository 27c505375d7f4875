"""The one table: what was measured, the limit of the same run, their ratio, and what it should be."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`measured` and `limit` in the same unit. `aim` is for their ratio, `at_least` for the measured value itself."""

    name: str
    measured: float
    limit_name: str
    limit: float
    aim: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float:
        return self.measured / self.limit

    @property
    def verdict(self) -> str:
        if self.aim is not None:
            return f"{'yes' if self.ratio >= self.aim else 'NO'}, {self.aim:.2f} of the limit"
        if self.at_least is not None:
            return f"{'yes' if self.measured >= self.at_least else 'NO'}, {self.at_least:,.0f}"
        return ""


def printed(lines: Iterable[Line]) -> str:
    rows = [("", "measured", "limit", "", "ratio", "reached?")]
    rows += [
        (line.name, f"{line.measured:,.0f}", f"{line.limit:,.0f}", line.limit_name, f"{line.ratio:.2f}", line.verdict)
        for line in lines
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(6)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in (1, 2, 4) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
