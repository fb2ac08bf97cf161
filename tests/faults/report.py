"""The results of the fault tests, as a table and as `tests/faults/results.json`.

Input: a `Result` for each trial. Output: one line for each fault, with the sums of its trials and the longest recovery.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results.json"

#: Columns of numbers, in the order in which they are shown.
COUNTS = ("runs", "events", "recipients", "lost", "repeated", "out_of_order", "leaked")


@dataclass(frozen=True, slots=True)
class Result:
    """One fault, and what became of the promises.

    `recovery_s`: from its end until everyone had everything that was recorded before; None: not within `within_s`.
    `slowest_s`: the longest that anybody waited for an event to be recorded.
    """

    fault: str
    runs: int
    events: int
    recipients: int
    lost: int
    repeated: int
    out_of_order: int
    leaked: int
    recovery_s: float | None
    within_s: float
    slowest_s: float
    may_notice: str

    def plus(self, other: "Result") -> "Result":
        """Both together."""
        recoveries = [one.recovery_s for one in (self, other) if one.recovery_s is not None]
        sums = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return replace(
            self, **sums, recovery_s=max(recoveries, default=None), slowest_s=max(self.slowest_s, other.slowest_s)
        )


def summed(results: Iterable[Result]) -> list[Result]:
    """One for each fault, in the order in which they came."""
    found: dict[str, Result] = {}
    for one in results:
        found[one.fault] = found[one.fault].plus(one) if one.fault in found else one
    return list(found.values())


def show(results: Sequence[Result], console: Console) -> None:
    """Print the table."""
    table = Table(title="Each fault under load; what people may notice, and what became of the promises")
    for name in ("fault", *COUNTS, "recovery_s", "within_s", "slowest_s", "may notice"):
        table.add_column(name, justify="left" if name in ("fault", "may notice") else "right", overflow="fold")
    for one in results:
        clean = not (one.lost or one.repeated or one.out_of_order or one.leaked) and one.recovery_s is not None
        counts = [str(getattr(one, name)) for name in COUNTS]
        recovery = "never" if one.recovery_s is None else f"{one.recovery_s:.1f}"
        table.add_row(
            one.fault,
            *counts,
            recovery,
            f"{one.within_s:g}",
            f"{one.slowest_s:.2f}",
            one.may_notice,
            style="" if clean else "red",
        )
    console.print(table)


def write(results: Sequence[Result]) -> None:
    """Write results.json. The results of faults that were not tried stay."""
    tried = {one.fault for one in results}
    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    kept = [entry for entry in before if entry["fault"] not in tried]
    RESULTS.write_text(json.dumps([asdict(one) for one in results] + kept, indent=1) + "\n")
