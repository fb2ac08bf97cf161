"""The wait of the request that saves a message: from before the transaction to after its commit and the hint."""

import time
from collections.abc import Iterator
from statistics import median

from django.db import transaction
from rich.console import Console

from benchmarks.figures import Figure, details, ratio
from benchmarks.peers import INLINE
from benchmarks.testbed import Peer, database, interleaved, settle
from examples.forum import burst_users

AREA = "request_latency"
MANY = 100_000
#: Recipients of the inline design; it takes seconds.
INLINE_RECIPIENTS = 1_000
#: Messages of one run.
POSTS = 200
RUNS = 5
LOAD = "a message in a thread, THREAD_REPLY; no worker runs"


def measure(console: Console) -> Iterator[Figure]:
    """Measure the time of the request for few and many recipients."""
    one, many = burst_users.gather(1, "speaks-to-one"), burst_users.gather(MANY, "speaks-to-many")
    settle()
    waits: dict[str, list[float]] = {"one": [], "many": []}
    crowd_of = dict(zip(waits, (one, many), strict=True))
    for name in interleaved(RUNS, list(waits)):
        waits[name].append(median(_wait(crowd_of[name]) for _ in range(POSTS)) * 1000)
    runs = details(f"N = 1: {{one:.2f}} ms, N = {MANY:,}: {{many:.2f}} ms", **waits)
    console.print(f"  {runs}", style="dim")
    yield ratio(
        "request_latency.flat", AREA, f"request time, {MANY:,} recipients relative to 1", LOAD,
        waits["many"], waits["one"], at_most=1.1, details=runs,
    )  # fmt: skip
    with Peer(*INLINE, DATABASE_URL=database("inline")) as inline:
        inline.ask(10)  # its connections are open after this, as Clarion's are
        theirs = [inline.ask(INLINE_RECIPIENTS) * 1000 for _ in range(RUNS)]
    ours = [median(_wait(many) for _ in range(POSTS)) * 1000 for _ in theirs]
    runs = details("inline {inline:,.0f} ms, Clarion {clarion:.2f} ms", inline=theirs, clarion=ours)
    yield ratio(
        "request_latency.inline", AREA, f"request time, {INLINE_RECIPIENTS:,} recipients: inline relative to Clarion",
        LOAD, theirs, ours, at_least=500, details=runs,
    )  # fmt: skip
    console.print(f"  {runs}", style="dim")


def _wait(crowd: burst_users.Crowd) -> float:
    begun = time.perf_counter()
    with transaction.atomic():
        crowd.post()
    return time.perf_counter() - begun
