"""The steps of retention: the rows that each removes, and the statements for it.

Input: a position, 0 for the beginning. Output: a chunk of rows removed, in the caller's transaction, and the position
after it. A step reads along an index in the order in which rows become old, and is done at the first young one. Where
rows of an inbox's log go, its floor rises, under the inbox's lock: a cursor below it gets RESYNC. Where unread ones
go, the inbox takes a seq too, so that open sockets notice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from ..shared.inbox.queries import read_sql
from ..shared.settings import get_settings
from .kinds import all_declared
from .sql import load

#: Rows that one chunk reads or removes.
CHUNK = 2000
#: Announcements that one chunk reads; each may have many notifications.
ANNOUNCEMENTS = 200
#: Age after which the row of an actor within the limit is not needed any more (days).
PACE_DAYS = 1

HOUR, DAY = 3600.0, 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """The result of a part of a step: removed rows, the position to continue from, and whether the step is done."""

    removed: int
    position: int
    done: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One type of rows. `goes_on`: a new pass starts where the last one ended, except for one pass a day."""

    name: str
    run: Callable[[int], Chunk]
    every_seconds: float = HOUR
    goes_on: bool = False


_PURGE_EVENTS = load("purge_events")

#: Rows that have an index on their age: the oldest first.
_BY_AGE = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE {column} < now() - make_interval(days => %(days)s)
     ORDER BY {column} LIMIT %(chunk)s))
"""

_OLD_ANNOUNCEMENTS = load("old_announcements")

_IS_READ = read_sql("n", "(SELECT i.read_floor FROM clarion_inbox i WHERE i.user_id = n.recipient_id)")
_UNREAD = f"NOT {_IS_READ} AND n.deleted_at IS NULL AND n.replaced_by IS NULL"

#: A notification is removed when it was read, deleted or replaced, or its announcement is `very_old`. The first of a
#: notification that collapsed stays as long as the row that stands for it, because that row has its id.
_REMOVABLE = f"""
({_IS_READ} OR n.deleted_at IS NOT NULL OR n.replaced_by IS NOT NULL
 OR n.announcement_id = ANY(%(very_old)s::bigint[]))
AND NOT (n.first IS NULL AND n.replaced_by IS NOT NULL AND EXISTS (
    SELECT 1 FROM clarion_notification latest
     WHERE latest.recipient_id = n.recipient_id AND latest.seq = n.replaced_by))
"""  # noqa: S608 - constants

_OLD_NOTIFICATIONS = f"""
SELECT n.recipient_id, n.seq FROM clarion_notification n
 WHERE n.event_id = ANY(%(events)s) AND n.announcement_id = ANY(%(announcements)s) AND {_REMOVABLE} LIMIT %(chunk)s
"""  # noqa: S608 - constants

#: The oldest unread notifications beyond the limit, of one inbox.
_TOO_MANY_UNREAD = """
SELECT n.recipient_id, n.seq
  FROM (SELECT user_id, unread FROM clarion_inbox WHERE user_id >= %(position)s AND unread > %(cap)s
         ORDER BY user_id LIMIT 1) i
 CROSS JOIN LATERAL (
       SELECT recipient_id, seq FROM clarion_notification n
        WHERE n.recipient_id = i.user_id AND {unread}
        ORDER BY n.seq LIMIT least(i.unread - %(cap)s, %(chunk)s)) n
"""

_OLD_CHANGES = """
SELECT recipient_id, seq FROM clarion_change WHERE created_at < now() - make_interval(days => %(days)s)
 ORDER BY created_at LIMIT %(chunk)s
"""

_LOCK_INBOXES = """
SELECT count(*) FROM (
    SELECT 1 FROM clarion_inbox WHERE user_id = ANY(%(users)s::bigint[]) ORDER BY user_id FOR NO KEY UPDATE
) locked
"""

_PURGE_CHANGES = load("purge_changes")

_PURGE_NOTIFICATIONS = load("purge_notifications")

_DELETE_ANNOUNCEMENTS = """
DELETE FROM clarion_announcement a WHERE a.id = ANY(%(announcements)s) AND NOT EXISTS (
    SELECT 1 FROM clarion_notification n WHERE n.event_id = a.event_id AND n.announcement_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM clarion_batch b
                   WHERE b.event_id = a.event_id AND b.announcement_id = a.id AND b.state <> 'done')
