"""The whole way: from the commit of one message to the last publish, and to the last of a thousand sockets.

One worker process on all queues, one edge, sockets of their own users; beside the inline design with its stock layer
and consumer. As there, each recipient gets a row of their own; a kind that collapses, which the other cannot, stands
beside it.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from statistics import median

import psutil
from django.db import connection
from rich.console import Console

from benchmarks.areas.edge import SETTINGS, handshake_of
from benchmarks.figures import Figure, ratio
from benchmarks.peers import INLINE
from benchmarks.sockets import Crowd, handshake
from benchmarks.testbed import Peer, Server, daphne, database, edge, settle, worker
from clarion.pipeline.celery.queues import BURSTS, EVENTS, MAINTENANCE
from examples.forum import burst_users as crowds

AREA = "whole"
PLAIN, COLLAPSING = "THREAD_LOCKED", "THREAD_REPLY"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
#: How often each size is measured: the largest takes a minute.
RUNS = {1_000: 9, 10_000: 9, 100_000: 2, 1_000_000: 1}
SOCKETS = 1_000
MIB = 2**20
#: Longest wait for an event to be done (seconds), and between two looks.
PATIENCE_SECONDS = 240
LOOK_SECONDS = 0.02

_DONE = """
SELECT extract(epoch FROM max(b.finished_at) - min(e.recorded_at))::float
  FROM clarion_event e JOIN clarion_batch b ON b.event_id = e.id
 WHERE e.key = %s AND e.state = 'done'
"""


def measure(console: Console) -> Iterator[Figure]:
    """Times, cost a recipient, and the worker's memory."""
    crowd_of = {size: crowds.gather(size) for size in SIZES[:-1]}
    settle()
    with worker(EVENTS, BURSTS, MAINTENANCE) as at_work:
        done(crowd_of[1_000])  # connections are open after this
        times: dict[int, list[float]] = {}
        memory: dict[int, float] = {}
        for size in SIZES:
            if size not in crowd_of:
                crowd_of[size] = crowds.gather(size)
                settle()
            times[size] = []
            for _ in range(RUNS[size]):
                took, peak = done(crowd_of[size], at_work.process)
                times[size].append(took)
                memory[size] = max(memory.get(size, 0), peak / MIB)
            console.print(f"  N = {size:,}: {median(times[size]):.3f} s, {memory[size]:.0f} MiB", style="dim")
        collapsing = [done(crowd_of[10_000], at_work.process, COLLAPSING)[0] for _ in range(RUNS[10_000])]
        reached = _to_sockets(console, crowd_of[SOCKETS])
    inline = _inline(console)
    told = f"ours {median(times[10_000]):.3f} s, inline {median(inline[10_000]):.1f} s"
    yield ratio(
        "whole.published", AREA, "inline, N = 10,000, against commit to last publish",
        inline[10_000], [median(times[10_000])], at_least=200, told=told,
    )  # fmt: skip
    told = f"ours {median(collapsing):.3f} s, inline {median(inline[10_000]):.1f} s"
    yield ratio(
        "whole.collapsing", AREA, "the same, of a kind that collapses", inline[10_000], [median(collapsing)], told=told
    )  # fmt: skip
    told = f"ours {median(reached):.3f} s, inline {median(inline[SOCKETS]):.1f} s"
    yield ratio(
        "whole.sockets", AREA, f"inline, until all of {SOCKETS:,} sockets have it, against ours",
        inline[SOCKETS], reached[: len(inline[SOCKETS])], at_least=40, told=told,
    )  # fmt: skip
    cost = {size: median(them) / size * 1e6 for size, them in times.items()}
    told = ", ".join(f"{size:,}: {micro:.0f} µs" for size, micro in cost.items())
    for size in SIZES[1:]:
        at_most = 1.3 if size == SIZES[-1] else None
        yield Figure(
            f"whole.cost.{size}", AREA, f"cost a recipient, N = 1,000 → {size:,}", [cost[size] / cost[1_000]],
            told=told, at_most=at_most,
        )  # fmt: skip
    told = ", ".join(f"{size:,}: {mib:.0f} MiB" for size, mib in memory.items())
    yield Figure(
        "whole.memory", AREA, "worker memory, N = 1,000 → 1,000,000", [memory[1_000_000] - memory[1_000]], unit="MiB",
        at_most=20, told=told,
    )  # fmt: skip


def done(crowd: crowds.Crowd, process: psutil.Process | None = None, kind: str = PLAIN) -> tuple[float, int]:
    """Notify them; return the seconds from the event to the last published batch, and the worker's peak."""
    key, _ = crowd.tell(kind)
    deadline = time.monotonic() + PATIENCE_SECONDS
    peak = 0
    while time.monotonic() < deadline:
        peak = max(peak, process.memory_info().rss if process else 0)
        with connection.cursor() as cursor:
            cursor.execute(_DONE, [key])
            (took,) = cursor.fetchone()
        if took is not None:
            return took, peak
        time.sleep(LOOK_SECONDS)
    raise TimeoutError(f"{key} was not done after {PATIENCE_SECONDS} s")


def _to_sockets(console: Console, crowd: crowds.Crowd) -> list[float]:
    """Seconds from before the save until all sockets have it."""
    times = []
    with edge(**SETTINGS) as server, closing(Crowd(server.port, first_frame=True)) as sockets:
        sockets.connect([handshake_of(user) for user in crowd.user_ids])
        for _ in range(9):
            sockets.forget()
            begun = time.perf_counter()
            crowd.tell(PLAIN)
            sockets.read_until_all()
            times.append(time.perf_counter() - begun)
    console.print(f"  {SOCKETS:,} sockets: {median(times):.3f} s", style="dim")
    return times


def _inline(console: Console) -> dict[int, list[float]]:
    """The same, of the inline design: until its request returns, and until all sockets have it."""
    times: dict[int, list[float]] = {10_000: [], SOCKETS: []}
    layer = {"BENCHMARK_LAYER": "channels_redis.core.RedisChannelLayer"}
    settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.peers.stock_settings", **layer}
    stock: Server = daphne("benchmarks.peers.stock:application", **settings)
    with Peer(*INLINE, DATABASE_URL=database("inline")) as peer:
        peer.ask(10)
        times[10_000].append(peer.ask(10_000))
        with stock as server, closing(Crowd(server.port, first_frame=False)) as sockets:
            # The stock layer takes a connection to Redis for each that joins, and has a hundred.
            sockets.connect([handshake(f"/?user={number}") for number in range(1, SOCKETS + 1)], at_once=20)
            for _ in range(3):
                sockets.forget()
                begun = time.perf_counter()
                peer.begin(SOCKETS)
                sockets.read_until_all()
                times[SOCKETS].append(time.perf_counter() - begun)
                peer.end()
    console.print(f"  inline: {times}", style="dim")
    return times
