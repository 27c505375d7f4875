"""Charts as SVG drawn by the server: paths stretch, words stay HTML, and a table tells readers the same."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

WIDTH, HEIGHT = 1000, 100  # of the drawing's own box
HEAT = 5  # steps above nothing


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one stack of bars, in a colour of the kit (`petrol`, `ochre`, `magenta`, `blue`, `green`).

    A line has a gap where a value is None.
    """

    name: str
    color: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """Series over the same labels. Values are zero or more."""

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    stacked: bool = False

    @cached_property
    def top(self) -> float:
        """The round number at the upper edge."""
        values = [[value or 0 for value in each.values] for each in self.series]
        columns = zip(*values, strict=True)
        most = max((sum(column) if self.stacked else max(column) for column in columns), default=0)
        if most <= 0:
            return 1
        step = 10 ** math.floor(math.log10(most))
        return next(step * factor for factor in (1, 2, 2.5, 5, 10) if step * factor >= most)

    @property
    def ticks(self) -> list[float]:
        """What stands beside the grid's lines, from above."""
        return [self.top, self.top / 2, 0]

    @property
    def few_labels(self) -> list[str]:
        """Seven at most, the first and the last among them."""
        every = max(1, math.ceil((len(self.labels) - 1) / 6))
        return [*self.labels[:-1:every], self.labels[-1]] if self.labels else []

    @property
    def lines(self) -> list[dict]:
        """Each series as the path of its line and of the area below it."""
        return [
            {"color": each.color, "line": path(each.values, self.top), "area": area(each.values, self.top)}
            for each in self.series
        ]

    @property
    def bars(self) -> list[dict]:
        """Each value as a rectangle, the series of a label on top of one another."""
        slot = WIDTH / max(1, len(self.labels))
        drawn = []
        for place in range(len(self.labels)):
            floor = float(HEIGHT)
            for each in self.series:
                height = (each.values[place] or 0) / self.top * HEIGHT
                floor -= height
                box = {"x": place * slot + slot * 0.18, "y": floor, "width": slot * 0.64, "height": height}
                drawn.append({"color": each.color} | {name: _short(value) for name, value in box.items()})
        return drawn

    @property
    def rows(self) -> list[tuple[str, list[float | None]]]:
        """The table: a label, and each series' value."""
        return [(label, [each.values[place] for each in self.series]) for place, label in enumerate(self.labels)]


def path(values: Sequence[float | None], top: float) -> str:
    """A line from the left edge to the right one. A value between gaps is a dot."""
    return "".join(f"M{'L'.join(points)}" + "h0" * (len(points) == 1) for points in _list_runs(values, top))


def area(values: Sequence[float | None], top: float) -> str:
    """What is between the line and the lower edge."""
    return "".join(
        f"M{'L'.join(points)}L{points[-1].split()[0]} {HEIGHT}L{points[0].split()[0]} {HEIGHT}Z"
        for points in _list_runs(values, top)
    )


def _list_runs(values: Sequence[float | None], top: float) -> list[list[str]]:
    """The points of each run of values without a gap."""
    step = WIDTH / max(1, len(values) - 1)
    runs: list[list[str]] = []
    before: float | None = None
    for place, value in enumerate(values):
        if value is not None:
            if before is None:
                runs.append([])
            runs[-1].append(f"{_short(place * step)} {_short(HEIGHT - value / top * HEIGHT)}")
        before = value
    return runs


def stack(parts: Sequence[tuple[str, str, float]]) -> list[dict]:
    """Parts of a whole, (name, colour, amount), side by side over the full width."""
    whole = sum(amount for _, _, amount in parts) or 1
    drawn, left = [], 0.0
    for name, color, amount in parts:
        width = amount / whole * WIDTH
        drawn.append({"name": name, "color": color, "amount": amount, "x": _short(left), "width": _short(width)})
        left += width
    return drawn


def heat(rows: Sequence[tuple[str, Sequence[float]]]) -> list[tuple[str, list[tuple[float, int]]]]:
    """Each value with its step from 0 (nothing) to 5 (the most of the table)."""
    most = max((value for _, values in rows for value in values), default=0) or 1
    return [(label, [(value, math.ceil(value / most * HEAT)) for value in values]) for label, values in rows]


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
