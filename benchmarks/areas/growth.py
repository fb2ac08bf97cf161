"""Inboxes that have grown: how long reading them takes, with one notification, ten thousand, a million."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

from django.contrib.auth.models import User
from django.db import connection
from rich.console import Console

from benchmarks.figures import Figure
from benchmarks.testbed import settle
from clarion.pipeline.inbox.changes import read_through
from clarion.pipeline.inbox.reading import newest
from clarion.shared.inbox.queries import LOG_AFTER
from clarion.shared.settings import get_settings

AREA = "growth"
SIZES = (1, 10_000, 1_000_000)
PAGE = 50
#: Changes that a client missed, where there are as many.
MISSED = 10
TIMES = 200

_FILL = """
INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at)
SELECT %(user)s, seq, 1, seq, now() FROM generate_series(1, %(size)s) seq
"""
_ANNOUNCEMENT = """
INSERT INTO clarion_announcement (id, event_id, kind, data, created_at)
VALUES (1, 1, 'MENTION', '{"excerpt": "hello"}', now())
ON CONFLICT DO NOTHING
"""


def measure(console: Console) -> Iterator[Figure]:
    """Milliseconds of each way of reading, beside those of the smallest inbox."""
    times: dict[str, dict[int, float]] = {"list": {}, "snapshot": {}, "resume": {}, "read all": {}}
    users = {size: User.objects.create(username=f"inbox of {size}").pk for size in SIZES}
    for size, user in users.items():
        with connection.cursor() as cursor:
            cursor.execute(_ANNOUNCEMENT)
            cursor.execute("INSERT INTO clarion_inbox (user_id, seq, unread) VALUES (%s, %s, %s)", [user, size, size])
            cursor.execute(_FILL, {"user": user, "size": size})
    settle()
    for size, user in users.items():
        middle = size // 2 + 1
        times["list"][size] = _median(partial(newest, user, limit=PAGE, before=middle + PAGE))
        times["snapshot"][size] = _median(partial(newest, user, limit=PAGE))
        times["resume"][size] = _median(partial(_resume, user, max(0, size - MISSED)))
        begun = time.perf_counter()
        read_through(user)
        times["read all"][size] = time.perf_counter() - begun
    for name, them in times.items():
        told = ", ".join(f"{size:,}: {seconds * 1000:,.1f} ms" for size, seconds in them.items())
        console.print(f"  {name}: {told}", style="dim")
        # An inbox of one has fewer rows than a page: the time must be flat from a full page on.
        at_most = 1.5 if name in ("list", "resume") else None
        yield Figure(
            f"growth.{name.replace(' ', '_')}", AREA, f"{name}, inbox of 1,000,000 against one of 10,000",
            [them[1_000_000] / them[10_000]], told=told, at_most=at_most,
        )  # fmt: skip


def _median(once: Callable[[], object]) -> float:
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        once()
        times.append(time.perf_counter() - begun)
    return median(times)


def _resume(user: int, after: int) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            LOG_AFTER,
            {
                "user_id": user,
                "after": after,
                "limit": get_settings().replay_limit,
                "page": get_settings().replay_limit,
            },
        )
        return list(cursor.fetchall())
