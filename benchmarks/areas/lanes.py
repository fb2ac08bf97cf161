"""A mention while a burst is worked off, beside an idle system; with the worker processes of the Procfile."""

import asyncio
from collections.abc import Iterator

from rich.console import Console

from benchmarks.areas.edge import SETTINGS
from benchmarks.figures import Figure
from benchmarks.ground import edge, worker
from benchmarks.lanes import compare
from pipeline.queues import BURSTS, EVENTS, MAINTENANCE

AREA = "lanes"
RECIPIENTS = 100_000
MENTIONS = 200
RUNS = 5


def measure(console: Console) -> Iterator[Figure]:
    """The 99th percentile of the wait, busy against idle."""
    ratios, told = [], ""
    for _ in range(RUNS):
        with (
            worker(EVENTS, MAINTENANCE),
            worker(BURSTS, concurrency=1),
            edge(**SETTINGS | {"CLARION_QUIET_LOSS_SECONDS": "30"}) as server,
        ):
            url = f"ws://127.0.0.1:{server.port}/ws/notification-updates/"
            result = asyncio.run(compare(url, RECIPIENTS, MENTIONS))
        ratios.append(result.p99_ratio)
        told = f"p99 {result.idle_p99_ms} ms idle, {result.busy_p99_ms} ms busy ({result.mentions_busy} mentions)"
        console.print(f"  {told}", style="dim")
    yield Figure(
        "lanes.p99", AREA, f"p99 of a mention while {RECIPIENTS:,} are worked off, against idle", ratios,
        at_most=2, told=told,
    )  # fmt: skip