"""


def _events(position: int) -> Chunk:
    params = {"days": get_settings().outbox_retention_days, "position": position, "chunk": CHUNK}
    ((removed, position, done),) = _rows(_PURGE_EVENTS, params)
    return Chunk(removed, position, done)


def _by_age(table: str, column: str, days: int) -> Chunk:
    with connection.cursor() as cursor:
        cursor.execute(_BY_AGE.format(table=table, column=column), {"days": days, "chunk": CHUNK})
        removed = int(cursor.rowcount)
    return Chunk(removed, 0, removed < CHUNK)


def _keys(position: int) -> Chunk:
    return _by_age("clarion_used_key", "used_at", get_settings().key_retention_days)


def _paces(position: int) -> Chunk:
    return _by_age("clarion_pace", "reserved_until", PACE_DAYS)


def _notifications(position: int) -> Chunk:
    """Remove notifications of old announcements. The position moves on when those of a page are all removed."""
    rules = {kind.name: kind.retention_days for kind in all_declared() if kind.retention_days is not None}
    settings = get_settings()
    params: dict[str, Any] = {
        "kinds": list(rules),
        "kind_days": list(rules.values()),
        "days": settings.retention_days,
        "least_days": min([settings.retention_days, *rules.values()]),
        "unread_days": settings.unread_retention_days,
        "position": position,
        "announcements": ANNOUNCEMENTS,
    }
    page = _rows(_OLD_ANNOUNCEMENTS, params)
    # The order of ids is nearly that of time: beyond the first young one nothing is old.
    ends = next((index for index, row in enumerate(page) if row[2]), len(page))
    old = [row for row in page[:ends] if row[3] and not row[5]]
    announcements = [row[0] for row in old]
    very_old = [row[0] for row in old if row[4]]
    found = {"events": [row[1] for row in old], "announcements": announcements, "very_old": very_old, "chunk": CHUNK}
    rows = _rows(_OLD_NOTIFICATIONS, found) if old else []
    removed = _delete(_PURGE_NOTIFICATIONS.format(condition=_REMOVABLE, unread=_UNREAD), rows, {"very_old": very_old})
    if len(rows) == CHUNK:
        return Chunk(removed, position, done=False)
    if announcements:
        with connection.cursor() as cursor:
            cursor.execute(_DELETE_ANNOUNCEMENTS, {"announcements": announcements})
    return Chunk(removed, page[ends - 1][0] if ends else position, done=ends < ANNOUNCEMENTS)


def _changes(position: int) -> Chunk:
    rows = _rows(_OLD_CHANGES, {"days": get_settings().retention_days, "chunk": CHUNK})
    return Chunk(_delete(_PURGE_CHANGES, rows, {}), 0, len(rows) < CHUNK)


def _unread(position: int) -> Chunk:
    """Remove unread notifications beyond the limit, one inbox at a time, in the order of user ids."""
    params = {"cap": get_settings().unread_max, "position": position, "chunk": CHUNK}
    rows = _rows(_TOO_MANY_UNREAD.format(unread=_UNREAD), params)
    removed = _delete(_PURGE_NOTIFICATIONS.format(condition=_UNREAD, unread=_UNREAD), rows, {"very_old": []})
    if not rows:
        return Chunk(0, 0, done=True)
    return Chunk(removed, rows[0][0] if removed else rows[0][0] + 1, done=False)


def _delete(sql: str, rows: Sequence[tuple[Any, ...]], params: dict[str, Any]) -> int:
    """Lock the inboxes of these rows in the order of users, and delete the rows that still may be deleted."""
    if not rows:
        return 0
    found = params | {"users": [row[0] for row in rows], "seqs": [row[1] for row in rows]}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_INBOXES, found)
        cursor.execute(sql, found)
        (count,) = cursor.fetchone()
    return int(count)


def _rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


STEPS = (
    Step("events", _events),
    Step("keys", _keys, every_seconds=DAY),
    Step("paces", _paces, every_seconds=DAY),
    Step("notifications", _notifications, goes_on=True),
    Step("changes", _changes),
    Step("unread", _unread, every_seconds=DAY),
)
