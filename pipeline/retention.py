"""Retention: removes old rows in small slices.

Beat triggers a slice each minute. Output: finished events, used keys, read and deleted notifications, very old unread
ones, and entries of the log are removed, each after its days. Because of a lease in Postgres one slice runs at a time,
for some seconds at most. It continues where the last one stopped, because each chunk stores the position of its step. A
complete step is due again after an hour, even if beat and workers are restarted. expiry.py has the steps and their
statements.
"""

import logging
import time
from collections import Counter
from typing import Any

from django.db import connection, transaction

from .epoch import renewed
from .expiry import STEPS, Step

logger = logging.getLogger(__name__)

#: Length of one slice (seconds). Its last chunk may end up to a second later.
SLICE_SECONDS = 5.0
#: Lease of a slice (seconds): if its worker dies, the next slice starts after this time.
LEASE_SECONDS = 120

_CREATE_ROWS = """
INSERT INTO clarion_retention (step) SELECT unnest(%(steps)s::text[]) ON CONFLICT DO NOTHING
"""

#: The lease is the row without a step's name.
_TAKE_LEASE = """
UPDATE clarion_retention SET leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
 WHERE step = '' AND (leased_until IS NULL OR leased_until < clock_timestamp())
RETURNING 1
"""
_RETURN_LEASE = "UPDATE clarion_retention SET leased_until = NULL WHERE step = ''"

#: A started step continues from its position. A due step starts from the beginning; if only rows beyond its position
#: can have become old, it starts from there, and once a day from the beginning.
_DUE = """
UPDATE clarion_retention
   SET position = CASE WHEN under_way THEN position
                       WHEN %(goes_on)s AND whole_at > clock_timestamp() - interval '1 day' THEN position ELSE 0 END,
       whole_at = CASE WHEN under_way OR %(goes_on)s AND whole_at > clock_timestamp() - interval '1 day' THEN whole_at
                       ELSE clock_timestamp() END,
       under_way = true
 WHERE step = %(step)s
   AND (under_way OR finished_at IS NULL OR finished_at < clock_timestamp() - make_interval(secs => %(every)s))
RETURNING position
"""

_STORE = """
UPDATE clarion_retention
   SET position = %(position)s, under_way = NOT %(done)s,
       finished_at = CASE WHEN %(done)s THEN clock_timestamp() ELSE finished_at END
 WHERE step = %(step)s
"""


def purge_slice() -> dict[str, int]:
    """Run due steps for SLICE_SECONDS; return the rows that each removed, or nothing without the lease."""
    removed: Counter[str] = Counter()
    if not _has_lease():
        return removed
    try:
        deadline = time.monotonic() + SLICE_SECONDS
        with transaction.atomic():
            renewed()  # removing unread rows assigns seqs
        for step in STEPS:
            position = _one(_DUE, {"step": step.name, "goes_on": step.goes_on, "every": step.every_seconds})
            if position is not None and not _run(step, position[0], removed, deadline):
                break
    finally:
        _one(_RETURN_LEASE, {})
    if removed:
        logger.info("Removed rows past their retention", extra=dict(removed))
    return removed


def purge() -> dict[str, int]:
    """Run every step completely, due or not; return the number of rows that each removed."""
    removed = Counter({step.name: 0 for step in STEPS})
    with transaction.atomic():
        renewed()
    for step in STEPS:
        _run(step, 0, removed, float("inf"))
    return removed


def _run(step: Step, position: int, removed: Counter[str], deadline: float) -> bool:
    """Run chunks of a step from `position` until it is done or the deadline has passed; return whether it is done."""
    while True:
        with transaction.atomic():
            chunk = step.run(position)
            _one(_STORE, {"step": step.name, "position": chunk.position, "done": chunk.done})
        removed[step.name] += chunk.removed
        position = chunk.position
        if chunk.done or time.monotonic() > deadline:
            return chunk.done


def _has_lease() -> bool:
    _one(_CREATE_ROWS, {"steps": ["", *(step.name for step in STEPS)]})
    return _one(_TAKE_LEASE, {"seconds": LEASE_SECONDS}) is not None


def _one(sql: str, params: dict[str, Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
        return row
