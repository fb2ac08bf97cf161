"""Storing batches, relative to a bare INSERT … SELECT of as many rows into the same table, and django-notifications-hq.

Clarion's time covers all that a worker does from taking a batch to its commit: claim it, lock the inboxes, insert the
rows, advance the inboxes, mark the batch as stored. The write-ahead log of the same work is counted in bytes; right
after a checkpoint it has each page that is changed as a whole.
"""

import time
from collections.abc import Iterator

from django.db import connection, transaction
from rich.console import Console

from benchmarks.areas import COLLAPSING, KINDS, PLAIN
from benchmarks.figures import RUNS, Figure, details, ratio
from benchmarks.peers import NOTIFICATIONS_HQ
from benchmarks.testbed import Peer, database, settle
from clarion.pipeline import audiences, events, fanout, persist
from clarion.pipeline.outbox import work
from clarion.pipeline.outbox.models import Event
from examples.forum import burst_users

AREA = "persist"
PEOPLE = 100_000
#: Notifications that exist before, and how many of them each user has.
EARLIER, EACH = 5_000_000, 50
#: Recipients whose write-ahead log is counted; their rows are spread over the tables.
SPREAD = 10_000
#: Bytes of write-ahead log a notification, at most: of a kind that collapses, and of any kind after a checkpoint.
COLLAPSING_BYTES, CHECKPOINT_BYTES = 600, 5_000
#: Runs of the comparison with the bare insert.
INSERT_RUNS = 5

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
    crowd_of = {size: burst_users.gather(size) for size in (1_000, SPREAD, PEOPLE)}
    yield from _beside_hq(console, crowd_of[SPREAD])
    for table in ("empty", "5 million"):
        if table != "empty":
            _fill(crowd_of[PEOPLE].user_ids)
        settle()
        for size in (1_000, PEOPLE):
            bare: list[float] = []
            rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for _ in range(INSERT_RUNS):
                bare.append(size / _bare(crowd_of[size].user_ids))
                for kind in KINDS:
                    rates[kind].append(size / _ours(crowd_of[size], kind))
            rows = "an empty table" if table == "empty" else "a table of 5 million"
            for kind, load in KINDS.items():
                runs = details("Clarion {ours:,.0f} rows/s, bare {bare:,.0f} rows/s", ours=rates[kind], bare=bare)
                console.print(f"  {kind}, {size:,} on {rows}: {runs}", style="dim")
                yield ratio(
                    f"persist.{table.replace(' ', '_')}.{size}.{kind}", AREA,
                    f"rows/s of {size:,} recipients on {rows}, relative to the bare INSERT … SELECT", load,
                    rates[kind], bare, at_least=0.5 if kind == PLAIN else None, details=runs,
                )  # fmt: skip
    yield from _write_ahead_log(console, crowd_of[SPREAD])


def _write_ahead_log(console: Console, crowd: burst_users.Crowd) -> Iterator[Figure]:
    """Count the bytes of the log, right after a checkpoint and once most pages were changed since it."""
    size = len(crowd.user_ids)
    for kind, load in KINDS.items():
        first: list[float] = []
        later: list[float] = []
        for _ in range(RUNS):
            settle()
            for runs in (first, later):
                before = _log_position()
                _ours(crowd, kind)
                runs.append((_log_position() - before) / size)
        console.print(f"  {kind}: {later} bytes, {first} right after a checkpoint", style="dim")
        kind_and_load = f"{load}, {size:,} recipients"
        yield Figure(
            f"persist.log.{kind}", AREA, "write-ahead log of a notification, table of 5 million", kind_and_load, later,
            unit="bytes", at_most=COLLAPSING_BYTES if kind == COLLAPSING else None,
        )  # fmt: skip
        yield Figure(
            f"persist.log_after_checkpoint.{kind}", AREA,
            "write-ahead log of a notification right after a checkpoint, table of 5 million", kind_and_load, first,
            unit="bytes", at_most=CHECKPOINT_BYTES,
        )  # fmt: skip


def _log_position() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
        return int(cursor.fetchone()[0])


def _ours(crowd: burst_users.Crowd, kind: str) -> float:
    """Seconds to store one event for all of `crowd`."""
    key, _ = crowd.notify(kind)
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
        raise RuntimeError(f"{stored} notifications were stored for {len(crowd.user_ids)} users")
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


def _beside_hq(console: Console, crowd: burst_users.Crowd) -> Iterator[Figure]:
    size = len(crowd.user_ids)
    with Peer(*NOTIFICATIONS_HQ, DATABASE_URL=database("notifications_hq")) as peer:
        peer.ask(10)
        settle()
        ours = {kind: [size / _ours(crowd, kind) for _ in range(RUNS)] for kind in KINDS}
        theirs = [size / peer.ask(size) for _ in range(RUNS)]
    for kind, load in KINDS.items():
        runs = details(
            "Clarion {ours:,.0f} rows/s, django-notifications-hq {theirs:,.0f} rows/s", ours=ours[kind], theirs=theirs
        )
        console.print(f"  {kind}: {runs}", style="dim")
        yield ratio(
            f"persist.notifications_hq.{kind}", AREA,
            f"rows/s of {size:,} recipients, relative to django-notifications-hq", load, ours[kind], theirs,
            at_least=40 if kind == PLAIN else None, details=runs,
        )  # fmt: skip
