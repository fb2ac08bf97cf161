"""Tables that have grown: the time to read an inbox of up to a million, and of a purge that finds nothing to remove.

All notifications of the inboxes are unread; they are one, ten thousand and a million. While the owner of a million
marks all of them as read, others go on being mentioned.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from statistics import median

from django.contrib.auth.models import User
from django.db import connection, transaction
from rich.console import Console

from benchmarks.areas.end_to_end import until_published
from benchmarks.figures import RUNS, Figure, details, ratio
from benchmarks.testbed import settle, worker
from clarion.pipeline.adhoc import NoticeGiven
from clarion.pipeline.celery.queues import BURSTS, EVENTS
from clarion.pipeline.inbox.marking import read_through
from clarion.pipeline.inbox.snapshots import newest
from clarion.pipeline.outbox.recording import record
from clarion.pipeline.retention import purge_slice
from clarion.shared.inbox.models import Inbox
from clarion.shared.inbox.queries import log_after_sql
from clarion.shared.settings import get_settings
from clarion.shared.user_keys import KeyType
from examples.forum import burst_users

AREA = "growth"
SIZES = (1, 10_000, 1_000_000)
PAGE = 50
#: Changes that a client missed; one in the inbox of one.
MISSED = 10
#: Reads of one run, and readings of all.
TIMES, READINGS = 200, 20
#: Mentions of one run.
MENTIONS = 50

_FILL = """
INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at)
SELECT %(user)s, seq, 1, seq, now() FROM generate_series(1, %(size)s) seq
"""
_ANNOUNCEMENT = """
INSERT INTO clarion_announcement (id, event_id, kind, data, created_at)
VALUES (1, 0, 'MENTION', '{"excerpt": "hello"}', now())
ON CONFLICT DO NOTHING
"""
#: The ids of announcements go on after those that were inserted with one.
_GO_ON = "SELECT setval(pg_get_serial_sequence('clarion_announcement', 'id'), max(id)) FROM clarion_announcement"


#: Finished events of now, each with its announcement and a change of an inbox.
_FINISHED = """
INSERT INTO clarion_event (key, name, payload, state, next_attempt_at, finished_at, recipients)
SELECT 'grown-' || n, 'a.b.v1', '{}', 'done', now(), now(), 1 FROM generate_series(%(first)s, %(size)s) n;
INSERT INTO clarion_announcement (id, event_id, kind, data, created_at)
SELECT n + 1, -n, 'MENTION', '{}', now() FROM generate_series(%(first)s, %(size)s) n;
INSERT INTO clarion_change (recipient_id, seq, action, created_at)
SELECT -n, 1, 'read', now() FROM generate_series(%(first)s, %(size)s) n
"""
_ALL_DUE = "UPDATE clarion_retention SET finished_at = NULL, under_way = false, position = 0"


def measure(console: Console) -> Iterator[Figure]:
    """Measure each way of reading, relative to an inbox of ten thousand, and the purge."""
    times: dict[str, dict[int, list[float]]] = {  # milliseconds by run
        name: {size: [] for size in SIZES} for name in ("list", "snapshot", "resume", "read all")
    }
    for _ in range(RUNS):
        users = {size: _inbox_of(size) for size in SIZES}
        settle()
        for size, user in users.items():
            middle = size // 2 + 1
            times["list"][size].append(_median(partial(newest, user, limit=PAGE, before=middle + PAGE)))
            times["snapshot"][size].append(_median(partial(newest, user, limit=PAGE)))
            times["resume"][size].append(_median(partial(_resume, user, max(0, size - MISSED))))
            times["read all"][size].append(_read_all(user, size))
    for name, of_size in times.items():
        runs = details(
            "1: {one:,.2f} ms, 10,000: {some:,.2f} ms, 1,000,000: {many:,.2f} ms",
            one=of_size[1], some=of_size[10_000], many=of_size[1_000_000],
        )  # fmt: skip
        console.print(f"  {name}: {runs}", style="dim")
        # An inbox of one has fewer rows than a page: the time must be flat from a full page on.
        yield ratio(
            f"growth.{name.replace(' ', '_')}", AREA, f"{name}, inbox of 1,000,000 relative to one of 10,000",
            "MENTION, all unread", of_size[1_000_000], of_size[10_000], details=runs,
            at_most=1.5 if name in ("list", "resume", "read all") else None,
        )  # fmt: skip
    yield _purge(console)
    yield _beside_reader(console, users[SIZES[-1]])


def _beside_reader(console: Console, reader: int) -> Figure:
    """Measure mentions of somebody else while the owner of a million marks all of them as read, again and again."""
    with connection.cursor() as cursor:
        cursor.execute(_GO_ON)
    other = burst_users.gather(1).user_ids[0]
    idle: list[float] = []
    beside: list[float] = []
    with worker(EVENTS, BURSTS):
        _mention(other)  # connections are open after this
        for _ in range(RUNS):
            idle.append(median(_mention(other) for _ in range(MENTIONS)))
            with _reading_all(reader, SIZES[-1]) as readings:
                beside.append(median(_mention(other) for _ in range(MENTIONS)))
            if len(readings) < MENTIONS:
                raise RuntimeError(f"{len(readings)} readings are too few for {MENTIONS} mentions beside them")
    runs = details("idle {idle:.1f} ms, beside the reader {beside:.1f} ms", idle=idle, beside=beside)
    console.print(f"  mention: {runs}", style="dim")
    return ratio(
        "growth.beside_reader", AREA, "recorded to published, p50, while another user reads all of 1,000,000",
        "MENTION, 1 recipient, relative to no reader", beside, idle, at_most=2, details=runs,
    )  # fmt: skip


def _mention(user: int) -> float:
    """Mention a user; return the time until the mention is published (milliseconds)."""
    key = uuid.uuid4().hex
    with transaction.atomic():
        record(NoticeGiven(kind="MENTION", recipients=(user,), data={"excerpt": "x"}), key=key)
    return until_published(key)[0] * 1000


@contextmanager
def _reading_all(user: int, size: int) -> Iterator[list[float]]:
    """Mark all as read in a thread, again and again, until the block ends; yield the times that it took."""
    times: list[float] = []
    ended = threading.Event()

    def read() -> None:
        try:
            while not ended.is_set():
                times.append(_read_all_once(user, size))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            yield times
        finally:
            ended.set()
            reading.result()


def _purge(console: Console) -> Figure:
    """Measure a purge of tables in which nothing is old."""
    times: dict[int, list[float]] = {}
    first = 1
    for size in SIZES[1:]:
        with connection.cursor() as cursor:
            cursor.execute(_FINISHED, {"first": first, "size": size})
            cursor.execute("ANALYZE clarion_event, clarion_announcement, clarion_change")
        first = size + 1
        settle()
        purge_slice()
        times[size] = [_median(_purge_all, READINGS) for _ in range(RUNS)]
    runs = details("10,000: {some:,.2f} ms, 1,000,000: {many:,.2f} ms", some=times[10_000], many=times[1_000_000])
    console.print(f"  purge: {runs}", style="dim")
    return ratio(
        "growth.purge", AREA, "purge that finds nothing to remove, 1,000,000 finished events relative to 10,000",
        "each with an announcement and a change", times[1_000_000], times[10_000], at_most=1.5, details=runs,
    )  # fmt: skip


def _purge_all() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ALL_DUE)
    removed = purge_slice()
    if any(removed.values()):
        raise RuntimeError(f"{removed} were removed")


def _inbox_of(size: int) -> int:
    """Create a user with so many unread notifications; return the id."""
    user: int = User.objects.create(username=f"inbox-{size}-{uuid.uuid4().hex[:8]}").pk
    with connection.cursor() as cursor:
        cursor.execute(_ANNOUNCEMENT)
        cursor.execute("INSERT INTO clarion_inbox (user_id, seq, unread) VALUES (%s, %s, %s)", [user, size, size])
        cursor.execute(_FILL, {"user": user, "size": size})
    return user


def _median(once: Callable[[], object], repeated: int = TIMES) -> float:
    times = []
    for _ in range(repeated):
        begun = time.perf_counter()
        once()
        times.append((time.perf_counter() - begun) * 1000)
    return median(times)


def _read_all(user: int, size: int) -> float:
    """Median time of reading all, each time after all were marked as unread (milliseconds)."""
    return median(_read_all_once(user, size) for _ in range(READINGS))


def _read_all_once(user: int, size: int) -> float:
    Inbox.objects.filter(user_id=user).update(read_floor=0, unread=size)
    begun = time.perf_counter()
    read_through(user)
    return (time.perf_counter() - begun) * 1000


def _resume(user: int, after: int) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            log_after_sql(KeyType.INTEGER),
            {
                "user_id": user,
                "after": after,
                "limit": get_settings().replay_limit,
                "page": get_settings().replay_limit,
            },
        )
        return list(cursor.fetchall())
