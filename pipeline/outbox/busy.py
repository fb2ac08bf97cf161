"""Separates recipients whose inboxes are locked for long from the others of a batch.

Input: a batch whose delivery waited in vain for a lock. Output: the same batch with the recipients whose inboxes are
free, and further batches with the others, which the next sweep enqueues after a short wait.

An inbox that is merely in use, by other deliveries to the same user, is free within milliseconds, but then there may
be a queue of them, since the delivery that failed had locked it too. So only a recipient whose inbox is locked in each
of several samples counts as busy.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any, Final

from .. import prepared
from ..sql import load

logger = logging.getLogger(__name__)

#: Samples of the locks, and the interval between two of them (seconds).
SAMPLES: Final = 5
SAMPLE_SECONDS: Final = 0.04
#: Maximum number of batches that the busy recipients of one batch are moved to.
PARTS_MAX: Final = 20

_RECIPIENTS = """
SELECT recipients FROM clarion_batch WHERE id = %(batch)s AND state = 'pending' AND persisted_at IS NULL
"""

_LOCKED = """
WITH free AS (SELECT user_id FROM clarion_inbox WHERE user_id = ANY(%(users)s::bigint[]) FOR NO KEY UPDATE SKIP LOCKED)
SELECT user_id FROM clarion_inbox WHERE user_id = ANY(%(users)s::bigint[])
EXCEPT SELECT user_id FROM free ORDER BY user_id
"""

_MOVE = load("split_batch")


def split(batch_id: int) -> bool:
    """Move the busy recipients of a batch to other batches; return whether it may be delivered to the others now.

    If all are busy, half of them are moved, so that those that are free first need not wait for the others.
    """
    found = _rows(_RECIPIENTS, {"batch": batch_id})
    if not found:
        return False
    (recipients,) = found[0]
    busy = _busy(recipients)
    if not busy:
        return True
    are_all = len(busy) == len(recipients)
    moved = busy[len(busy) // 2 :] if are_all else busy
    if len(moved) < len(recipients):
        _execute(_MOVE, {"batch": batch_id, "users": moved, "parts": min(len(moved), PARTS_MAX)})
        logger.info(
            "Moved recipients with locked inboxes to other batches",
            extra={"batch": batch_id, "recipients": len(moved)},
        )
    return not are_all


def _busy(users: Sequence[int]) -> Sequence[int]:
    """Return the users whose inbox is locked in every sample."""
    for sample in range(SAMPLES):
        if sample:
            time.sleep(SAMPLE_SECONDS)
        users = [user_id for (user_id,) in _rows(_LOCKED, {"users": users})]
        if not users:
            break
    return users


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with prepared.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _execute(sql: str, params: dict[str, Any]) -> None:
    with prepared.cursor() as cursor:
        cursor.execute(sql, params)
