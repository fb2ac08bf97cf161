"""The life of a piece of work, an event or a batch: started, claimed, finished or failed.

Enters: ids of rows in the outbox. Leaves: their contents once claimed, and their state. A row is claimed by its row
lock within the transaction that does the work, so that two workers never do it at once and a worker that dies frees
it at once. Work that may have ended its worker before has its start counted in a commit of its own, so that what kills
its worker each time is parked after a few.

What failed for reasons outside (Postgres, Redis) is tried for as long as it takes and its start does not count; what
failed otherwise is tried MAX_ATTEMPTS times and then parked with its traceback, for a person to look at.
"""

import json
import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import InterfaceError, OperationalError, connection, transaction

from pipeline import statements
from pipeline.errors import Permanent, Retryable
from pipeline.queues import BURSTS, DELIVER, EXPAND
from shared import metrics
from shared.inbox.queries import EPOCH
from shared.protocol import Announced

logger = logging.getLogger(__name__)

#: Starts of the same work before it is parked: enough for a deploy in between, few enough to see poison soon.
MAX_ATTEMPTS = 5

#: How much of a traceback is kept (characters).
ERROR_MAX_LENGTH = 10_000

#: When to look at unfinished work again: after half of its age, at least 2 and at most 60 seconds, spread by a quarter
#: so that work which failed together does not come back together. Half of the age makes the waits grow by themselves.
BACKOFF: Final = (
    "now() + make_interval(secs => least(greatest(extract(epoch FROM now() - recorded_at) / 2, 2), 60)"
    " * (0.75 + random() / 2))"
)

#: What Postgres may take for each sort and hash while an audience is cut: one of a hundred thousand stays in memory.
EXPANSION_MEMORY: Final = "32MB"

#: Losing such a commit in a crash of Postgres repeats work that is safe to repeat; so it need not wait for the disk.
_NO_WAIT: Final = "(SELECT set_config('synchronous_commit', 'off', true)) AS no_wait_for_disk"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work: its table, the task that does it, its name in metrics and logs."""

    table: str
    task: str
    name: str
    lane: str  # the SQL of the queue on which one is enqueued again


EVENT: Final = Kind("outbox_event", EXPAND, "event", "lane")
BATCH: Final = Kind("outbox_batch", DELIVER, "batch", f"'{BURSTS}'")


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


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """A batch and what its recipients are told, its row locked by this transaction (or not yet visible to others).

    `persisted`: an earlier start has stored its notifications, and perhaps not published them. `epoch` is the history
    of the inboxes now.
    """

    id: int
    event_id: int
    announcement_id: int
    announced: Announced
    recorded_at: datetime  # the event was
    epoch: str
    persisted: bool = False


def start_again(kind: Kind, work_id: int) -> bool:
    """Count a start of what was enqueued before; False: it is finished, parked, or at this moment another's."""
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
        _park_poison(kind, work_id, attempts[0])
        return False
    return True


def _park_poison(kind: Kind, work_id: int, starts: int) -> None:
    _execute(
        f"UPDATE {kind.table} SET state = 'failed', error = %s, finished_at = clock_timestamp() WHERE id = %s",  # noqa: S608
        [f"Started {starts} times and never finished: its worker died each time.", work_id],
    )
    metrics.WORK_FINISHED.labels(kind.name, "failed").inc()
    logger.error("Work killed its worker each time and was parked", extra={"work": kind.name, "ids": [work_id]})


def claim_event(event_id: int) -> ClaimedEvent | None:
    """Lock a pending event for this transaction; None if there is none, or another holds it."""
    row = _one(
        f"""
        SELECT {EPOCH}, id, key, name, payload, actor_id, nullif(traceparent, ''), recorded_at
          FROM outbox_event, (SELECT set_config('work_mem', %s, true)) AS memory
         WHERE id = %s AND state = 'pending' FOR UPDATE OF outbox_event SKIP LOCKED
        """,  # noqa: S608 - constants
        [EXPANSION_MEMORY, event_id],
    )
    return None if row is None else ClaimedEvent(row[0], row[1], row[2], row[3], json.loads(row[4]), *row[5:])


def claim_batch(batch_id: int) -> ClaimedBatch | None:
    """Lock a pending batch for this transaction; None if there is none, or another holds it."""
    row = _one(
        f"""
        SELECT b.id, b.event_id, b.announcement_id, b.persisted_at IS NOT NULL, e.recorded_at, {EPOCH}, a.kind,
               a.created_at, a.data, a.actor_id, a.actor_username, a.topic, a.message_id, a.conversation_id,
               a.traceparent
          FROM outbox_batch b
          JOIN outbox_event e ON e.id = b.event_id
          JOIN inbox_announcement a ON a.id = b.announcement_id
         WHERE b.id = %s AND b.state = 'pending' FOR UPDATE OF b SKIP LOCKED
        """,  # noqa: S608 - constants
        [batch_id],
    )
    if row is None:
        return None
    announced = Announced(row[6], row[7], json.loads(row[8]), *row[9:])
    return ClaimedBatch(row[0], row[1], row[2], announced, recorded_at=row[4], epoch=row[5], persisted=row[3])


