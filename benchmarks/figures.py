"""The figures of a run: measured, judged, printed, written.

Enters: samples, each a ratio of two things measured in the same run, or an absolute number. Leaves: a table,
`results.json`, plots; and whether everything that was asked for was reached.
"""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number: the median of its samples. `at_least` or `at_most` is its target, if it has one."""

    id: str
    area: str
    title: str
    samples: Sequence[float]
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None
    told: str = ""  # the absolute figures behind a ratio, for people

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.samples)

    @property
    def reached(self) -> bool | None:
        """Whether it reaches its target; None without a target."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.value <= self.at_most if self.at_most is not None else None

    def as_json(self) -> dict[str, Any]:
        """The entry in results.json."""
        bound = {} if self.at_least is None else {"at_least": self.at_least}
        bound |= {} if self.at_most is None else {"at_most": self.at_most}
        return {
            "id": self.id,
            "area": self.area,
            "title": self.title,
            "value": _rounded(self.value),
            "unit": self.unit,
            "bound": next(iter(bound.values()), None),
            **bound,
            "min": _rounded(min(self.samples)),
            "max": _rounded(max(self.samples)),
            "runs": len(self.samples),
            "told": self.told,
        }


def ratio(id_: str, area: str, title: str, ours: Sequence[float], theirs: Sequence[float], **more: Any) -> Figure:
    """Ours by theirs, sample by sample, measured one after the other."""
    return Figure(id_, area, title, [one / other for one, other in zip(ours, theirs, strict=True)], **more)


def show(console: Console, figures: Iterable[Figure]) -> None:
    """Print the table."""
    table = Table(title="Medians; the spread is the lowest and the highest of the runs", title_justify="left")
    for name in ("area", "figure", "value", "asked", "spread", "runs", "measured"):
        table.add_column(name, justify="right" if name in ("value", "asked", "runs") else "left", overflow="fold")
    for one in figures:
        asked = f"≥ {one.at_least:g}" if one.at_least is not None else f"≤ {one.at_most:g}" if one.at_most else ""
        colour = {True: "green", False: "red", None: "default"}[one.reached]
        spread = f"{_short(min(one.samples))} to {_short(max(one.samples))}"
        value = f"[{colour}]{_short(one.value)} {one.unit}[/]"
        table.add_row(one.area, one.title, value, asked, spread, str(len(one.samples)), one.told)
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
