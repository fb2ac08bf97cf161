"""Storing batches, beside a bare INSERT … SELECT of as many rows into the same table, and django-notifications-hq.

Ours is all of what a worker does between taking a batch and its commit: claim it, lock the inboxes, insert the
rows, advance the inboxes, mark the batch.
"""

import time
from collections.abc import Iterator
from statistics import median

from django.db import connection, transaction
from rich.console import Console

from benchmarks.figures import Figure, ratio
from benchmarks.peers import NOTIFICATIONS_HQ
from benchmarks.testbed import Peer, database, settle
from clarion.pipeline import audiences, events, fanout, persist
from clarion.pipeline.outbox import work
from clarion.pipeline.outbox.models import Event
from examples.forum import burst_users as crowds

AREA = "persist"
PEOPLE = 100_000
#: Notifications that are there before, and how many of them each person has.
EARLIER, EACH = 5_000_000, 50
#: Does not collapse: a row a recipient, and nothing else.
PLAIN = "THREAD_LOCKED"
COLLAPSING = "THREAD_REPLY"
RUNS = 5

_BARE = """
INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at)
SELECT user_id, %s, 1, %s, now() FROM unnest(%s::bigint[]) user_id
"""

_EARLIER = """
INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at)
SELECT user_id, seq, 1, -seq, now() FROM generate_series(1, %s) seq, unnest(%s::bigint[]) user_id
"""


def measure(console: Console) -> Iterator[Figure]:
    """Rows a second, on an empty table and on one of five million."""
    crowd_of = {size: crowds.gather(size) for size in (1_000, 10_000, PEOPLE)}
    yield _beside_hq(console, crowd_of[10_000])
    for table in ("empty", "5 million"):
        if table != "empty":
            _fill(crowd_of[PEOPLE].user_ids)
        settle()
        for size in (1_000, PEOPLE):
            rates: dict[str, list[float]] = {"bare": [], PLAIN: [], COLLAPSING: []}
            for _ in range(RUNS):
                rates["bare"].append(size / _bare(crowd_of[size].user_ids))
                for kind in (PLAIN, COLLAPSING):
                    rates[kind].append(size / _ours(crowd_of[size], kind))
            told = ", ".join(f"{name} {median(them):,.0f} rows/s" for name, them in rates.items())
            console.print(f"  {size:,} on {table}: {told}", style="dim")
            name, title = f"persist.{table.replace(' ', '_')}.{size}", f"N = {size:,} on a table of {table}"
            yield ratio(
                name, AREA, f"rows/s against the bare INSERT … SELECT, {title}", rates[PLAIN], rates["bare"],
                at_least=0.5, told=told,
            )  # fmt: skip
            yield ratio(
                f"{name}.collapsing", AREA, f"the same, of a kind that collapses, {title}",
                rates[COLLAPSING], rates["bare"], told=told,
            )  # fmt: skip


def _ours(crowd: crowds.Crowd, kind: str) -> float:
    """Seconds to store one event for all of `crowd`."""
    key, _ = crowd.tell(kind)
    with transaction.atomic():
        event = work.claim_event(Event.objects.values_list("pk", flat=True).get(key=key))
        assert event is not None  # noqa: S101 - no other worker runs
        batches = fanout.fan_out(event, audiences.audiences_of(events.parse(event.name, event.payload)))
    stored = 0
    begun = time.perf_counter()
    for batch_id in batches.batch_ids:
        with transaction.atomic():
            batch = work.claim_batch(batch_id)
            assert batch is not None  # noqa: S101 - no other worker runs
            stored += sum(map(len, persist.persist(event.id, [batch])))
    took = time.perf_counter() - begun
    if stored != len(crowd.user_ids):
        raise RuntimeError(f"{stored} notifications were stored for {len(crowd.user_ids)} people")
    return took


_bare_runs = iter(range(1_000_000, 2_000_000))


def _bare(user_ids: list[int]) -> float:
    number = next(_bare_runs)  # above every seq there is
    begun = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(_BARE, [number, -number, user_ids])
    return time.perf_counter() - begun


def _fill(user_ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE clarion_notification, clarion_collapse, clarion_inbox")
        cursor.execute(
            "INSERT INTO clarion_inbox (user_id, seq, unread) SELECT unnest(%s::bigint[]), %s, %s",
            [user_ids, EACH, EACH],
        )
        cursor.execute(_EARLIER, [EARLIER // len(user_ids), user_ids])


def _beside_hq(console: Console, crowd: crowds.Crowd) -> Figure:
    size = len(crowd.user_ids)
    with Peer(*NOTIFICATIONS_HQ, DATABASE_URL=database("notifications_hq")) as peer:
        peer.ask(10)
        settle()
        ours = [size / _ours(crowd, PLAIN) for _ in range(3)]
        theirs = [size / peer.ask(size) for _ in range(3)]
    told = f"ours {median(ours):,.0f} rows/s, django-notifications-hq {median(theirs):,.0f} rows/s"
    console.print(f"  {told}", style="dim")
    return ratio(
        "persist.notifications_hq", AREA, f"rows/s against django-notifications-hq, N = {size:,}", ours, theirs,
        at_least=40, told=told,
    )  # fmt: skip
