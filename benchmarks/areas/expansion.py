"""Expansion: an audience into announcements and batches, relative to the bare SELECT of the same users."""

import time
from collections.abc import Iterator

from django.db import connection, transaction
from django.db.models import QuerySet
from rich.console import Console

from benchmarks.figures import Figure, details, ratio
from benchmarks.testbed import settle
from clarion.pipeline import audiences, events, fanout
from clarion.pipeline.outbox import work
from clarion.pipeline.outbox.models import Event
from examples.forum import burst_users

AREA = "expansion"
RECIPIENTS = 100_000


def measure(console: Console) -> Iterator[Figure]:
    """Fan out to the audience of a message to many, and roll it back."""
    crowd = burst_users.gather(RECIPIENTS)
    key, _ = crowd.post()
    settle()
    event_id = Event.objects.values_list("pk", flat=True).get(key=key)
    ours, bare = [], []
    for _ in range(7):
        bare.append(_select(event_id) * 1000)
        ours.append(_fan_out(event_id) * 1000)
    ours, bare = ours[2:], bare[2:]  # the first ones warm the caches
    runs = details("fan-out {ours:.0f} ms, SELECT {bare:.0f} ms", ours=ours, bare=bare)
    console.print(f"  {runs}", style="dim")
    yield ratio(
        "expansion.select", AREA, f"audience of {RECIPIENTS:,} to batches, relative to the bare SELECT of it",
        "a message in a thread, THREAD_REPLY", ours, bare, at_most=3, details=runs,
    )  # fmt: skip


def _fan_out(event_id: int) -> float:
    with transaction.atomic():
        event = work.claim_event(event_id)
        assert event is not None  # noqa: S101 - no other worker runs
        declared = audiences.audiences_of(events.parse(event.name, event.payload))
        begun = time.perf_counter()
        batches = fanout.fan_out(event, declared)
        took = time.perf_counter() - begun
        if batches.recipients != RECIPIENTS:
            raise RuntimeError(f"{batches.recipients} recipients instead of {RECIPIENTS}")
        transaction.set_rollback(True)
    return took


def _select(event_id: int) -> float:
    with transaction.atomic():
        event = work.claim_event(event_id)
        assert event is not None  # noqa: S101 - no other worker runs
        (audience,) = [
            one for one in audiences.audiences_of(events.parse(event.name, event.payload)) if one.kind == "THREAD_REPLY"
        ]
        assert isinstance(audience.who, QuerySet)  # noqa: S101 - the forum's are
        sql, params = audience.who.order_by().query.sql_with_params()
        with connection.cursor() as cursor:
            begun = time.perf_counter()
            cursor.execute(sql, params)
            found = len(cursor.fetchall())
            took = time.perf_counter() - begun
    if found < RECIPIENTS:
        raise RuntimeError(f"{found} users were selected instead of {RECIPIENTS}")
    return took
