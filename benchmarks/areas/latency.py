"""One event on an idle system, from its commit to the socket, relative to the sum of its bare hops.

The event is a notice to one user, because the bare hops run no code of an application either. The time of each stage
is read from the timelines of the events, whose times are all of one clock.
"""

import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from statistics import median

import redis
from django.db import connection, transaction
from rich.console import Console

from benchmarks.areas.edge import SETTINGS, handshake_of, publish_command, read_replies, valkey_port
from benchmarks.figures import RUNS, Figure, ratio
from benchmarks.peers import empty
from benchmarks.sockets import Crowd, handshake
from benchmarks.testbed import daphne, edge, settle, worker
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.celery.queues import BURSTS, EVENTS
from clarion.pipeline.outbox.recording import record
from clarion.shared.settings import get_settings
from examples.forum import burst_users

AREA = "latency"
EVENTS_OF_A_RUN = 100
LOAD = "MENTION, 1 recipient, idle"
#: Stages in the timeline of an event (seconds).
_STAGES = {
    "recorded to enqueued": "e.enqueued_at - e.recorded_at",
    "enqueued to expanded": "e.expanded_at - e.enqueued_at",
    "expanded to stored": "b.persisted_at - e.expanded_at",
    "stored to published and marked": "b.finished_at - b.persisted_at",
}
_MEDIANS = (f"percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM {took}))" for took in _STAGES.values())
_TIMELINE = f"""
SELECT {", ".join(_MEDIANS)}
  FROM (SELECT * FROM clarion_event ORDER BY id DESC LIMIT %s) e JOIN clarion_batch b ON b.event_id = e.id
 WHERE e.state = 'done'
"""  # noqa: S608 - constants
_PUSH = b"POST /push?rounds=1&size=300 HTTP/1.1\r\nHost: benchmark\r\nContent-Length: 0\r\n\r\n"


def measure(console: Console) -> Iterator[Figure]:
    """Measure the median latency and its stages."""
    crowd = burst_users.gather(1)
    settle()
    hops: dict[str, list[float]] = {"commit": [], "broker and worker": [], "PUBLISH": [], "socket": []}
    ours: list[float] = []
    stages: list[list[float]] = []
    for _ in range(RUNS):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS bare (id bigserial, body text)")
        hops["commit"].append(_median(_commit))
        with worker(empty.QUEUE, app="benchmarks.peers.empty"):
            hops["broker and worker"].append(_median(_task))
        hops["PUBLISH"].append(_publish())
        hops["socket"].append(_socket())
        ours.append(_ours(crowd))
        with connection.cursor() as cursor:
            cursor.execute(_TIMELINE, [EVENTS_OF_A_RUN])
            stages.append(list(cursor.fetchone()))
    sums = [sum(run) for run in zip(*hops.values(), strict=True)]
    runs = [
        f"Clarion {clarion * 1000:.1f} ms; "
        + ", ".join(f"{name} {seconds * 1000:.2f}" for name, seconds in zip(hops, run, strict=True))
        for clarion, run in zip(ours, zip(*hops.values(), strict=True), strict=True)
    ]
    console.print(f"  {runs}", style="dim")
    yield ratio(
        "latency.idle", AREA, "commit to socket, p50, relative to the sum of its bare hops", LOAD, ours, sums,
        at_most=2, details=runs,
    )  # fmt: skip
    for number, (name, took) in enumerate(zip(_STAGES, zip(*stages, strict=True), strict=True)):
        yield Figure(f"latency.stage.{number}", AREA, f"of which {name}", LOAD, [one * 1000 for one in took], unit="ms")


def _median(once: Callable[[], float]) -> float:
    once()
    return median(once() for _ in range(EVENTS_OF_A_RUN))


def _commit() -> float:
    begun = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO bare (body) VALUES ('hello')")
    return time.perf_counter() - begun


def _task() -> float:
    """Return the seconds until a task has begun; it answers with the time of the clock that all processes share."""
    with redis.Redis.from_url(get_settings().broker_url.get_secret_value()) as broker:
        begun = time.monotonic()
        empty.clock.delay()
        answer = broker.blpop([empty.CLOCK], timeout=30)
        if answer is None:
            raise TimeoutError("the empty task did not run")
        return float(answer[1]) - begun


def _publish() -> float:
    address = ("127.0.0.1", valkey_port())
    with socket.create_connection(address) as subscriber, socket.create_connection(address) as publisher:
        subscriber.sendall(b"*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nbare\r\n")
        subscriber.recv(4096)
        command = publish_command(b"bare", b"x" * 300)

        def once() -> float:
            begun = time.perf_counter()
            publisher.sendall(command)
            subscriber.recv(4096)
            took = time.perf_counter() - begun
            read_replies(publisher, 1)
            return took

        return _median(once)


def _socket() -> float:
    with daphne("benchmarks.peers.bare:application") as server, closing(Crowd(server.port, first_frame=False)) as crowd:
        crowd.connect([handshake("/")])
        with socket.create_connection(("127.0.0.1", server.port)) as asking:

            def once() -> float:
                crowd.forget()
                begun = time.perf_counter()
                asking.sendall(_PUSH)
                crowd.read_until_all()
                took = time.perf_counter() - begun
                asking.recv(65536)
                return took

            return _median(once)


def _ours(crowd: burst_users.Crowd) -> float:
    committed: list[float] = []

    def once() -> float:
        sockets.forget()
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(time.perf_counter()))
            name = uuid.uuid4().hex
            record(NoticeGiven(kind="MENTION", recipients=(crowd.user_ids[0],), data={"excerpt": "x"}), key=name)
        sockets.read_until_all()
        return time.perf_counter() - committed[-1]

    settings = SETTINGS | {"CLARION_QUIET_LOSS_SECONDS": "30"}
    with worker(EVENTS, BURSTS), edge(**settings) as server, closing(Crowd(server.port, first_frame=True)) as sockets:
        sockets.connect([handshake_of(crowd.user_ids[0])])
        return _median(once)
