"""`make lanes`: the latency of a single mention during a burst, relative to an idle system.

Input: the size of the burst, the running stack. Output: a table and, as the last line, the same as one JSON object.
Mentions of one user are posted one after another and timed from commit to socket; first on an idle system, then during
bursts.
"""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.running import join_stack

if TYPE_CHECKING:
    from benchmarks.listeners import Listeners
    from examples.forum.burst_users import Crowd

#: Longest wait for one mention (seconds).
PATIENCE_SECONDS = 60
#: Interval between two checks for it (seconds).
POLL_SECONDS = 0.001
#: Pause between two mentions (seconds), so that none waits for the one before.
PAUSE_SECONDS = 0.02
#: Authors who take turns, each in a thread of their own, so that none reaches a rate limit.
SPEAKERS = 40

app = typer.Typer(pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Lanes:
    """Milliseconds from commit to socket, and the ratio at the 99th percentile."""

    recipients: int
    mentions_idle: int
    mentions_busy: int
    idle_p50_ms: float
    idle_p99_ms: float
    busy_p50_ms: float
    busy_p99_ms: float
    p99_ratio: float


@app.command()
def main(
    recipients: Annotated[int, typer.Option(min=1, max=1_000_000, help="Size of the burst.")] = 100_000,
    mentions: Annotated[int, typer.Option(min=10, max=10_000, help="Mentions on the idle system.")] = 200,
) -> None:
    """Time mentions on an idle system, and during a burst."""
    console = Console()
    url = join_stack(console)
    result = asyncio.run(compare(url, recipients, mentions))
    title = f"A mention, beside a burst to {recipients:,}"
    table = Table(title=title, title_justify="left", box=None, min_width=len(title))
    for column in ("", "mentions", "p50", "p99"):
        table.add_column(column, justify="right" if column else "left")
    for name in ("idle", "busy"):
        p50, p99 = getattr(result, f"{name}_p50_ms"), getattr(result, f"{name}_p99_ms")
        table.add_row(name, str(getattr(result, f"mentions_{name}")), f"{p50} ms", f"{p99} ms")
    console.print(table)
    print(json.dumps(asdict(result)))


async def compare(url: str, recipients: int, mentions: int, *, sample: Callable[[], None] = lambda: None) -> Lanes:
    """Time so many mentions on an idle system, then at least as many during one burst after another.

    `sample` is called before the first, between the two, and after the last.
    """
    from benchmarks.listeners import Listeners
    from examples.forum import burst_users

    burst = await asyncio.to_thread(burst_users.gather, recipients)
    pairs = itertools.cycle(
        [await asyncio.to_thread(burst_users.gather, 1, f"crowd-{n}-speaks") for n in range(SPEAKERS)]
    )
    listeners = Listeners(url)
    await listeners.connect(next(pairs).user_ids, lambda: None)
    try:
        await _mention(next(pairs), listeners)  # to warm up
        sample()
        idle = [await _mention(next(pairs), listeners) for _ in range(mentions)]
        sample()
        busy: list[float] = []
        while len(busy) < mentions:
            event = (await asyncio.to_thread(burst.post))[0]
            while not await asyncio.to_thread(_is_done, event):
                busy.append(await _mention(next(pairs), listeners))
        sample()
    finally:
        await listeners.close()
    return Lanes(
        recipients=recipients,
        mentions_idle=len(idle),
        mentions_busy=len(busy),
        idle_p50_ms=_milliseconds(idle, 0.5),
        idle_p99_ms=_milliseconds(idle, 0.99),
        busy_p50_ms=_milliseconds(busy, 0.5),
        busy_p99_ms=_milliseconds(busy, 0.99),
        p99_ratio=round(_milliseconds(busy, 0.99) / _milliseconds(idle, 0.99), 2),
    )


async def _mention(pair: "Crowd", listeners: "Listeners") -> float:
    """Post one, wait for it, and return the seconds from its commit."""
    name, committed_at = await asyncio.to_thread(_post, pair)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (times := listeners.times(name)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the mention in message {name} did not arrive")
        await asyncio.sleep(POLL_SECONDS)
    await asyncio.sleep(PAUSE_SECONDS)
    return times[0] - committed_at


def _post(pair: "Crowd") -> tuple[str, float]:
    from django.db import transaction

    committed: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.perf_counter()))
        _, name = pair.mention("crowd-1")
    return name, committed[0]


def _is_done(key: str) -> bool:
    from clarion.pipeline.outbox.models import Event

    return Event.objects.filter(key=key, state="done").exists()


def _milliseconds(seconds: list[float], share: float) -> float:
    return round(statistics.quantiles(seconds, n=100, method="inclusive")[round(share * 100) - 1] * 1000, 1)


if __name__ == "__main__":
    app()
