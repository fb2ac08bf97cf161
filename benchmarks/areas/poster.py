"""The poster's wait: saving a message, from before the transaction to after its commit and the hint to the broker."""

import time
from collections.abc import Iterator
from statistics import median

from django.db import transaction
from rich.console import Console

from benchmarks.figures import Figure, ratio
from benchmarks.peers import INLINE
from benchmarks.testbed import Peer, database, interleaved, settle
from examples.forum import burst_users as crowds

AREA = "poster"
MANY = 100_000
#: Recipients of the inline design; it takes seconds.
INLINE_RECIPIENTS = 1_000
#: Posts of one run.
POSTS = 200


def measure(console: Console) -> Iterator[Figure]:
    """The time of the request, for any number of recipients."""
    one, many = crowds.gather(1, "speaks-to-one"), crowds.gather(MANY, "speaks-to-many")
    settle()
    waits: dict[str, list[float]] = {"1": [], f"{MANY:,}": []}
    crowd_of = dict(zip(waits, (one, many), strict=True))
    for name in interleaved(5, list(waits)):
        waits[name].append(median(_wait(crowd_of[name]) for _ in range(POSTS)))
    told = ", ".join(f"N = {name}: {median(them) * 1000:.2f} ms" for name, them in waits.items())
    yield ratio(
        "poster.flat", AREA, f"handler and commit at N = {MANY:,}, against N = 1",
        *reversed(list(waits.values())), at_most=1.1, told=told,
    )  # fmt: skip
    with Peer(*INLINE, DATABASE_URL=database("inline")) as inline:
        inline.ask(10)  # its connections are open after this, as ours are
        theirs = [inline.ask(INLINE_RECIPIENTS) for _ in range(3)]
    ours = [median(_wait(many) for _ in range(POSTS)) for _ in theirs]
    told = f"inline {median(theirs) * 1000:,.0f} ms, ours {median(ours) * 1000:.2f} ms"
    yield ratio(
        "poster.inline", AREA, f"inline, N = {INLINE_RECIPIENTS:,}, against handler and commit",
        theirs, ours, at_least=500, told=told,
    )  # fmt: skip
    console.print(f"  {told}", style="dim")


def _wait(crowd: crowds.Crowd) -> float:
    begun = time.perf_counter()
    with transaction.atomic():
        crowd.post()
    return time.perf_counter() - begun
