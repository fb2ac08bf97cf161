"""Processor time of each part for a notification, an event and a frame, and a check with 1, 2 and 4 processes.

The costs are processor time, read from the processes themselves, so that they can be added up for machines that do not
exist here (benchmarks/sizing.py). The prediction for k processes on this machine is k times the rate of one, until its
cores are full with all parts together. The simulated clients do not count: they poll, and cost less, the more there is
to read.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from statistics import median

import psutil
from django.contrib.auth.models import User
from django.db import connection
from rich.console import Console

from benchmarks.areas import COLLAPSING, KINDS, PLAIN
from benchmarks.areas.edge import FRAME_BYTES, SETTINGS, handshake_of, published
from benchmarks.areas.end_to_end import done
from benchmarks.areas.small_events import PREFETCH, emptied, record_small_events, small_event_users
from benchmarks.figures import RUNS, Figure
from benchmarks.processors import Processors
from benchmarks.sockets import Crowd
from benchmarks.testbed import KIB, edge, settle, worker
from clarion.pipeline.celery.queues import BURSTS, EVENTS, redis_key
from clarion.shared.channel_layer import channel_layer
from clarion.shared.groups import user_group
from clarion.shared.messages import frame_message
from examples.forum import burst_users

AREA = "scale"
PROCESSES = (1, 2, 4)
RECIPIENTS = 100_000
SOCKETS = 2_000
ROUNDS = 30
CORES = psutil.cpu_count() or 1

Spent = dict[str, float]  # processor seconds by part


def measure(console: Console) -> Iterator[Figure]:
    """Measure the costs, and compare the predictions from them with measured rates."""
    yield from _small_events(console)
    yield from _notifications(console)
    yield from _workers(console)
    yield from _edges(console)


def _small_events(console: Console) -> Iterator[Figure]:
    """Measure the cost of an event with one recipient, by kind."""
    users = small_event_users()
    for kind, load in KINDS.items():
        runs: list[Spent] = []
        for _ in range(RUNS):
            record_small_events(users, kind)
            settle()
            process = worker(EVENTS, prefetch=PREFETCH)
            with process:
                parts = Processors(worker=[process.process])
                rate, events = emptied(redis_key(EVENTS), on_start=parts.start)
                runs.append(_per_unit(parts.stop(), events))
            console.print(f"  {kind}: {rate:,.0f} small events/s; {_words(runs[-1])}", style="dim")
        yield from _costs(f"event.{kind}", "an event with one recipient", load, runs)


def _notifications(console: Console) -> Iterator[Figure]:
    """Measure the cost of a notification of a large event, by kind, and its bytes on disk."""
    crowd = burst_users.gather(RECIPIENTS)
    with worker(EVENTS, BURSTS, concurrency=2) as at_work:
        for kind in (PLAIN, COLLAPSING):
            load = f"{KINDS[kind]}, {RECIPIENTS:,} recipients"
            done(crowd, kind=kind)  # connections are open after this
            runs, sizes = [], []
            for _ in range(RUNS):
                settle()
                before = _bytes_on_disk()
                parts = Processors(worker=[at_work.process])
                parts.start()
                done(crowd, kind=kind)
                runs.append(_per_unit(parts.stop(), RECIPIENTS))
                sizes.append((_bytes_on_disk() - before) / RECIPIENTS)
            console.print(f"  {kind}: {_words(runs[-1])}, {sizes} bytes", style="dim")
            yield from _costs(f"notification.{kind}", "a notification of a large event", load, runs)
            yield Figure(
                f"scale.notification.{kind}.bytes", AREA, "growth of tables and indexes for a notification", load,
                sizes, unit="bytes",
            )  # fmt: skip


def _workers(console: Console) -> Iterator[Figure]:
    """Compare several workers on a large event with the prediction."""
    crowd = burst_users.gather(RECIPIENTS)
    settle()
    predicted = full = 0.0
    load = f"{KINDS[PLAIN]}, {RECIPIENTS:,} recipients"
    for count in PROCESSES:
        with ExitStack() as stack:
            workers = [stack.enter_context(worker(EVENTS, BURSTS, concurrency=2)) for _ in range(count)]
            done(crowd)  # connections are open after this
            parts = Processors(worker=[one.process for one in workers])
            parts.start()
            rates = [RECIPIENTS / done(crowd)[0] for _ in range(RUNS)]
            spent = _per_unit(parts.stop(), RECIPIENTS * RUNS)
        if count == 1:
            predicted, full = median(rates), CORES / sum(spent.values())
            console.print(f"  1 worker: {predicted:,.0f}/s; {_words(spent)}", style="dim")
        else:
            yield _prediction(f"workers.{count}", f"notifications/s of {count} workers", load, rates,
                              min(count * predicted, full))  # fmt: skip
            console.print(f"  {count} workers: {rates}/s; {_words(spent)}", style="dim")


def _edges(console: Console) -> Iterator[Figure]:
    """Frames to sockets, spread over several edges."""
    names = [f"scale-{number}" for number in range(SOCKETS)]
    User.objects.bulk_create((User(username=name) for name in names), ignore_conflicts=True)
    users = list(User.objects.filter(username__in=names).values_list("pk", flat=True))
    messages = [channel_layer().serialize(frame_message(seq, "x" * FRAME_BYTES)) for seq in range(1, ROUNDS + 1)]
    predicted = full = 0.0
    frames = SOCKETS * ROUNDS
    load = f"{SOCKETS:,} sockets, {FRAME_BYTES} bytes a frame"
    for count in PROCESSES:
        rates: list[float] = []
        runs: list[Spent] = []
        memory: list[float] = []
        for _ in range(RUNS):
            with ExitStack() as stack:
                edges = [stack.enter_context(edge(**SETTINGS)) for _ in range(count)]
                before = sum(one.rss() for one in edges)
                crowd = stack.enter_context(closing(Crowd(edges[0].port, first_frame=True)))
                for number, one in enumerate(edges):
                    crowd.connect([handshake_of(user) for user in users[number::count]], port=one.port)
                memory.append((sum(one.rss() for one in edges) - before) / SOCKETS / KIB)
                parts = Processors(edge=[one.process for one in edges])
                parts.start()
                rates.append(published(crowd, _channels(users), messages))
                runs.append(_per_unit(parts.stop(), frames))
        console.print(f"  {count} edges: {rates} frames/s; {_words(runs[-1])}", style="dim")
        if count == 1:
            predicted, full = median(rates), CORES / median(sum(run.values()) for run in runs)
            yield from _costs("frame", "a frame to a socket", load, runs)
            yield Figure("scale.socket.kib", AREA, "memory of an idle socket", load, memory, unit="KiB")
        else:
            yield _prediction(f"edges.{count}", f"frames/s of {count} edges", load, rates,
                              min(count * predicted, full))  # fmt: skip


def _prediction(id_: str, title: str, load: str, rates: Sequence[float], predicted: float) -> Figure:
    return Figure(
        f"scale.{id_}", AREA, f"{title}, relative to the prediction", load, [rate / predicted for rate in rates],
        details=[f"{rate:,.0f}/s, predicted {predicted:,.0f}/s" for rate in rates],
    )  # fmt: skip


def _channels(users: Sequence[int]) -> list[bytes]:
    return [channel_layer().channel_of(user_group(user)).encode() for user in users]


def _bytes_on_disk() -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_total_relation_size('clarion_notification') + pg_total_relation_size('clarion_collapse')"
        )
        return float(cursor.fetchone()[0])


def _per_unit(spent: Spent, count: int) -> Spent:
    """Processor time of each part for one unit (seconds)."""
    return {part: seconds / count for part, seconds in spent.items()}


def _costs(unit: str, title: str, load: str, runs: Sequence[Spent]) -> Iterator[Figure]:
    for part in runs[0]:
        yield Figure(
            f"scale.{unit}.{part}", AREA, f"processor time of {part} for {title}", load,
            [run[part] * 1e6 for run in runs], unit="µs",
        )  # fmt: skip


def _words(spent: Spent) -> str:
    return ", ".join(f"{part} {seconds * 1e6:.1f} µs" for part, seconds in spent.items())
