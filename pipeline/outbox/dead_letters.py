"""Dead letters: failed work that an operator replays or discards.

Input: rows whose state is `failed`. Output: they are enqueued again with a new count of starts, or discarded, which
marks them as done without notifying anyone. A replay repeats nothing: a user who has a notification of the event keeps
it.
"""

from collections.abc import Sequence

from django.db import connection, transaction

from ..celery.hints import enqueue
from .work import BATCH, EVENT, WorkType

KINDS = {kind.name: kind for kind in (EVENT, BATCH)}

#: Events of these batches, in the order of ids.
_LOCK_EVENTS = """
SELECT 1 FROM clarion_event WHERE id IN (SELECT event_id FROM clarion_batch WHERE id = ANY(%s))
 ORDER BY id FOR NO KEY UPDATE
"""

_FINISH_EVENTS = """
UPDATE clarion_event e SET state = 'done', finished_at = now()
 WHERE e.state = 'expanded' AND e.id IN (SELECT event_id FROM clarion_batch WHERE id = ANY(%s))
   AND NOT EXISTS (SELECT 1 FROM clarion_batch b WHERE b.event_id = e.id AND b.state <> 'done')
"""


def replay(kind: WorkType, ids: Sequence[int]) -> int:
    """Reset dead letters to pending and enqueue them on commit; return their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {kind.table}
               SET state = 'pending', attempts = 0, failing_since = NULL, finished_at = NULL,
                   next_attempt_at = now() + interval '10 seconds', hinted_at = clock_timestamp()
             WHERE id = ANY(%s) AND state = 'failed' RETURNING id, lane
            """,  # noqa: S608 - constants
            [list(ids)],
        )
        replayed = sorted(cursor.fetchall())

    def enqueue_replayed() -> None:
        for queue in sorted({lane for _, lane in replayed}):
            enqueue(kind.task, *(work_id for work_id, lane in replayed if lane == queue), queue=queue, again=True)

    transaction.on_commit(enqueue_replayed, robust=True)
    return len(replayed)


def discard(kind: WorkType, ids: Sequence[int]) -> int:
    """Mark dead letters as done without delivering them, and return their number. Their errors stay.

    An event without a further batch is finished too. Its row is locked in between, as `work.finish` does, so that of
    two that finish the last batches concurrently one sees the batch of the other.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {kind.table} SET state = 'done', finished_at = now() WHERE id = ANY(%s) AND state = 'failed'",  # noqa: S608
            [list(ids)],
        )
        discarded = int(cursor.rowcount)
        if kind is BATCH:
            cursor.execute(_LOCK_EVENTS, [list(ids)])
            cursor.execute(_FINISH_EVENTS, [list(ids)])
    return discarded
