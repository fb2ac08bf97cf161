"""The processor time of each part for a notification, an event and a frame, and a check with 1, 2 and 4 processes.

The costs are processor time, read from the processes themselves, so that they can be added up for machines that are
not here (benchmarks/sizing.py). The prediction for k processes on this machine is k times the rate of one, until its
cores are full with all parts together. The simulated clients are not counted: they poll, and cost less, the more there
is to read.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import psutil
from django.contrib.auth.models import User
from django.db import connection
from rich.console import Console

from benchmarks.areas.edge import FRAME_BYTES, SETTINGS, handshake_of, published
from benchmarks.areas.small import PREFETCH, emptied, people_of_small_events, record_small_events
from benchmarks.areas.whole import done
from benchmarks.figures import Figure
from benchmarks.processors import Processors
from benchmarks.sockets import Crowd
from benchmarks.testbed import KIB, edge, settle, worker
from clarion.pipeline.celery.queues import BURSTS, EVENTS
from clarion.pipeline.publish import channel_layer
from clarion.shared.groups import user_group
from clarion.shared.messages import frame_message
from examples.forum import burst_users as crowds

AREA = "scale"
PROCESSES = (1, 2, 4)
RECIPIENTS = 100_000
SOCKETS = 2_000
ROUNDS = 30
RUNS = 3
CORES = psutil.cpu_count() or 1


def measure(console: Console) -> Iterator[Figure]:
    """Costs, and the predictions held against what happens."""
    yield from _small(console)
    yield from _workers(console)
    yield from _edges(console)


def _small(console: Console) -> Iterator[Figure]:
    """An event that one person hears of."""
    users = people_of_small_events()
    record_small_events(users)
    settle()
    process = worker(EVENTS, prefetch=PREFETCH)
    with process:
        parts = Processors(worker=[process.process])
        rate, events = emptied(EVENTS, on_begin=parts.start)
        spent = parts.stop()
    console.print(f"  {rate:,.0f} small events/s; {_told(spent, events)}", style="dim")
    yield from _costs("event", "a small event", spent, events)


def _workers(console: Console) -> Iterator[Figure]:
    """A large event, worked off by several processes."""
    crowd = crowds.gather(RECIPIENTS)
    settle()
    rates: dict[int, list[float]] = {}
    predicted = 0.0
    for count in PROCESSES:
        with ExitStack() as stack:
            workers = [stack.enter_context(worker(EVENTS, BURSTS, concurrency=2)) for _ in range(count)]
            done(crowd)  # connections are open after this
            parts = Processors(worker=[one.process for one in workers])
            parts.start()
            rates[count] = [RECIPIENTS / done(crowd)[0] for _ in range(RUNS)]
            spent = parts.stop()
        if count == 1:
            predicted = max(rates[1])
            yield from _costs("notification", "a notification of a large event", spent, RECIPIENTS * RUNS)
            yield Figure("scale.notification.bytes", AREA, "on disk, a notification", [_bytes_a_row()], unit="bytes")
            full = CORES / (sum(spent.values()) / (RECIPIENTS * RUNS))
        told = f"{max(rates[count]):,.0f}/s with {count}, {max(rates[1]):,.0f}/s with 1"
        console.print(f"  {told}; {_told(spent, RECIPIENTS * RUNS)}", style="dim")
        if count > 1:
            yield Figure(
                f"scale.workers.{count}", AREA, f"notifications/s of {count} workers, against the prediction",
                [rate / min(count * predicted, full) for rate in rates[count]], told=told,
            )  # fmt: skip


def _edges(console: Console) -> Iterator[Figure]:
    """Frames to sockets, spread over several edges."""
    names = [f"scale-{number}" for number in range(SOCKETS)]
    User.objects.bulk_create((User(username=name) for name in names), ignore_conflicts=True)
    users = list(User.objects.filter(username__in=names).values_list("pk", flat=True))
    messages = [channel_layer().serialize(frame_message(seq, "x" * FRAME_BYTES)) for seq in range(1, ROUNDS + 1)]
    predicted = full = 0.0
    for count in PROCESSES:
        rates: list[float] = []
        for _ in range(RUNS):
            with ExitStack() as stack:
                edges = [stack.enter_context(edge(**SETTINGS)) for _ in range(count)]
                before = [one.rss() for one in edges]
                crowd = stack.enter_context(closing(Crowd(edges[0].port, first_frame=True)))
                for number, one in enumerate(edges):
                    crowd.connect([handshake_of(user) for user in users[number::count]], port=one.port)
                held = sum(one.rss() for one in edges) - sum(before)
                parts = Processors(edge=[one.process for one in edges])
                parts.start()
                rates.append(published(crowd, _channels(users), messages))
                spent = parts.stop()
        frames = SOCKETS * ROUNDS
        if count == 1:
            predicted, full = max(rates), CORES / (sum(spent.values()) / frames)
            yield from _costs("frame", "a frame to a socket", spent, frames)
            yield Figure("scale.socket.kib", AREA, "memory, an idle socket", [held / SOCKETS / KIB], unit="KiB")
        told = f"{max(rates):,.0f} frames/s with {count}, {predicted:,.0f} with 1"
        console.print(f"  {told}; {_told(spent, frames)}", style="dim")
        if count > 1:
            yield Figure(
                f"scale.edges.{count}", AREA, f"frames/s of {count} edges, against the prediction",
                [rate / min(count * predicted, full) for rate in rates], told=told,
            )  # fmt: skip


def _channels(users: Sequence[int]) -> list[bytes]:
    return [channel_layer().channel_of(user_group(user)).encode() for user in users]


def _bytes_a_row() -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_total_relation_size('clarion_notification')::float / count(*) FROM clarion_notification"
        )
        return float(cursor.fetchone()[0])


def _costs(unit: str, title: str, spent: dict[str, float], count: int) -> Iterator[Figure]:
    for part, seconds in spent.items():
        yield Figure(
            f"scale.{unit}.{part}", AREA, f"processor time of {part} for {title}", [seconds / count * 1e6], unit="µs"
        )


def _told(spent: dict[str, float], count: int) -> str:
    return ", ".join(f"{part} {seconds / count * 1e6:.1f} µs" for part, seconds in spent.items())
