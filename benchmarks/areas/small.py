"""Small events, one recipient each, through one worker process, beside Celery doing nothing.

Both find their queue full and are timed while they empty it, by its length.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import redis
from django.contrib.auth.models import User
from django.db import connection, transaction
from rich.console import Console

from benchmarks.figures import Figure, ratio
from benchmarks.peers import empty
from benchmarks.testbed import Server, interleaved, settle, worker
from clarion.pipeline import delivery
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.celery.queues import EVENTS
from clarion.pipeline.outbox.recording import record
from clarion.shared.settings import get_settings

AREA = "small"
EVENTS_OF_A_RUN = 1_500
EMPTY_OF_A_RUN = 3_000
PEOPLE = 500
RUNS = 5
#: Tasks that a worker takes for each of its threads, as the Procfile has it.
PREFETCH = 2
#: How often each statement is planned.
PLANNED = 30
#: Between two looks at a queue (seconds), and the longest wait for it to change.
LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 120


def measure(console: Console) -> Iterator[Figure]:
    """Tasks a second."""
    users = people_of_small_events()
    rates: dict[str, list[float]] = {"ours": [], "empty": []}
    for name in interleaved(RUNS, list(rates)):
        if name == "ours":
            record_small_events(users)
            settle()
            rates[name].append(_rate(worker(EVENTS, prefetch=PREFETCH), EVENTS))
        else:
            for number in range(EMPTY_OF_A_RUN):
                empty.empty.delay(number)
            rates[name].append(_rate(worker(empty.QUEUE, prefetch=PREFETCH, app="benchmarks.peers.empty"), empty.QUEUE))
    told = f"ours {median(rates['ours']):,.0f} events/s, Celery {median(rates['empty']):,.0f} empty tasks/s"
    console.print(f"  {told}", style="dim")
    yield ratio(
        "small.events", AREA, "events/s through one worker process, against Celery doing an empty task",
        rates["ours"], rates["empty"], at_least=0.5, told=told,
    )  # fmt: skip
    planning = _planning(users)
    told = ", ".join(f"{first_word} {micros:.0f}" for first_word, micros in planning)
    yield Figure(
        "small.planning", AREA, "planning the statements of a small event, were they not prepared",
        [sum(micros for _, micros in planning)], unit="µs", told=told,
    )  # fmt: skip


def _planning(users: list[int]) -> list[tuple[str, float]]:
    """What a worker asks of Postgres for one small event: each statement, and how long it is planned (µs)."""
    with transaction.atomic():
        event_id = record(NoticeGiven(kind="MENTION", recipients=(users[0],), data={}), key=uuid.uuid4().hex)
    asked: list[tuple[str, Any]] = []

    def noted(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(noted):
        delivery.expand(event_id)
    return [(sql.split()[0], median(_planned(sql, params) for _ in range(PLANNED))) for sql, params in asked]


def _planned(sql: str, params: Any) -> float:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (SUMMARY) {sql}", params)
        line = next(text for (text,) in cursor.fetchall() if text.startswith("Planning Time"))
    return float(line.split()[2]) * 1000


def people_of_small_events() -> list[int]:
    """The ids of the recipients, one for each event."""
    names = [f"small-{number}" for number in range(PEOPLE)]
    User.objects.bulk_create((User(username=name) for name in names), ignore_conflicts=True)
    return list(User.objects.filter(username__in=names).values_list("pk", flat=True))


def record_small_events(users: list[int]) -> None:
    """Events of one recipient each, of as many sources, so that none is taken for a storm."""
    for number in range(EVENTS_OF_A_RUN):
        name = uuid.uuid4().hex
        notice = NoticeGiven(kind="MENTION", recipients=(users[number % PEOPLE],), data={"excerpt": "x" * 100})
        with transaction.atomic():
            record(notice, key=name, source=name)


def _rate(process: Server, queue: str) -> float:
    with process:
        return emptied(queue)[0]


def emptied(queue: str, on_begin: Callable[[], None] = lambda: None) -> tuple[float, int]:
    """Tasks a second while the middle of a queue is worked off, and how many: neither the start nor the end counts."""
    with redis.Redis.from_url(get_settings().broker_url.get_secret_value()) as broker:
        full = int(broker.llen(queue))
        deadline = time.monotonic() + PATIENCE_SECONDS
        marks: list[tuple[float, int]] = []
        for share in (0.9, 0.1):
            while (left := int(broker.llen(queue))) > full * share:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{left} of {full} tasks were left after {PATIENCE_SECONDS} s")
                time.sleep(LOOK_SECONDS)
            marks.append((time.perf_counter(), left))
            if len(marks) == 1:
                on_begin()
        (began, before), (ended, after) = marks
        return (before - after) / (ended - began), before - after
