"""End to end: from the commit of one message to the last publish, and to the last of a thousand sockets.

One worker process on all queues, one edge, sockets of their own users; beside the inline design with its stock layer
and consumer, which stores a row for each recipient and cannot collapse. Both a kind that collapses and a plain kind
are measured. Each run of Clarion is the median of some events, because one takes milliseconds.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from statistics import median

import psutil
from django.db import connection
from rich.console import Console

from benchmarks.areas import COLLAPSING, KINDS, PLAIN
from benchmarks.areas.edge import SETTINGS, handshake_of
from benchmarks.figures import RUNS, Figure, details, ratio
from benchmarks.peers import INLINE
from benchmarks.sockets import Crowd, handshake
from benchmarks.testbed import Peer, Server, daphne, database, edge, settle, worker
from clarion.pipeline.celery.queues import BURSTS, EVENTS, MAINTENANCE
from examples.forum import burst_users

AREA = "end_to_end"
#: Recipients of one event, by kind. A million of the kind that collapses would take minutes.
SIZES = {PLAIN: (1_000, 10_000, 100_000, 1_000_000), COLLAPSING: (1_000, 10_000, 100_000)}
COMPARED = 10_000
#: Events of one run, by recipients: the larger ones take long enough for one to do.
EVENTS_OF_A_RUN = {1_000: 5, 10_000: 3, 100_000: 1, 1_000_000: 1}
SOCKETS = 1_000
MIB = 2**20
#: Longest wait for an event to be done, and the interval between two queries for it (seconds).
PATIENCE_SECONDS = 240
POLL_SECONDS = 0.02

_DONE = """
SELECT extract(epoch FROM max(b.finished_at) - min(e.recorded_at))::float
  FROM clarion_event e JOIN clarion_batch b ON b.event_id = e.id
 WHERE e.key = %s AND e.state = 'done'
"""


def measure(console: Console) -> Iterator[Figure]:
    """Measure times, the cost of a recipient, and the worker's memory."""
    times: dict[tuple[str, int], list[float]] = {}  # milliseconds by run
    memory: dict[int, list[float]] = {}  # MiB by run, of the plain kind
    with worker(EVENTS, BURSTS, MAINTENANCE) as at_work:
        done(burst_users.gather(1_000))  # connections are open after this
        for kind, sizes in SIZES.items():
            for size in sizes:
                crowd = burst_users.gather(size)
                settle()
                runs = [_run(crowd, at_work.process, kind) for _ in range(RUNS)]
                times[kind, size] = [seconds * 1000 for seconds, _ in runs]
                if kind == PLAIN:
                    memory[size] = [peak / MIB for _, peak in runs]
                console.print(f"  {kind}, N = {size:,}: {times[kind, size]} ms", style="dim")
        to_sockets = {kind: _to_sockets(console, kind) for kind in KINDS}
    published, received = _inline(console)
    for kind, load in KINDS.items():
        yield ratio(
            f"end_to_end.published.{kind}", AREA, f"commit to last publish, {COMPARED:,} recipients: inline relative "
            "to Clarion", load, published, times[kind, COMPARED], at_least=200 if kind == PLAIN else None,
            details=details("Clarion {ours:,.0f} ms, inline {inline:,.0f} ms", ours=times[kind, COMPARED],
                            inline=published),
        )  # fmt: skip
        yield ratio(
            f"end_to_end.sockets.{kind}", AREA, f"save to the last of {SOCKETS:,} sockets: inline relative to Clarion",
            load, received, to_sockets[kind], at_least=40 if kind == PLAIN else None,
            details=details("Clarion {ours:,.0f} ms, inline {inline:,.0f} ms", ours=to_sockets[kind], inline=received),
        )  # fmt: skip
        yield from _cost(kind, load, {size: times[kind, size] for size in SIZES[kind]})
    yield Figure(
        "end_to_end.memory", AREA, "worker memory, growth from 1,000 to 1,000,000 recipients", KINDS[PLAIN],
        [large - small for small, large in zip(memory[1_000], memory[1_000_000], strict=True)], unit="MiB", at_most=20,
        details=details("N = 1,000: {small:.0f} MiB, N = 1,000,000: {large:.0f} MiB", small=memory[1_000],
                        large=memory[1_000_000]),
    )  # fmt: skip


