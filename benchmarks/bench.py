"""`make bench`: every figure that the README quotes, measured on this machine beside its peers and its limits.

Enters: the areas to measure, all of them by default. Leaves: a table; `benchmarks/results.json`, and what quotes it
(report.py). Ends with 1 where something that was asked for was not reached.
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
from benchmarks.figures import Figure
from benchmarks.testbed import clear, ground

AREAS = ("poster", "expansion", "persist", "publish", "whole", "lanes", "small", "latency", "growth", "edge", "scale")


def main(only: Annotated[list[str] | None, typer.Argument(help="Areas to measure; all by default")] = None) -> None:
    """Measure, print, write."""
    console = Console(width=None if sys.stdout.isatty() else 180)
    memory = psutil.virtual_memory().total / 2**30
    console.print(
        f"{platform.platform()}, {psutil.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"
    )
    measured: list[Figure] = []
    begun = time.monotonic()
    with ground():
        for area in only or AREAS:
            console.print(f"[bold]{area}[/]")
            started = time.monotonic()
            clear()
            measured += import_module(f"benchmarks.areas.{area}").measure(console)
            console.print(f"  in {time.monotonic() - started:.0f} s", style="dim")
    figures.show(console, measured)
    figures.write(measured, report.RESULTS)
    report.write()
    console.print(f"Measured in {time.monotonic() - begun:.0f} s; written to {report.RESULTS}")
    if any(one.reached is False for one in measured):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