def deferred(event_id: int, seconds: float, why: str) -> None:
    """Put a claimed event off: the sweep enqueues it again then, and no start counts."""
    _execute(
        """
        UPDATE outbox_event SET error = %s, attempts = 0,
               next_attempt_at = clock_timestamp() + make_interval(secs => %s)
         WHERE id = %s
        """,
        [why, seconds, event_id],
    )


def finish(event_id: int, batch_id: int) -> None:
    """Note that a batch is published, and that its event is done when it was the last.

    The event's row is locked between the two, so that of the last batches, finishing at once, one sees all the others.
    """
    with transaction.atomic():
        _execute(
            f"""
            UPDATE outbox_batch SET state = 'done', finished_at = clock_timestamp(), error = '' FROM {_NO_WAIT}
             WHERE id = %s AND state = 'pending'
            """,  # noqa: S608 - constants
            [batch_id],
        )
        _execute("SELECT 1 FROM outbox_event WHERE id = %s FOR NO KEY UPDATE", [event_id])
        finished = _execute(
            """
            UPDATE outbox_event SET state = 'done', finished_at = clock_timestamp()
             WHERE id = %s AND state = 'expanded'
               AND NOT EXISTS (SELECT 1 FROM outbox_batch WHERE event_id = %s AND state <> 'done')
            """,
            [event_id, event_id],
        )
    metrics.WORK_FINISHED.labels(BATCH.name, "done").inc()
    metrics.WORK_FINISHED.labels(EVENT.name, "done").inc(finished)


def finish_at_once(event_id: int, batch_ids: Sequence[int]) -> None:
    """As `finish`, where these are all batches of the event: one statement, which locks in the same order."""
    finished = _execute(
        f"""
        WITH batches AS (
            UPDATE outbox_batch SET state = 'done', finished_at = clock_timestamp(), error = '' FROM {_NO_WAIT}
             WHERE id = ANY(%s) AND state = 'pending' RETURNING 1
        )
        UPDATE outbox_event SET state = 'done', finished_at = clock_timestamp()
         WHERE id = %s AND state = 'expanded' AND (SELECT count(*) FROM batches) >= 0
        """,  # noqa: S608 - constants
        [list(batch_ids), event_id],
    )
    metrics.WORK_FINISHED.labels(BATCH.name, "done").inc(len(batch_ids))
    metrics.WORK_FINISHED.labels(EVENT.name, "done").inc(finished)


@contextmanager
def failure_noted(kind: Kind, work_ids: Sequence[int], *, counted: bool = False) -> Iterator[None]:
    """Whatever is raised inside is noted on the rows, with what is to be done about it, and raised on.

    Raised on, so that the operator sees the task fail; Celery acknowledges it, since the row is what counts. `counted`
    says whether this start is among the row's attempts already.
    """
    try:
        yield
    except Permanent:
        _note(kind, work_ids, 1 - counted, park_from=0)
        raise
    except (Retryable, OperationalError, InterfaceError):
        _note(kind, work_ids, -counted, park_from=None)
        raise
    except Exception:
        _note(kind, work_ids, 1 - counted, park_from=MAX_ATTEMPTS)
        raise


def _note(kind: Kind, work_ids: Sequence[int], more: int, *, park_from: int | None) -> None:
    """Write the current exception to the rows, and so many attempts more; park from `park_from` on (None: never)."""
    error = traceback.format_exc()[-ERROR_MAX_LENGTH:]
    ids: dict[str, Any] = {"work": kind.name, "ids": list(work_ids)}
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                UPDATE {kind.table}
                   SET error = %(error)s, attempts = attempts + %(more)s, next_attempt_at = {BACKOFF},
                       state = CASE WHEN attempts + %(more)s >= %(park_from)s THEN 'failed' ELSE state END,
                       finished_at = CASE WHEN attempts + %(more)s >= %(park_from)s THEN clock_timestamp() END
                 WHERE id = ANY(%(ids)s) AND state = 'pending'
                RETURNING state
                """,  # noqa: S608 - constants
                {"error": error, "more": more, "park_from": park_from, "ids": ids["ids"]},
            )
            outcomes = [state for (state,) in cursor.fetchall()]
    except (OperationalError, InterfaceError):
        # Postgres itself is away: the rows are still pending, and due for the sweep when their time comes.
        logger.warning("Work failed and Postgres could not be told", exc_info=True, extra=ids)
        return
    for outcome in outcomes:
        metrics.WORK_FINISHED.labels(kind.name, outcome).inc()
    parked = "failed" in outcomes
    logger.log(
        logging.ERROR if parked else logging.WARNING,
        "Work failed and was parked; a person must look at it" if parked else "Work failed and will be tried again",
        exc_info=True,
        extra=ids,
    )


def _execute(sql: str, params: Sequence[Any] | dict[str, Any]) -> int:
    """Run it; how many rows it was about."""
    with statements.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def _one(sql: str, params: Sequence[Any]) -> tuple[Any, ...] | None:
    with statements.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
