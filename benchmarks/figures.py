"""The figures of a benchmark run: their medians, targets, table and file.

Input: samples, one for each run; each is a ratio of two things measured in the same run, or an absolute number.
Output: a table, `results.json`, and whether every target was reached.
"""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

#: Runs of each figure, where an area does not take more.
RUNS = 3


@dataclass(frozen=True)
class Figure:
    """One measured number: the result of its median run. `at_least` or `at_most` is its target, if it has one.

    `load` names the kind of notification and the load that the number is for. `details` has the absolute numbers of
    each run in words; those of the median run are shown, so that they fit the ratio beside them.
    """

    id: str
    area: str
    title: str
    load: str
    samples: Sequence[float]
    details: Sequence[str] = ()
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        """Refuse a figure whose details are not those of its runs, and one without a repetition."""
        if len(self.samples) < RUNS:
            raise ValueError(f"{self.id} has {len(self.samples)} runs: a figure needs at least {RUNS}")
        if self.details and len(self.details) != len(self.samples):
            raise ValueError(f"{self.id} has details of {len(self.details)} runs and {len(self.samples)} samples")

    @property
    def value(self) -> float:
        """The median; of an even number of runs the lower one, so that it is the result of a run."""
        return statistics.median_low(self.samples)

    @property
    def detail(self) -> str:
        """The absolute numbers of the median run."""
        return self.details[list(self.samples).index(self.value)] if self.details else ""

    def reaches_target(self, value: float) -> bool | None:
        """Return whether a value is within the target; None without a target."""
        if self.at_least is not None:
            return value >= self.at_least
        return value <= self.at_most if self.at_most is not None else None

    def as_json(self) -> dict[str, Any]:
        """Return the entry in results.json."""
        return {
            "id": self.id,
            "area": self.area,
            "title": self.title,
            "load": self.load,
            "value": _rounded(self.value),
            "unit": self.unit,
            **({"at_least": self.at_least} if self.at_least is not None else {}),
            **({"at_most": self.at_most} if self.at_most is not None else {}),
            "min": _rounded(min(self.samples)),
            "max": _rounded(max(self.samples)),
            "runs": len(self.samples),
            "runs_beyond_target": sum(self.reaches_target(sample) is False for sample in self.samples),
            "detail": self.detail,
        }


def ratio(
    id_: str, area: str, title: str, load: str, dividends: Sequence[float], divisors: Sequence[float], **more: Any
) -> Figure:
    """Divide run by run: both numbers of a run were measured one after the other."""
    samples = [dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True)]
    return Figure(id_, area, title, load, samples, **more)


def details(template: str, **series: Sequence[float]) -> list[str]:
    """Fill the template with the numbers of each run."""
    return [
        template.format(**dict(zip(series, numbers, strict=True))) for numbers in zip(*series.values(), strict=True)
    ]


def show(console: Console, figures: Iterable[Figure]) -> None:
    """Print the table."""
    table = Table(title="Medians; the spread is the lowest and the highest of the runs", title_justify="left")
    right = ("result", "target", "runs")
    for name in ("area", "metric", "load", "result", "target", "spread", "runs", "median run"):
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for one in figures:
        target = f"≥ {one.at_least:g}" if one.at_least is not None else f"≤ {one.at_most:g}" if one.at_most else ""
        colour = {True: "green", False: "red", None: "default"}[one.reaches_target(one.value)]
        spread = f"{_short(min(one.samples))} to {_short(max(one.samples))}"
        result = f"[{colour}]{_short(one.value)} {one.unit}[/]"
        table.add_row(one.area, one.title, one.load, result, target, spread, str(len(one.samples)), one.detail)
    console.print(table)


def write(figures: Iterable[Figure], file: Path) -> None:
    """Write results.json. The figures of areas that were not measured stay."""
    entries = [one.as_json() for one in figures]
    measured = {entry["area"] for entry in entries}
    before = json.loads(file.read_text()) if file.exists() else []
    file.write_text(json.dumps([e for e in before if e["area"] not in measured] + entries, indent=1) + "\n")


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
