"""The sweep: finish what a crash left.

Enters: nothing; beat runs it every few seconds. Leaves: one hint on the broker for each event and batch that is
pending although its time has come: enqueued and lost, failed and due again, or never enqueued at all. Several sweeps
at once are harmless: each takes rows that no other has taken, and moves their time on.
"""

import logging

from django.db import connection, transaction

from pipeline.enqueue import enqueue
from pipeline.outbox.work import BACKOFF, BATCH, EVENT, Kind

logger = logging.getLogger(__name__)

#: Rows enqueued by one sweep of one table: what the workers do in a few seconds.
SWEEP_LIMIT = 1000


def sweep() -> int:
    """Enqueue what is due; how many pieces of work that were."""
    return _sweep(EVENT) + _sweep(BATCH)


def _sweep(kind: Kind) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {kind.table} SET next_attempt_at = {BACKOFF}
             WHERE id IN (
                   SELECT id FROM {kind.table} WHERE state = 'pending' AND next_attempt_at <= now()
                    ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED)
            RETURNING id, {kind.lane}
            """,  # noqa: S608 - constants
            [SWEEP_LIMIT],
        )
        # In the order in which they were recorded, which matters where they waited long.
        rows = sorted(cursor.fetchall())
    due = [work_id for work_id, _ in rows]

    def enqueue_due() -> None:
        for queue in sorted({queue for _, queue in rows}):
            enqueue(kind.task, *(work_id for work_id, its_queue in rows if its_queue == queue), queue=queue, again=True)

    transaction.on_commit(enqueue_due, robust=True)
    if due:
        logger.info("Work was due and enqueued again", extra={"work": kind.name, "count": len(due), "ids": due[:10]})
    return len(due)
