"""Dead letters: work that was parked, for a person to look at.

Enters: rows whose state is `failed`. Leaves: them enqueued again, with a fresh count of starts, or discarded: taken as
done, with nobody told. A replay repeats nothing: whoever has a notification of the event keeps that one.
"""

from collections.abc import Sequence

from django.db import connection, transaction

from pipeline.enqueue import enqueue
from pipeline.outbox.work import BATCH, EVENT, Kind

KINDS = {kind.name: kind for kind in (EVENT, BATCH)}

#: Events whose last batch was discarded are done with it.
_EVENTS_OF = """
UPDATE outbox_event e SET state = 'done', finished_at = now()
 WHERE e.state = 'expanded' AND e.id IN (SELECT event_id FROM outbox_batch WHERE id = ANY(%s))
   AND NOT EXISTS (SELECT 1 FROM outbox_batch b WHERE b.event_id = e.id AND b.state <> 'done')
"""


def replay(kind: Kind, ids: Sequence[int]) -> int:
    """Reset dead letters to pending and enqueue them on commit; return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {kind.table} SET state = 'pending', attempts = 0, next_attempt_at = now() + interval '10 seconds',
                   finished_at = NULL
             WHERE id = ANY(%s) AND state = 'failed' RETURNING id
            """,  # noqa: S608 - constants
            [list(ids)],
        )
        replayed = [work_id for (work_id,) in cursor.fetchall()]

    def enqueue_replayed() -> None:
        enqueue(kind.task, *replayed, again=True)

    transaction.on_commit(enqueue_replayed, robust=True)
    return len(replayed)


def discard(kind: Kind, ids: Sequence[int]) -> int:
    """Take parked work as done; its error stays on the row. How many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {kind.table} SET state = 'done', finished_at = now() WHERE id = ANY(%s) AND state = 'failed'",  # noqa: S608
            [list(ids)],
        )
        discarded = int(cursor.rowcount)
        if kind is BATCH:
            cursor.execute(_EVENTS_OF, [list(ids)])
    return discarded
