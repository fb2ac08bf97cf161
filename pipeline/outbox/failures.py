"""Failures of work: recorded on its rows, with the time of the next attempt, or the work is parked.

Input: an exception that was raised while events or batches were worked on. Output: its traceback on their rows. Work
that failed because of an outage (Postgres, Redis) is tried until it succeeds. Work that failed otherwise is tried for
an hour, and an event that this worker does not know for a day, because an old worker of a deploy knows fewer. Then it
is parked, for a person to look at.
"""

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connection

from ...shared import metrics
from ..errors import Permanent, Retryable, UndeclaredEvent, is_outage
from ..json_values import storable_text
from .work import BACKOFF, WorkType

logger = logging.getLogger(__name__)

#: Time for which failing work is retried before it becomes a dead letter (seconds): long enough to roll back or repair
#: a release, and for an undeclared event to finish a deploy.
PATIENCE_SECONDS: Final = 3600.0
UNDECLARED_PATIENCE_SECONDS: Final = 24 * 3600.0

#: Maximum length of a stored traceback (characters).
ERROR_MAX_LENGTH = 10_000


@contextmanager
def record_failures(kind: WorkType, work_ids: Sequence[int], *, counted: bool = False) -> Iterator[None]:
    """Record an exception on the rows, with the time of the next attempt, and re-raise it.

    It is re-raised so that operators see the task fail; Celery acknowledges it, because the row records the failure.
    `counted`: this start is among the row's attempts.
    """
    try:
        yield
    except Exception as error:
        _note(kind, work_ids, counted=counted, patience=_patience(error))
        raise


def _patience(error: Exception) -> float | None:
    """Return the time for which work that fails with this error is retried (seconds); None for ever."""
    if isinstance(error, Retryable) or is_outage(error):
        return None
    if isinstance(error, UndeclaredEvent):
        return UNDECLARED_PATIENCE_SECONDS
    return 0 if isinstance(error, Permanent) else PATIENCE_SECONDS


def _note(kind: WorkType, work_ids: Sequence[int], *, counted: bool, patience: float | None) -> None:
    """Write the current exception to the rows; those that failed for longer than `patience` become dead letters."""
    error = storable_text(traceback.format_exc()[-ERROR_MAX_LENGTH:])
    ids: dict[str, Any] = {"work": kind.name, "ids": list(work_ids)}
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                UPDATE {kind.table} work
                   SET error = %(error)s, attempts = greatest(attempts - %(counted)s, 0), next_attempt_at = {BACKOFF},
                       failing_since = since, state = CASE WHEN parked THEN 'failed' ELSE state END,
                       finished_at = CASE WHEN parked THEN clock_timestamp() END
                  FROM (SELECT id AS failed_id, since,
                               %(parks)s AND since <= clock_timestamp() - make_interval(secs => %(patience)s) AS parked
                          FROM (SELECT id, CASE WHEN %(parks)s THEN coalesce(failing_since, clock_timestamp())
                                                ELSE failing_since END AS since
                                  FROM {kind.table} WHERE id = ANY(%(ids)s) FOR UPDATE) failing) verdict
                 WHERE work.id = failed_id AND state = 'pending'
                RETURNING state
                """,  # noqa: S608 - constants
                {
                    "error": error,
                    "counted": int(counted),
                    "parks": patience is not None,
                    "patience": patience or 0,
                    "ids": ids["ids"],
                },
            )
            outcomes = [state for (state,) in cursor.fetchall()]
    except (DatabaseError, InterfaceError):
        # Postgres does not answer: the rows are still pending, and the sweep enqueues them when they are due.
        logger.warning("Work failed, and the failure could not be recorded on its row", exc_info=True, extra=ids)
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
