"""The life of a piece of work, an event or a batch: started, claimed and finished.

Input: ids of rows in the outbox. Output: their contents once claimed, and their state. A row is claimed by its row
lock within the transaction that does the work, so two workers never do it concurrently, and a worker that dies frees
it immediately. A repeated start is counted in a commit of its own before the work, and taken off again by its end or
its exception. So the count is of starts that ended the worker, and work that does so each time is parked.

Failures of work are in failures.py.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from ...shared import metrics
from ...shared.inbox.queries import EPOCH
from ...shared.protocol import NotificationContent
from .. import prepared
from ..celery.queues import DELIVER, EXPAND
from ..epoch import TIMELINE_CHANGED, renewed

logger = logging.getLogger(__name__)

#: Repeated starts that ended their worker before the work is parked: enough for a deploy in between, few enough to see
#: soon that it is the work.
MAX_ATTEMPTS = 5

#: When to look at unfinished work again: after half of the time since its first failure, or else its age, at least 2
#: and at most 60 seconds, spread by a quarter so that work which failed together does not come back together. Half of
#: that time makes the waits grow by themselves.
BACKOFF: Final = (
    "now() + make_interval(secs => least(greatest(extract(epoch FROM now() - coalesce(failing_since, recorded_at)) / 2,"
    " 2), 60) * (0.75 + random() / 2))"
)

#: Longest wait of the transactions of delivery for a lock. An inbox may be locked for long, by its owner who reads a
#: million notifications, and the other recipients of the batch should not wait for that.
LOCK_TIMEOUT: Final = "1s"

#: What Postgres may take for each sort and hash while an audience is cut: one of a hundred thousand stays in memory.
EXPANSION_MEMORY: Final = "32MB"

#: Losing such a commit in a crash of Postgres repeats work that is safe to repeat; so it need not wait for the disk.
_NO_WAIT: Final = "(SELECT set_config('synchronous_commit', 'off', true)) AS no_wait_for_disk"


@dataclass(frozen=True, slots=True)
class WorkType:
    """One kind of work: its table, the task that does it, its name in metrics and logs."""

    table: str
    task: str
    name: str


EVENT: Final = WorkType("clarion_event", EXPAND, "event")
BATCH: Final = WorkType("clarion_batch", DELIVER, "batch")


@dataclass(frozen=True, slots=True)
class ClaimedEvent:
    """An event as it was recorded, its row locked by this transaction; `epoch` is the history of the inboxes now."""

    epoch: str
    id: int
    key: str
    name: str
    payload: dict[str, Any]
    actor_id: int | None
    traceparent: str | None
    recorded_at: datetime
    lane: str
    slots: Sequence[str] = ()  # kinds whose turn it has waited for


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """A batch and its content, whose row this transaction has locked (or not yet committed).

    `persisted`: an earlier start has stored its notifications, and perhaps not published them. `epoch` is the history
    of the inboxes now.
    """

    id: int
    event_id: int
    announcement_id: int
    announced: NotificationContent
    recorded_at: datetime  # the event was
    epoch: str
    persisted: bool = False


def count_restart(kind: WorkType, work_id: int) -> bool:
    """Count a repeated start; return False if the work is finished, failed, or locked by another worker."""
    attempts = _one(
        f"""
        UPDATE {kind.table} SET attempts = attempts + 1 FROM {_NO_WAIT}
         WHERE id = (SELECT id FROM {kind.table} WHERE id = %s AND state = 'pending' FOR UPDATE SKIP LOCKED)
        RETURNING attempts
        """,  # noqa: S608 - constants
        [work_id],
    )
    if attempts is None:
        return False
    if attempts[0] > MAX_ATTEMPTS:
        _park(kind, work_id, f"Started {attempts[0]} times and never finished: its worker died each time.")
        return False
    return True


def _park(kind: WorkType, work_id: int, reason: str) -> None:
    _execute(
        f"UPDATE {kind.table} SET state = 'failed', error = %s, finished_at = clock_timestamp() WHERE id = %s",  # noqa: S608
        [reason, work_id],
    )
    metrics.WORK_FINISHED.labels(kind.name, "failed").inc()
    logger.error("Work was parked", extra={"work": kind.name, "ids": [work_id], "error": reason})


def claim_event(event_id: int) -> ClaimedEvent | None:
    """Lock a pending event for this transaction; None if it is not pending, or another worker holds it."""
    row = _one(
        f"""
        SELECT {EPOCH}, {TIMELINE_CHANGED}, id, key, name, payload, actor_id, nullif(traceparent, ''), recorded_at,
               lane, slots
          FROM clarion_event, (SELECT set_config('work_mem', %s, true), set_config('lock_timeout', %s, true)) AS limits
         WHERE id = %s AND state = 'pending' FOR UPDATE OF clarion_event SKIP LOCKED
        """,  # noqa: S608 - constants
        [EXPANSION_MEMORY, LOCK_TIMEOUT, event_id],
    )
    if row is None:
        return None
    epoch, timeline_changed, event_id, key, name, payload, *more = row
    return ClaimedEvent(renewed() if timeline_changed else epoch, event_id, key, name, json.loads(payload), *more)


def claim_batch(batch_id: int) -> ClaimedBatch | None:
    """Lock a pending batch for this transaction; None if it is not pending, or another worker holds it.

    A batch whose announcement was removed becomes a dead letter with that reason.
    """
    row = _one(
        f"""
        SELECT b.id, b.event_id, b.announcement_id, b.persisted_at IS NOT NULL, e.recorded_at, {EPOCH},
               {TIMELINE_CHANGED}, a.kind,
               a.created_at, a.data, a.actor_id, a.actor_username, a.topic, a.message_id, a.conversation_id,
               a.traceparent
          FROM clarion_batch b
          JOIN clarion_event e ON e.id = b.event_id
          LEFT JOIN clarion_announcement a ON a.id = b.announcement_id
         CROSS JOIN (SELECT set_config('lock_timeout', %s, true)) AS limits
         WHERE b.id = %s AND b.state = 'pending' FOR UPDATE OF b SKIP LOCKED
        """,  # noqa: S608 - constants
        [LOCK_TIMEOUT, batch_id],
    )
    if row is None:
        return None
    if row[7] is None:
        _park(BATCH, batch_id, f"Its announcement {row[2]} was removed, so there is nothing to deliver.")
        return None
    epoch = renewed() if row[6] else row[5]
    announced = NotificationContent(row[7], row[8], json.loads(row[9]), *row[10:])
    return ClaimedBatch(row[0], row[1], row[2], announced, recorded_at=row[4], epoch=epoch, persisted=row[3])


def deferred(event_id: int, kind: str, seconds: float, why: str) -> None:
    """Put a claimed event off until its turn comes, when the sweep enqueues it again; no start counts."""
    _execute(
        """
        UPDATE clarion_event SET error = %s, attempts = 0, slots = array_append(slots, %s),
               next_attempt_at = clock_timestamp() + make_interval(secs => %s)
         WHERE id = %s
        """,
        [why, kind, seconds, event_id],
    )


def finish(event_id: int, batch_id: int) -> None:
    """Note that a batch is published, and that its event is done when it was the last.

    The event's row is locked between the two, so that of the last batches, finishing at once, one sees all the others.
    """
    with transaction.atomic():
        _execute(
            f"""
            UPDATE clarion_batch SET state = 'done', finished_at = clock_timestamp(), error = '' FROM {_NO_WAIT}
             WHERE id = %s AND state = 'pending'
            """,  # noqa: S608 - constants
            [batch_id],
        )
        _execute("SELECT 1 FROM clarion_event WHERE id = %s FOR NO KEY UPDATE", [event_id])
        finished = _execute(
            """
            UPDATE clarion_event SET state = 'done', finished_at = clock_timestamp()
             WHERE id = %s AND state = 'expanded'
               AND NOT EXISTS (SELECT 1 FROM clarion_batch WHERE event_id = %s AND state <> 'done')
            """,
            [event_id, event_id],
        )
    metrics.WORK_FINISHED.labels(BATCH.name, "done").inc()
    metrics.WORK_FINISHED.labels(EVENT.name, "done").inc(finished)


def finish_inline(event_id: int, batch_ids: Sequence[int]) -> None:
    """As `finish`, where these are all batches of the event: one statement, which locks in the same order."""
    finished = _execute(
        f"""
        WITH batches AS (
            UPDATE clarion_batch SET state = 'done', finished_at = clock_timestamp(), error = '' FROM {_NO_WAIT}
             WHERE id = ANY(%s) AND state = 'pending' RETURNING 1
        )
        UPDATE clarion_event SET state = 'done', finished_at = clock_timestamp()
         WHERE id = %s AND state = 'expanded' AND (SELECT count(*) FROM batches) >= 0
        """,  # noqa: S608 - constants
        [list(batch_ids), event_id],
    )
    metrics.WORK_FINISHED.labels(BATCH.name, "done").inc(len(batch_ids))
    metrics.WORK_FINISHED.labels(EVENT.name, "done").inc(finished)


def _execute(sql: str, params: Sequence[Any] | dict[str, Any]) -> int:
    """Run it; how many rows it was about."""
    with prepared.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def _one(sql: str, params: Sequence[Any]) -> tuple[Any, ...] | None:
    with prepared.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
