"""The life of a piece of work, an event or a batch: started, claimed and finished.

Input: ids of rows in the outbox. Output: their contents once claimed, and their state. A row is claimed by its row
lock within the transaction that does the work, so two workers never do it concurrently, and a worker that dies frees
it immediately. A repeated start is counted in a commit of its own before the work; the end of the work or its exception
subtracts it again. So the count is of starts during which the worker died, and work that does so each time becomes a
dead letter.

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
from ...shared.user_keys import Key
from .. import persons, prepared
from ..celery.queues import DELIVER, EXPAND
from ..epoch import TIMELINE_CHANGED, renewed

logger = logging.getLogger(__name__)

#: Starts during which the worker died, before the work becomes a dead letter: enough for a deploy in between, and few
#: enough to blame the work soon.
MAX_ATTEMPTS = 5

#: Wait before unfinished work is enqueued again: half of the time since its first failure, or else of its age, at least
#: 2 and at most 60 seconds. So the waits grow exponentially. They are spread by a quarter, so that work which failed
#: together is not retried together.
BACKOFF: Final = (
    "now() + make_interval(secs => least(greatest(extract(epoch FROM now() - coalesce(failing_since, recorded_at)) / 2,"
    " 2), 60) * (0.75 + random() / 2))"
)

#: Longest wait of delivery for a lock. An inbox may be locked for long, for example while its owner marks a million
#: notifications as read, and the other recipients of the batch should not wait for that.
LOCK_TIMEOUT: Final = "1s"

#: Memory of Postgres for each sort and hash of a fan-out: an audience of a hundred thousand stays in memory.
EXPANSION_MEMORY: Final = "32MB"

#: For commits that need not wait for the disk: if a crash of Postgres loses them, work is repeated, which is safe.
_NO_WAIT: Final = "(SELECT set_config('synchronous_commit', 'off', true)) AS no_wait_for_disk"


_CLAIM_EVENT_TEMPLATE = f"""
SELECT {EPOCH}, {TIMELINE_CHANGED}, id, key, name, payload, {{actor}}, nullif(traceparent, ''), recorded_at,
       lane, slots, {{number}}
  FROM clarion_event, (SELECT set_config('work_mem', %s, true), set_config('lock_timeout', %s, true)) AS limits
 WHERE id = %s AND state = 'pending' FOR UPDATE OF clarion_event SKIP LOCKED
"""  # noqa: S608 - constants
_CLAIM_EVENT = _CLAIM_EVENT_TEMPLATE.format(actor="actor_id", number="actor_id")
_CLAIM_EVENT_BY_KEY = _CLAIM_EVENT_TEMPLATE.format(
    actor="actor_key", number="(SELECT p.id FROM clarion_person p WHERE p.key = actor_key)"
)

_CLAIM_BATCH_TEMPLATE = f"""
SELECT b.id, b.event_id, b.announcement_id, b.persisted_at IS NOT NULL, e.recorded_at, {EPOCH},
       {TIMELINE_CHANGED}, a.kind,
       a.created_at, a.data, {{actor}}, a.actor_username, a.topic, a.message_id, a.conversation_id,
       a.traceparent, a.actor_id
  FROM clarion_batch b
  JOIN clarion_event e ON e.id = b.event_id
  LEFT JOIN clarion_announcement a ON a.id = b.announcement_id
 CROSS JOIN (SELECT set_config('lock_timeout', %s, true)) AS limits
 WHERE b.id = %s AND b.state = 'pending' FOR UPDATE OF b SKIP LOCKED
"""  # noqa: S608 - constants
_CLAIM_BATCH = _CLAIM_BATCH_TEMPLATE.format(actor="a.actor_id")
_CLAIM_BATCH_BY_KEY = _CLAIM_BATCH_TEMPLATE.format(actor="(SELECT p.key FROM clarion_person p WHERE p.id = a.actor_id)")


@dataclass(frozen=True, slots=True)
class WorkType:
    """A type of work: its table, its task, its name in metrics and logs."""

    table: str
    task: str
    name: str


EVENT: Final = WorkType("clarion_event", EXPAND, "event")
BATCH: Final = WorkType("clarion_batch", DELIVER, "batch")


@dataclass(frozen=True, slots=True)
class ClaimedEvent:
    """An event as it was recorded, its row locked by this transaction; `epoch` is the history of the inboxes now.

    `actor_id` is the key of the actor, `actor_number` the number that the tables of the inbox have.
    """

    epoch: str
    id: int
    key: str
    name: str
    payload: dict[str, Any]
    actor_id: Key | None
    traceparent: str | None
    recorded_at: datetime
    lane: str
    slots: Sequence[str] = ()  # kinds whose turn it has reached
    actor_number: int | None = None


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
    recorded_at: datetime  # of the event
    epoch: str
    persisted: bool = False
    actor_number: int | None = None


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
    logger.error("Work became a dead letter", extra={"work": kind.name, "ids": [work_id], "error": reason})


def claim_event(event_id: int) -> ClaimedEvent | None:
    """Lock a pending event for this transaction; None if it is not pending, or another worker holds it.

    Raises persons.NoNumber for an actor who has no number yet.
    """
    integer = persons.has_integer_keys()
    row = _one(_CLAIM_EVENT if integer else _CLAIM_EVENT_BY_KEY, [EXPANSION_MEMORY, LOCK_TIMEOUT, event_id])
    if row is None:
        return None
    epoch, timeline_changed, event_id, key, name, payload, actor, traceparent, recorded_at, lane, slots, number = row
    if number is None and actor is not None:
        raise persons.NoNumber(actor)
    epoch = renewed() if timeline_changed else epoch
    return ClaimedEvent(
        epoch, event_id, key, name, json.loads(payload), actor, traceparent, recorded_at, lane, slots, number
    )


def claim_batch(batch_id: int) -> ClaimedBatch | None:
    """Lock a pending batch for this transaction; None if it is not pending, or another worker holds it.

    A batch whose announcement was removed becomes a dead letter with that reason.
    """
    row = _one(_CLAIM_BATCH if persons.has_integer_keys() else _CLAIM_BATCH_BY_KEY, [LOCK_TIMEOUT, batch_id])
    if row is None:
        return None
    if row[7] is None:
        _park(BATCH, batch_id, f"Its announcement {row[2]} was removed, so there is nothing to deliver.")
        return None
    epoch = renewed() if row[6] else row[5]
    announced = NotificationContent(row[7], row[8], json.loads(row[9]), *row[10:16])
    return ClaimedBatch(row[0], row[1], row[2], announced, row[4], epoch, persisted=row[3], actor_number=row[16])


def defer(event_id: int, kind: str, seconds: float, why: str) -> None:
    """Defer a claimed event until its turn, when the sweep enqueues it again; starts so far do not count."""
    _execute(
        """
        UPDATE clarion_event SET error = %s, attempts = 0, slots = array_append(slots, %s),
               next_attempt_at = clock_timestamp() + make_interval(secs => %s)
         WHERE id = %s
        """,
        [why, kind, seconds, event_id],
    )


def finish(event_id: int, batch_id: int) -> None:
    """Mark a batch as published, and its event as done if it was the last batch.

    The event's row is locked in between, so that of the last batches that finish concurrently one sees all the others.
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
    """Do the same as `finish` for all batches of an event, in one statement that locks in the same order."""
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
    """Execute a statement; return the number of affected rows."""
    with prepared.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def _one(sql: str, params: Sequence[Any]) -> tuple[Any, ...] | None:
    with prepared.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
