"""The sweep: enqueues work again that a crash, an outage or a lost message has left unfinished.

Beat runs it every few seconds. It enqueues each event and batch that is pending and due: its hint was lost, it failed
and is due again, or it was never enqueued. It skips a row whose last hint may still be on its queue, so a queue
without workers does not fill with repetitions: a queue keeps its order, so that hint can be there only if it is not
older than the oldest one on the queue. Concurrent sweeps are harmless, because each takes rows that no other has taken
and sets their next time.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from .. import backlog
from ..celery.hints import enqueue
from .work import BACKOFF, BATCH, EVENT, WorkType

logger = logging.getLogger(__name__)

#: Rows enqueued by one sweep of one table and lane: some seconds of work.
SWEEP_LIMIT = 1000
#: Tolerated difference between the clocks of Postgres and of a producer.
CLOCKS_DIFFER = timedelta(seconds=2)
#: Age of an expanded event without unfinished batches before the sweep finishes it, because a worker is about to finish
#: younger ones; and the interval of this check (seconds).
SETTLED_SECONDS = 60
_finished_at = float("-inf")

_DUE = "SELECT DISTINCT lane FROM {table} WHERE state = 'pending' AND next_attempt_at <= now()"

_TAKE = """
UPDATE {table} SET next_attempt_at = {backoff}, hinted_at = clock_timestamp()
 WHERE id IN (
       SELECT id FROM {table}
        WHERE state = 'pending' AND next_attempt_at <= now() AND lane = %(lane)s AND hinted_at < %(hinted_before)s
        ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id
"""

_FINISH = """
UPDATE clarion_event SET state = 'done', finished_at = clock_timestamp()
 WHERE id IN (
       SELECT e.id FROM clarion_event e
        WHERE e.state = 'expanded' AND e.expanded_at < now() - make_interval(secs => %(settled)s)
          AND NOT EXISTS (SELECT 1 FROM clarion_batch b WHERE b.event_id = e.id AND b.state <> 'done')
        LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
"""


def sweep() -> int:
    """Enqueue due work; return the number of enqueued rows."""
    _finish_settled()
    due = {kind: _lanes_with_due_work(kind) for kind in (EVENT, BATCH)}
    lanes = sorted(set().union(*due.values()))
    oldest = backlog.oldest_hints(lanes) if lanes else {}
    if oldest is None:
        return 0  # the broker does not answer, and accepts no hint either
    return sum(_sweep(kind, lane, oldest[lane]) for kind in due for lane in due[kind])


def _finish_settled() -> None:
    """Finish events without unfinished batches, at intervals, because it reads every event in delivery."""
    global _finished_at
    if time.monotonic() - _finished_at < SETTLED_SECONDS:
        return
    _finished_at = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, {"settled": SETTLED_SECONDS, "limit": SWEEP_LIMIT})
        if cursor.rowcount:
            logger.warning("Finished events without unfinished batches", extra={"count": cursor.rowcount})


def _lanes_with_due_work(kind: WorkType) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE.format(table=kind.table))
        return sorted(lane for (lane,) in cursor.fetchall())


def _sweep(kind: WorkType, lane: str, oldest: datetime | None) -> int:
    # An empty queue holds no hint at all. A row that another sweep has just enqueued is not due any more.
    hinted_before = datetime.now(UTC) + CLOCKS_DIFFER if oldest is None else oldest - CLOCKS_DIFFER
    params: dict[str, Any] = {"lane": lane, "hinted_before": hinted_before, "limit": SWEEP_LIMIT}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(table=kind.table, backoff=BACKOFF), params)
        # In the order of recording, which matters after a long wait.
        due = sorted(work_id for (work_id,) in cursor.fetchall())
    if not due:
        return 0

    def enqueue_due() -> None:
        enqueue(kind.task, *due, queue=lane, again=True)

    transaction.on_commit(enqueue_due, robust=True)
    extra = {"work": kind.name, "queue": lane, "count": len(due), "ids": due[:10]}
    logger.info("Enqueued due work again", extra=extra)
    return len(due)
