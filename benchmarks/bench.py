"""`make bench`: measure every figure that README quotes, relative to peers and to the limits of the machine.

Input: the areas to measure, all of them by default. Output: a table; `benchmarks/results.json` and the documents that
quote it (report.py). The exit code is 1 if a target was missed.
"""

import platform
import sys
import time
from importlib import import_module
from typing import Annotated

import psutil
import typer
from rich.console import Console

from benchmarks import figures, report
from benchmarks.areas import AREAS
from benchmarks.figures import Figure
from benchmarks.testbed import clear, testbed


def main(only: Annotated[list[str] | None, typer.Argument(help="Areas to measure; all by default")] = None) -> None:
    """Measure, print, write."""
    console = Console(width=None if sys.stdout.isatty() else 180)
    memory = psutil.virtual_memory().total / 2**30
    console.print(
        f"{platform.platform()}, {psutil.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"
    )
    measured: list[Figure] = []
    begun = time.monotonic()
    with testbed():
        for area in only or AREAS:
            console.print(f"[bold]{area}[/]")
            started = time.monotonic()
            clear()
            of_area = list(import_module(f"benchmarks.areas.{area}").measure(console))
            figures.write(of_area, report.RESULTS)  # kept if a later area fails
            measured += of_area
            console.print(f"  in {time.monotonic() - started:.0f} s", style="dim")
    figures.show(console, measured)
    report.write()
    console.print(f"Measured in {time.monotonic() - begun:.0f} s; written to {report.RESULTS}")
    if any(one.reaches_target(one.value) is False for one in measured):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
