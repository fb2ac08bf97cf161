"""Small events, one recipient each, through one worker process, beside Celery doing nothing.

Both find their queue full and are timed while they empty it, by its length.
"""

import time
import uuid
from collections.abc import Iterator
from statistics import median

import redis
from django.contrib.auth.models import User
from django.db import transaction
from rich.console import Console

from benchmarks.figures import Figure, ratio
from benchmarks.ground import Server, interleaved, settle, worker
from benchmarks.peers import empty
from pipeline.notices import NoticeGiven
from pipeline.outbox.recording import record
from pipeline.queues import EVENTS
from shared.settings import load

AREA = "small"
EVENTS_OF_A_RUN = 2_000
EMPTY_OF_A_RUN = 5_000
PEOPLE = 500
RUNS = 3
#: Between two looks at a queue (seconds), and the longest wait for it to change.
LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 120


def measure(console: Console) -> Iterator[Figure]:
    """Tasks a second."""
    User.objects.bulk_create(User(username=f"small-{number}") for number in range(PEOPLE))
    users = list(User.objects.filter(username__startswith="small-").values_list("pk", flat=True))
    rates: dict[str, list[float]] = {"ours": [], "empty": []}
    for name in interleaved(RUNS, list(rates)):
        if name == "ours":
            _record(users)
            settle()
            rates[name].append(_emptied(worker(EVENTS), EVENTS))
        else:
            for number in range(EMPTY_OF_A_RUN):
                empty.empty.delay(number)
            rates[name].append(_emptied(worker(empty.QUEUE, app="benchmarks.peers.empty"), empty.QUEUE))
    told = f"ours {median(rates['ours']):,.0f} events/s, Celery {median(rates['empty']):,.0f} empty tasks/s"
    console.print(f"  {told}", style="dim")
    yield ratio(
        "small.events", AREA, "events/s through one worker process, against Celery doing an empty task",
        rates["ours"], rates["empty"], at_least=0.5, told=told,
    )  # fmt: skip


def _record(users: list[int]) -> None:
    """Events of one recipient each, of as many sources, so that none is taken for a storm."""
    for number in range(EVENTS_OF_A_RUN):
        name = uuid.uuid4().hex
        notice = NoticeGiven(kind="MENTION", recipients=(users[number % PEOPLE],), data={"excerpt": "x" * 100})
        with transaction.atomic():
            record(notice, key=name, source=name)


def _emptied(process: Server, queue: str) -> float:
    """Tasks a second while the middle of the queue is worked off: neither the start nor the end counts."""
    with redis.Redis.from_url(load().broker_url.get_secret_value()) as broker, process:
        full = int(broker.llen(queue))
        first = last = (0.0, full)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (left := int(broker.llen(queue))) > full * 0.05:
            now = (time.perf_counter(), left)
            if left > full * 0.9:
                first = now
            last = now
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} of {full} tasks were left after {PATIENCE_SECONDS} s")
            time.sleep(LOOK_SECONDS)
        return (first[1] - last[1]) / (last[0] - first[0])
