"""A mention while a burst is worked off, beside an idle system; with the worker processes of the Procfile.

What a mention waits for is read from the scheduler: how long worker and edge, which work for nothing else, stood ready
and had no core.
"""

import asyncio
from collections.abc import Iterator

from rich.console import Console

from benchmarks.areas.edge import SETTINGS
from benchmarks.figures import Figure
from benchmarks.lanes import compare
from benchmarks.processors import waited_for_a_core
from benchmarks.testbed import Server, edge, worker
from clarion.pipeline.celery.queues import BURSTS, EVENTS, MAINTENANCE

AREA = "lanes"
RECIPIENTS = 100_000
MENTIONS = 200
RUNS = 5


def measure(console: Console) -> Iterator[Figure]:
    """The 99th percentile of the wait, busy against idle."""
    ratios, waits, told = [], [], ""
    for _ in range(RUNS):
        with (
            worker(EVENTS, MAINTENANCE, prefetch=2) as live,
            worker(BURSTS, concurrency=1),
            edge(**SETTINGS | {"CLARION_QUIET_LOSS_SECONDS": "30"}) as server,
        ):
            url = f"ws://127.0.0.1:{server.port}/ws/notification-updates/"
            seen: list[float] = []

            def look(seen: list[float] = seen, parts: tuple[Server, ...] = (live, server)) -> None:
                seen.append(sum(waited_for_a_core(part.process) for part in parts))

            result = asyncio.run(compare(url, RECIPIENTS, MENTIONS, look=look))
        ratios.append(result.p99_ratio)
        begun, between, ended = seen
        waits.append(((between - begun) / result.mentions_idle, (ended - between) / result.mentions_busy))
        told = f"p99 {result.idle_p99_ms} ms idle, {result.busy_p99_ms} ms busy ({result.mentions_busy} mentions)"
        console.print(f"  {told}", style="dim")
    yield Figure(
        "lanes.p99", AREA, f"p99 of a mention while {RECIPIENTS:,} are worked off, against idle", ratios,
        at_most=2, told=told,
    )  # fmt: skip
    for number, name in enumerate(("idle", "while 100,000 are worked off")):
        yield Figure(
            f"lanes.waited.{number}", AREA, f"a mention, {name}: worker and edge ready and without a core",
            [one[number] * 1000 for one in waits], unit="ms",
        )  # fmt: skip
