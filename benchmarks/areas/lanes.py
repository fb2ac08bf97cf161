"""A mention during a burst, relative to an idle system; with the worker processes of the Procfile.

The time that a mention waits for a processor is read from the scheduler: how long worker and edge, which do no other
work, were ready to run without a core.
"""

import asyncio
from collections.abc import Iterator

from rich.console import Console

from benchmarks.areas.edge import SETTINGS
from benchmarks.figures import Figure, details, ratio
from benchmarks.lanes import compare
from benchmarks.processors import waited_for_a_core
from benchmarks.testbed import Server, edge, worker
from clarion.pipeline.celery.queues import BURSTS, EVENTS, MAINTENANCE

AREA = "lanes"
RECIPIENTS = 100_000
MENTIONS = 200
RUNS = 5


def measure(console: Console) -> Iterator[Figure]:
    """Measure the 99th percentile of the latency, busy relative to idle."""
    idle, busy, waits = [], [], []
    for _ in range(RUNS):
        with (
            worker(EVENTS, MAINTENANCE, prefetch=2) as live,
            worker(BURSTS, concurrency=1),
            edge(**SETTINGS | {"CLARION_QUIET_LOSS_SECONDS": "30"}) as server,
        ):
            url = f"ws://127.0.0.1:{server.port}/ws/notification-updates/"
            seen: list[float] = []

            def sample(seen: list[float] = seen, parts: tuple[Server, ...] = (live, server)) -> None:
                seen.append(sum(waited_for_a_core(part.process) for part in parts))

            result = asyncio.run(compare(url, RECIPIENTS, MENTIONS, sample=sample))
        idle.append(result.idle_p99_ms)
        busy.append(result.busy_p99_ms)
        begun, between, ended = seen
        waits.append(((between - begun) / result.mentions_idle, (ended - between) / result.mentions_busy))
        console.print(f"  {result}", style="dim")
    yield ratio(
        "lanes.p99", AREA, "p99 latency of a single mention during a burst, relative to idle",
        f"MENTION, beside THREAD_REPLY to {RECIPIENTS:,}", busy, idle, at_most=2,
        details=details("p99 {idle:.1f} ms idle, {busy:.1f} ms busy", idle=idle, busy=busy),
    )  # fmt: skip
    for number, load in enumerate(("MENTION, idle", f"MENTION, beside THREAD_REPLY to {RECIPIENTS:,}")):
        yield Figure(
            f"lanes.waited.{number}", AREA, "time that worker and edge were ready without a core, for each mention",
            load, [one[number] * 1000 for one in waits], unit="ms",
        )  # fmt: skip