def done(crowd: burst_users.Crowd, process: psutil.Process | None = None, kind: str = PLAIN) -> tuple[float, int]:
    """Notify the crowd; return the seconds from event to last published batch, and the worker's peak (bytes)."""
    key, _ = crowd.notify(kind)
    return until_published(key, process)


def until_published(key: str, process: psutil.Process | None = None) -> tuple[float, int]:
    """Wait for an event; return the seconds until its last batch was published, and the worker's peak (bytes)."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    peak = 0
    while time.monotonic() < deadline:
        peak = max(peak, process.memory_info().rss if process else 0)
        with connection.cursor() as cursor:
            cursor.execute(_DONE, [key])
            (took,) = cursor.fetchone()
        if took is not None:
            return took, peak
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{key} was not done after {PATIENCE_SECONDS} s")


def _run(crowd: burst_users.Crowd, process: psutil.Process, kind: str) -> tuple[float, int]:
    """Return the median seconds of the events of a run, and the worker's peak in it (bytes)."""
    events = [done(crowd, process, kind) for _ in range(EVENTS_OF_A_RUN[len(crowd.user_ids)])]
    return median(seconds for seconds, _ in events), max(peak for _, peak in events)


def _cost(kind: str, load: str, times: dict[int, Sequence[float]]) -> Iterator[Figure]:
    """Compare the time for one recipient with that of the smallest event."""
    smallest, *larger = times
    micros = {size: [run / size * 1000 for run in runs] for size, runs in times.items()}
    for size in larger:
        yield ratio(
            f"end_to_end.cost.{kind}.{size}", AREA, f"time for each recipient, {size:,} relative to {smallest:,}", load,
            micros[size], micros[smallest], at_most=1.3 if size == 1_000_000 else None,
            details=details(f"N = {smallest:,}: {{small:.0f}} µs, N = {size:,}: {{large:.0f}} µs",
                            small=micros[smallest], large=micros[size]),
        )  # fmt: skip


def _to_sockets(console: Console, kind: str) -> list[float]:
    """Milliseconds from before the save until all sockets have it, by run."""
    crowd = burst_users.gather(SOCKETS)
    runs = []
    with edge(**SETTINGS) as server, closing(Crowd(server.port, first_frame=True)) as sockets:
        sockets.connect([handshake_of(user) for user in crowd.user_ids])
        for _ in range(RUNS):
            times = []
            for _ in range(EVENTS_OF_A_RUN[SOCKETS]):
                sockets.forget()
                begun = time.perf_counter()
                crowd.notify(kind)
                sockets.read_until_all()
                times.append((time.perf_counter() - begun) * 1000)
            runs.append(median(times))
    console.print(f"  {kind}, {SOCKETS:,} sockets: {runs} ms", style="dim")
    return runs


def _inline(console: Console) -> tuple[list[float], list[float]]:
    """Milliseconds of the inline design: until its request returns, and until all sockets have it, by run."""
    published, received = [], []
    layer = {"BENCHMARK_LAYER": "channels_redis.core.RedisChannelLayer"}
    settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.peers.stock_settings", **layer}
    stock: Server = daphne("benchmarks.peers.stock:application", **settings)
    with Peer(*INLINE, DATABASE_URL=database("inline")) as peer:
        peer.ask(10)
        published = [peer.ask(COMPARED) * 1000 for _ in range(RUNS)]
        with stock as server, closing(Crowd(server.port, first_frame=False)) as sockets:
            # The stock layer takes a connection to Redis for each that joins, and has a hundred.
            sockets.connect([handshake(f"/?user={number}") for number in range(1, SOCKETS + 1)], concurrency=20)
            for _ in range(RUNS):
                sockets.forget()
                begun = time.perf_counter()
                peer.begin(SOCKETS)
                sockets.read_until_all()
                received.append((time.perf_counter() - begun) * 1000)
                peer.end()
    console.print(f"  inline: published {published} ms, received {received} ms", style="dim")
    return published, received
