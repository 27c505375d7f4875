"""The one table: what was measured, the limit of the same run, their ratio, and what it should be."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`measured` and `limit` in the same unit. `aim` is for their ratio, the others for the measured value."""

    name: str
    measured: float
    limit_name: str
    limit: float
    aim: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        return self.measured / self.limit

    @property
    def verdict(self) -> str:
        if self.aim is not None:
            return f"{'yes' if self.ratio >= self.aim else 'NO'}, {self.aim:.2f} of the limit"
        if self.at_least is not None:
            return f"{'yes' if self.measured >= self.at_least else 'NO'}, {self.at_least:,.0f}"
        if self.at_most is not None:
            return f"{'yes' if self.measured <= self.at_most else 'NO'}, at most {_figure(self.at_most)}"
        return ""


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def printed(lines: Iterable[Line]) -> str:
    rows = [("", "measured", "limit", "", "ratio", "reached?")]
    rows += [
        (line.name, _figure(line.measured), _figure(line.limit), line.limit_name, f"{line.ratio:.2f}", line.verdict)
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
