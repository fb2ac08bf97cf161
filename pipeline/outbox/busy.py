"""Separates recipients whose inboxes are locked for long from the others of a batch.

Input: a batch whose delivery waited in vain for a lock. Output: the same batch with the recipients whose inboxes are
free, and further batches with the others, which the next sweep enqueues after a short wait.

An inbox that is merely in use, by other deliveries to the same user, is free within milliseconds, but then there may
be a queue of them, since the delivery that failed had locked it too. So only a recipient whose inbox is locked at each
of several looks counts as busy.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any, Final

from .. import prepared

logger = logging.getLogger(__name__)

#: Looks at the locks, and the time between two of them (seconds).
LOOKS: Final = 5
LOOK_SECONDS: Final = 0.04
#: Most batches that the busy recipients of one batch are moved to: alone where they are few.
PARTS_MAX: Final = 20

_RECIPIENTS = """
SELECT recipients FROM clarion_batch WHERE id = %(batch)s AND state = 'pending' AND persisted_at IS NULL
"""

_LOCKED = """
WITH free AS (SELECT user_id FROM clarion_inbox WHERE user_id = ANY(%(users)s::bigint[]) FOR NO KEY UPDATE SKIP LOCKED)
SELECT user_id FROM clarion_inbox WHERE user_id = ANY(%(users)s::bigint[])
EXCEPT SELECT user_id FROM free ORDER BY user_id
"""

_MOVE = """
WITH batch AS (
    SELECT id, event_id, announcement_id, lane, recipients FROM clarion_batch
     WHERE id = %(batch)s AND state = 'pending' AND persisted_at IS NULL AND recipients @> %(users)s::bigint[]
       FOR UPDATE SKIP LOCKED
),
parts AS (
    SELECT part, array_agg(user_id ORDER BY user_id) AS recipients
      FROM (SELECT user_id, ntile(%(parts)s::int) OVER (ORDER BY user_id) AS part
              FROM unnest(%(users)s::bigint[]) moved(user_id)) parted
     GROUP BY part
),
moved AS (
    INSERT INTO clarion_batch (event_id, announcement_id, number, recipients, lane, next_attempt_at, hinted_at)
    SELECT batch.event_id, batch.announcement_id,
           (SELECT max(number) FROM clarion_batch b WHERE b.event_id = batch.event_id) + parts.part,
           parts.recipients, batch.lane, now() + interval '2 seconds', 'epoch'
      FROM batch, parts
)
UPDATE clarion_batch SET recipients = ARRAY(
       SELECT user_id FROM unnest(batch.recipients) one(user_id) WHERE user_id <> ALL(%(users)s::bigint[])
        ORDER BY user_id)
  FROM batch WHERE clarion_batch.id = batch.id
"""


def split(batch_id: int) -> bool:
    """Move the busy recipients of a batch to other batches; return whether it may be delivered to the others now.

    Where all are busy, half of them are moved, so that those who are free again first need not wait for the others.
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
            "Recipients with locked inboxes were moved to other batches",
            extra={"batch": batch_id, "recipients": len(moved)},
        )
    return not are_all


def _busy(users: Sequence[int]) -> Sequence[int]:
    """Return those of these users whose inbox is locked whenever it is looked at."""
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_SECONDS)
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
