"""Small events, one recipient each, through one worker process, relative to Celery's empty task.

Both find their queue full and are timed by its length while they empty it. Postgres counts the transaction ids that an
event takes: of these there are two billion until all tables have to be vacuumed.
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

from benchmarks.figures import RUNS, Figure, details, ratio
from benchmarks.peers import empty
from benchmarks.testbed import Server, interleaved, settle, worker
from clarion.pipeline import delivery
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.celery.queues import EVENTS, redis_key
from clarion.pipeline.outbox.recording import record
from clarion.shared.settings import get_settings

AREA = "small_events"
EVENTS_OF_A_RUN = 1_500
EMPTY_OF_A_RUN = 3_000
PEOPLE = 500
RATE_RUNS = 5
#: Prefetch multiplier of the worker, as in the Procfile.
PREFETCH = 2
#: Plans of each statement in one run.
PLANS = 30
#: Interval between two reads of a queue's length, and the longest wait for it to change (seconds).
POLL_SECONDS = 0.01
PATIENCE_SECONDS = 120


def measure(console: Console) -> Iterator[Figure]:
    """Measure tasks a second, and the time to plan the statements of an event."""
    users = small_event_users()
    rates: dict[str, list[float]] = {"ours": [], "empty": []}
    transactions: list[float] = []
    for name in interleaved(RATE_RUNS, list(rates)):
        if name == "ours":
            record_small_events(users)
            settle()
            rate, taken = _rate_and_transactions(worker(EVENTS, prefetch=PREFETCH))
            rates[name].append(rate)
            transactions.append(taken)
        else:
            for number in range(EMPTY_OF_A_RUN):
                empty.empty.delay(number)
            peer = worker(empty.QUEUE, prefetch=PREFETCH, app="benchmarks.peers.empty")
            with peer:
                rates[name].append(emptied(redis_key(empty.QUEUE))[0])
    runs = details("Clarion {ours:,.0f} events/s, Celery {empty:,.0f} empty tasks/s", **rates)
    console.print(f"  {runs}", style="dim")
    yield ratio(
        "small_events.rate", AREA, "events/s through one worker process, relative to Celery's empty task",
        "MENTION, does not collapse, 1 recipient, a full queue", rates["ours"], rates["empty"], at_least=0.5,
        details=runs,
    )  # fmt: skip
    yield Figure(
        "small_events.transactions", AREA, "transaction ids of an event, with that of its recording",
        "MENTION, does not collapse, 1 recipient, a full queue", transactions, unit="ids", at_most=1.5,
    )  # fmt: skip
    statements = _statements(users)
    runs_of_plans = [
        [median(_plan(sql, params) for _ in range(PLANS)) for sql, params in statements] for _ in range(RUNS)
    ]
    yield Figure(
        "small_events.planning", AREA, "planning all statements of an event, if they were not prepared",
        "MENTION, 1 recipient", [sum(plans) for plans in runs_of_plans], unit="µs",
        details=[
            ", ".join(f"{sql.split()[0]} {micros:.0f}" for (sql, _), micros in zip(statements, plans, strict=True))
            for plans in runs_of_plans
        ],
    )  # fmt: skip


def _statements(users: list[int]) -> list[tuple[str, Any]]:
    """Return each statement that a worker executes for one small event, with its parameters."""
    with transaction.atomic():
        event_id = record(NoticeGiven(kind="MENTION", recipients=(users[0],), data={}), key=uuid.uuid4().hex)
    statements: list[tuple[str, Any]] = []

    def capture(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(capture):
        delivery.expand(event_id)
    return statements


def _plan(sql: str, params: Any) -> float:
    """Return the planning time of a statement (µs)."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (SUMMARY) {sql}", params)
        line = next(text for (text,) in cursor.fetchall() if text.startswith("Planning Time"))
    return float(line.split()[2]) * 1000


def small_event_users() -> list[int]:
    """Create the recipients; return their ids."""
    names = [f"small-{number}" for number in range(PEOPLE)]
    User.objects.bulk_create((User(username=name) for name in names), ignore_conflicts=True)
    return list(User.objects.filter(username__in=names).values_list("pk", flat=True))


def record_small_events(users: list[int], kind: str = "MENTION") -> None:
    """Record events of one recipient each, without actor and source, as a service sends them."""
    for number in range(EVENTS_OF_A_RUN):
        user = users[number % PEOPLE]
        notice = NoticeGiven(kind=kind, recipients=(user,), data={"excerpt": "x" * 100}, topic=f"benchmark:{user}")
        with transaction.atomic():
            record(notice, key=uuid.uuid4().hex)


def _rate_and_transactions(process: Server) -> tuple[float, float]:
    """Return the events a second of a worker, and the transaction ids of each, with the one that recorded it."""
    marks: list[int] = []
    with process:
        rate, events = emptied(redis_key(EVENTS), on_start=lambda: marks.append(_next_transaction_id()))
        marks.append(_next_transaction_id())
    return rate, 1 + (marks[1] - marks[0]) / events


def _next_transaction_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")  # takes none itself
        return int(cursor.fetchone()[0])


def emptied(key: str, on_start: Callable[[], None] = lambda: None) -> tuple[float, int]:
    """Return the tasks a second, and their number, in the middle of a queue: neither its start nor its end counts."""
    with redis.Redis.from_url(get_settings().broker_url.get_secret_value()) as broker:
        full = int(broker.llen(key))
        if not full:
            raise LookupError(f"The broker has no queue {key}: nothing would be measured")
        deadline = time.monotonic() + PATIENCE_SECONDS
        marks: list[tuple[float, int]] = []
        for share in (0.9, 0.1):
            while (left := int(broker.llen(key))) > full * share:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{left} of {full} tasks were left after {PATIENCE_SECONDS} s")
                time.sleep(POLL_SECONDS)
            marks.append((time.perf_counter(), left))
            if len(marks) == 1:
                on_start()
        (began, before), (ended, after) = marks
        return (before - after) / (ended - began), before - after
