"""The figures in documents and as a plot: each quotes `results.json`, and nothing else.

Enters: `results.json`. Leaves: the tables between `<!-- figures -->` and `<!-- /figures -->` of README.md (the few
that say most), docs/benchmarks.md (all) and docs/scale.md, and docs/images/benchmarks.svg. `make bench` writes them; a
test holds the documents against the file.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import sizing

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
PLOT = ROOT / "docs" / "images" / "benchmarks.svg"

#: What the README shows, by id.
HEADLINES = (
    "poster.flat", "poster.inline", "whole.published", "whole.sockets", "whole.cost.1000000", "whole.memory",
    "persist.notifications_hq", "lanes.p99", "edge.frames.5000.daphne", "edge.frames.5000.stock", "edge.memory",
    "edge.reconnect",
)  # fmt: skip

_BETWEEN = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)

Entry = dict[str, Any]


def write() -> None:
    """Write the tables and the plot anew."""
    entries: list[Entry] = json.loads(RESULTS.read_text())
    for file, text in tables(entries).items():
        file.write_text(_BETWEEN.sub(lambda _, text=text: text, file.read_text()))  # type: ignore[misc]  # bound now
    _plot([entry for entry in entries if entry["bound"] is not None])


def tables(entries: Sequence[Entry]) -> dict[Path, str]:
    """What stands between the marks, by document."""
    costs = {entry["id"].removeprefix("scale."): entry["value"] for entry in entries if entry["area"] == "scale"}
    asked = [entry for entry in entries if entry["bound"] is not None]
    rest = [entry for entry in entries if entry["bound"] is None]
    return {
        ROOT / "README.md": _asked([entry for headline in HEADLINES for entry in asked if entry["id"] == headline]),
        ROOT / "docs" / "benchmarks.md": f"{_asked(asked)}\n{_measured(rest)}",
        ROOT / "docs" / "scale.md": sizing.table(costs) + "\n",
    }


def written(file: Path) -> str:
    """What stands between the marks of a document now."""
    found = _BETWEEN.search(file.read_text())
    return found.group() if found else ""


def _asked(entries: Sequence[Entry]) -> str:
    rows = ["| measured | aim | reached | behind it |", "|---|---|---|---|"]
    for entry in entries:
        sign = "≥" if "at_least" in entry else "≤"
        value = _value(entry) if _reached(entry) else f"{_value(entry)}, not yet"
        rows.append(f"| {entry['title']} | {sign} {entry['bound']:g} | {value} | {entry['told']} |")
    return "\n".join(rows) + "\n"


def _measured(entries: Sequence[Entry]) -> str:
    rows = ["| measured besides | | behind it |", "|---|---|---|"]
    rows += [f"| {entry['title']} | {_value(entry)} | {entry['told']} |" for entry in entries]
    return "\n".join(rows) + "\n"


def _value(entry: Entry) -> str:
    return f"{_short(entry['value'])} {_unit(entry)}"


def _reached(entry: Entry) -> bool:
    value, bound = float(entry["value"]), float(entry["bound"])
    return value >= bound if "at_least" in entry else value <= bound


def _unit(entry: Entry) -> str:
    return "×" if entry["unit"] == "x" else str(entry["unit"])


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _plot(entries: Sequence[Entry]) -> None:
    """The ratio of each figure to its target, on a logarithmic scale; right of the line is better."""
    import matplotlib as mpl
    from matplotlib import pyplot

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "clarion"  # the same picture for the same figures
    figure, axes = pyplot.subplots(figsize=(10, 0.32 * len(entries) + 1.2), layout="constrained")
    for place, entry in enumerate(reversed(entries)):
        beyond = sorted(_beyond(entry, entry[name]) for name in ("min", "value", "max"))
        axes.plot([beyond[0], beyond[2]], [place, place], color="0.6", linewidth=2, zorder=1)
        colour = "tab:green" if _reached(entry) else "tab:red"
        axes.scatter([_beyond(entry, entry["value"])], [place], color=colour, zorder=2)
    axes.set_yticks(range(len(entries)), [entry["title"] for entry in reversed(entries)], fontsize=8)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("times as good as asked; the bar is the spread of the runs")
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})
    pyplot.close(figure)


def _beyond(entry: Entry, value: float) -> float:
    value, bound = max(float(value), 1e-9), float(entry["bound"])
    return value / bound if "at_least" in entry else bound / value


if __name__ == "__main__":
    write()
