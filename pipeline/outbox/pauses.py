"""Pauses: kinds whose delivery an operator has stopped, and the events that wait until it is resumed.

Input: kinds, from operators; claimed events and batches, from the stages of delivery. Output: work of a paused kind
gets the state `paused`, in which no hint and no sweep finds it. When the kind is resumed it becomes pending again,
oldest first. An event waits as a whole, with all of its audiences, because a user in two of them would otherwise
receive the wrong kind.

A process reads the paused kinds at most once a second. Before it holds work it reads them again under the lock of the
pause, and resuming removes the pause first. So no work is held for a pause that has ended.
"""

import time
from collections.abc import Collection

from django.db import connection, transaction

from .models import Pause

#: As long as the column.
KIND_MAX_LENGTH = 64

#: Interval at which workers read the pauses (seconds). Reading them with each event cost half as much as claiming it.
NOTICED_WITHIN_SECONDS = 1.0

#: Time of the last read, and the paused kinds.
_known: tuple[float, frozenset[str]] = (float("-inf"), frozenset())

_HOLD_EVENT = """
WITH pause AS (SELECT kind FROM clarion_pause WHERE kind = ANY(%(kinds)s) FOR SHARE)
UPDATE clarion_event SET state = 'paused', paused_kind = pause.kind FROM pause WHERE id = %(id)s
"""

_HOLD_BATCH = """
WITH pause AS (SELECT kind FROM clarion_pause WHERE kind = %(kind)s FOR SHARE)
UPDATE clarion_batch SET state = 'paused' FROM pause WHERE id = %(id)s
"""

#: Due since they were recorded, so that the sweep enqueues the oldest first.
_RESUME_EVENTS = """
UPDATE clarion_event SET state = 'pending', paused_kind = '', next_attempt_at = recorded_at, attempts = 0
 WHERE state = 'paused' AND paused_kind = %(kind)s
"""

_RESUME_BATCHES = """
UPDATE clarion_batch SET state = 'pending', next_attempt_at = recorded_at, attempts = 0
 WHERE id IN (
       SELECT b.id FROM clarion_batch b LEFT JOIN clarion_announcement a ON a.id = b.announcement_id
        WHERE b.state = 'paused' AND coalesce(a.kind, %(kind)s) = %(kind)s)
"""

_WAITING = """
SELECT kind, count(*) FROM (
    SELECT paused_kind AS kind FROM clarion_event WHERE state = 'paused'
    UNION ALL
    SELECT a.kind FROM clarion_batch b JOIN clarion_announcement a ON a.id = b.announcement_id WHERE b.state = 'paused'
) waiting GROUP BY kind
"""


def pause(kind: str, *, by: str = "") -> bool:
    """Pause a kind, effective within a second; return False if it was paused already.

    Notifications that are stored already are still published.
    """
    _ask_again()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO clarion_pause (kind, paused_by) VALUES (%s, %s) ON CONFLICT DO NOTHING", [kind, by])
        return bool(cursor.rowcount)


def resume(kind: str) -> int:
    """Resume a kind; return the number of held events and batches."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM clarion_pause WHERE kind = %s", [kind])
        cursor.execute(_RESUME_EVENTS, {"kind": kind})
        events = int(cursor.rowcount)
        cursor.execute(_RESUME_BATCHES, {"kind": kind})
        return events + int(cursor.rowcount)


def waiting() -> dict[str, int]:
    """Return the number of held events and batches of each paused kind."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return {kind: int(count) for kind, count in cursor.fetchall()}


def in_force() -> list[str]:
    """Return a line for each paused kind: the held work, the time of the pause, and the user who paused it."""
    held = waiting()
    return [
        f"{pause.kind}  {held.get(pause.kind, 0)} wait  since {pause.paused_at:%Y-%m-%d %H:%M:%S} UTC"
        + (f", by {pause.paused_by}" if pause.paused_by else "")
        for pause in Pause.objects.order_by("kind")
    ]


def hold_event_if_paused(event_id: int, kinds: Collection[str]) -> bool:
    """Hold a claimed event if one of its kinds is paused; return whether it is held."""
    paused = _paused().intersection(kinds)
    if not paused:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_EVENT, {"id": event_id, "kinds": sorted(paused)})
        return bool(cursor.rowcount)


def hold_batch_if_paused(batch_id: int, kind: str) -> bool:
    """Hold a claimed batch if its kind is paused; return whether it is held."""
    if kind not in _paused():
        return False
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_BATCH, {"id": batch_id, "kind": kind})
        return bool(cursor.rowcount)


def _paused() -> frozenset[str]:
    global _known
    asked_at, kinds = _known
    now = time.monotonic()
    if now - asked_at >= NOTICED_WITHIN_SECONDS:
        with connection.cursor() as cursor:
            cursor.execute("SELECT kind FROM clarion_pause")
            kinds = frozenset(kind for (kind,) in cursor.fetchall())
        _known = (now, kinds)
    return kinds


def _ask_again() -> None:
    global _known
    _known = (float("-inf"), frozenset())
