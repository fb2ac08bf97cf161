"""Dead letters: work that was parked, for a person to look at.

Enters: rows whose state is `failed`. Leaves: them enqueued again, with a fresh count of starts, or discarded: taken as
done, with nobody told. A replay repeats nothing: whoever has a notification of the event keeps that one.
"""

from collections.abc import Sequence

from django.db import connection

from pipeline.enqueue import enqueue
from pipeline.outbox.work import BATCH, EVENT, Kind

KINDS = {kind.name: kind for kind in (EVENT, BATCH)}


def replay(kind: Kind, ids: Sequence[int]) -> int:
    """Try parked work again; how many there were."""
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
    enqueue(kind.task, *replayed)
    return len(replayed)


def discard(kind: Kind, ids: Sequence[int]) -> int:
    """Take parked work as done; its error stays on the row. How many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {kind.table} SET state = 'done', finished_at = now() WHERE id = ANY(%s) AND state = 'failed'",  # noqa: S608
            [list(ids)],
        )
        return int(cursor.rowcount)
