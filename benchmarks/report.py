"""The figures in documents and as a plot, all from `results.json`.

Writes the tables between `<!-- figures -->` and `<!-- /figures -->` of README.md (the most important ones),
docs/benchmarks.md (all) and docs/scale.md, and docs/images/benchmarks.svg. `make bench` calls it; a test compares the
documents with the file.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import sizing
from benchmarks.areas import AREAS, COLLAPSING, PLAIN

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
PLOT = ROOT / "docs" / "images" / "benchmarks.svg"

#: The figures of README, by id; of each pair of kinds the one that collapses first, because most events are replies.
HEADLINES = (
    "request_latency.flat", "request_latency.inline",
    f"end_to_end.published.{COLLAPSING}", f"end_to_end.published.{PLAIN}",
    f"end_to_end.sockets.{COLLAPSING}", f"end_to_end.sockets.{PLAIN}",
    f"end_to_end.cost.{PLAIN}.1000000", "end_to_end.memory",
    f"persist.notifications_hq.{COLLAPSING}", f"persist.notifications_hq.{PLAIN}",
    "lanes.p99", "edge.frames.5000.daphne", "edge.frames.5000.stock", "edge.memory", "edge.reconnect",
)  # fmt: skip

_BETWEEN = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)

Entry = dict[str, Any]


def write() -> None:
    """Write the tables and the plot anew."""
    entries: list[Entry] = json.loads(RESULTS.read_text())
    for file, text in tables(entries).items():
        file.write_text(_BETWEEN.sub(lambda _, text=text: text, file.read_text()))  # type: ignore[misc]  # bound now
    _plot([entry for entry in entries if _target(entry) is not None])


def tables(entries: Sequence[Entry]) -> dict[Path, str]:
    """Return the text between the marks, by document."""
    costs = {entry["id"].removeprefix("scale."): entry["value"] for entry in entries if entry["area"] == "scale"}
    by_id = {entry["id"]: entry for entry in entries}
    in_order = sorted(entries, key=lambda entry: AREAS.index(entry["area"]))
    targeted = [entry for entry in in_order if _target(entry) is not None]
    rest = [entry for entry in in_order if _target(entry) is None]
    return {
        ROOT / "README.md": _rows([by_id[headline] for headline in HEADLINES]) + f"\n{_missed(targeted)}\n",
        ROOT / "docs" / "benchmarks.md": f"{_rows(targeted)}\n{_missed(targeted)}\n\n{_rows(rest, target=False)}",
        ROOT / "docs" / "scale.md": sizing.table(costs) + "\n",
    }


def written(file: Path) -> str:
    """Return the present text between the marks of a document."""
    found = _BETWEEN.search(file.read_text())
    return found.group() if found else ""


def _rows(entries: Sequence[Entry], *, target: bool = True) -> str:
    head = ["metric", "kind and load", *(["target"] if target else []), "median", "spread (runs)", "the median run"]
    rows = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for entry in entries:
        value = f"{_short(entry['value'])} {_unit(entry)}"
        cells = [entry["title"], entry["load"]]
        if target:
            bound = _target(entry)
            cells.append("" if bound is None else f"{'≥' if 'at_least' in entry else '≤'} {bound:g}")
            value += "" if bound is None or _beyond(entry, entry["value"]) >= 1 else ", missed"
        cells += [value, f"{_short(entry['min'])} to {_short(entry['max'])} ({entry['runs']})", entry["detail"]]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _missed(entries: Sequence[Entry]) -> str:
    """Count the missed targets: of medians, and of single runs."""
    medians = sum(_beyond(entry, entry["value"]) < 1 for entry in entries)
    runs = sum(entry["runs_beyond_target"] > 0 for entry in entries)
    return (
        f"Of {len(entries)} figures with a target, the median of {medians} misses it, and {runs} had at least one run "
        "that missed it."
    )


def _target(entry: Entry) -> float | None:
    bound = entry.get("at_least", entry.get("at_most"))
    return None if bound is None else float(bound)


def _unit(entry: Entry) -> str:
    return "×" if entry["unit"] == "x" else str(entry["unit"])


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _plot(entries: Sequence[Entry]) -> None:
    """Plot each figure relative to its target, on a logarithmic scale; right of the line is better."""
    import matplotlib as mpl
    from matplotlib import pyplot

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "clarion"  # the same picture for the same figures
    # Read on light and on dark pages.
    grey = "#808080"
    for part in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"):
        mpl.rcParams[part] = grey
    figure, axes = pyplot.subplots(figsize=(11, 0.36 * len(entries) + 1.2), layout="constrained")
    for place, entry in enumerate(reversed(entries)):
        beyond = sorted(_beyond(entry, entry[name]) for name in ("min", "value", "max"))
        axes.plot([beyond[0], beyond[2]], [place, place], color="0.6", linewidth=2, zorder=1)
        colour = "tab:green" if _beyond(entry, entry["value"]) >= 1 else "tab:red"
        axes.scatter([_beyond(entry, entry["value"])], [place], color=colour, zorder=2)
    labels = [f"{entry['title']}\n{entry['load']}" for entry in reversed(entries)]
    axes.set_yticks(range(len(entries)), labels, fontsize=7)
    axes.axvline(1, color=grey, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("result relative to its target (right of the line: reached); the bar is the spread of the runs")
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None}, transparent=True)
    pyplot.close(figure)


def _beyond(entry: Entry, value: float) -> float:
    """Return how far a value is beyond the target: 1 is just reached, less is missed."""
    value, bound = max(float(value), 1e-9), _target(entry)
    assert bound is not None  # noqa: S101 - asked of figures with a target only
    return value / bound if "at_least" in entry else bound / value


if __name__ == "__main__":
    write()
