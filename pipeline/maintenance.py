"""Housekeeping: what is past its retention goes, a little at a time.

Enters: nothing; beat runs `purge` every hour, and several at once are harmless. Leaves: finished events, notifications
that were read or deleted, and entries of the log removed, each after its days. A transaction removes a few thousand
rows at most, so that nobody waits for it. Where rows of a log go, its floor rises: a cursor below it is answered with
RESYNC. What is unread stays.
"""

import logging
from typing import Any

from django.db import connection, transaction

from pipeline.kinds import all_declared
from shared.settings import load

logger = logging.getLogger(__name__)

#: Rows removed by one transaction.
CHUNK = 5000

#: Their keys are kept longer than the events.
_EVENTS = """
WITH old AS (
    SELECT id, key, name, service, payload, recorded_at FROM outbox_event
     WHERE state = 'done' AND finished_at < now() - make_interval(days => %(days)s)
     ORDER BY id LIMIT %(chunk)s FOR UPDATE SKIP LOCKED
),
batches AS (DELETE FROM outbox_batch USING old WHERE outbox_batch.event_id = old.id),
keys AS (
    INSERT INTO outbox_usedkey (key, name, service, event_id, digest, used_at)
    SELECT key, name, service, id, md5(payload::text)::uuid, recorded_at FROM old
    ON CONFLICT DO NOTHING
)
DELETE FROM outbox_event USING old WHERE outbox_event.id = old.id
"""

_USED_KEYS = """
DELETE FROM outbox_usedkey WHERE ctid IN (
    SELECT ctid FROM outbox_usedkey WHERE used_at < now() - make_interval(days => %(days)s) LIMIT %(chunk)s)
"""

#: Announcements past their kind's retention, from the oldest on; `after` is the last that was looked at. One that an
#: unfinished batch delivers is spared, however old: the workers may have been away, or its kind paused.
_OLD_ANNOUNCEMENTS = """
SELECT a.id, a.event_id FROM inbox_announcement a
  LEFT JOIN unnest(%(kinds)s::text[], %(kind_days)s::int[]) rule(kind, days) ON rule.kind = a.kind
 WHERE a.id > %(after)s AND a.created_at < now() - make_interval(days => coalesce(rule.days, %(days)s))
   AND NOT EXISTS (SELECT 1 FROM outbox_batch b
                    WHERE b.event_id = a.event_id AND b.announcement_id = a.id AND b.state <> 'done')
 ORDER BY a.id LIMIT 200
"""

#: What has been read, deleted or replaced. The first of a notification that collapsed stays as long as the row that
#: stands for it, since it goes by its name.
_GONE = """
(n.read_at IS NOT NULL OR n.deleted_at IS NOT NULL OR n.replaced_by IS NOT NULL)
AND NOT (n.first IS NULL AND n.replaced_by IS NOT NULL AND EXISTS (
    SELECT 1 FROM inbox_notification latest WHERE latest.recipient_id = n.recipient_id AND latest.seq = n.replaced_by))
"""

_DOOMED_NOTIFICATIONS = f"""
SELECT n.recipient_id, n.seq FROM inbox_notification n
 WHERE n.event_id = ANY(%(events)s) AND n.announcement_id = ANY(%(announcements)s) AND {_GONE}
 ORDER BY n.event_id, n.recipient_id LIMIT %(chunk)s
"""  # noqa: S608 - constants

_DOOMED_CHANGES = """
SELECT recipient_id, seq FROM inbox_change WHERE created_at < now() - make_interval(days => %(days)s) LIMIT %(chunk)s
"""

_LOCK_INBOXES = """
SELECT count(*) FROM (
    SELECT 1 FROM inbox_inbox WHERE user_id = ANY(%(users)s::bigint[]) ORDER BY user_id FOR NO KEY UPDATE
) locked
"""

_DELETE = """
WITH gone AS (
    DELETE FROM {table} n USING unnest(%(users)s::bigint[], %(seqs)s::bigint[]) d(recipient_id, seq)
     WHERE n.recipient_id = d.recipient_id AND n.seq = d.seq AND {still}
    RETURNING n.recipient_id, n.seq
),
raised AS (
    UPDATE inbox_inbox i SET floor = greatest(i.floor, top.seq)
      FROM (SELECT recipient_id, max(seq) AS seq FROM gone GROUP BY recipient_id) top
     WHERE i.user_id = top.recipient_id
)
SELECT count(*) FROM gone
"""

_EMPTY_ANNOUNCEMENTS = """
DELETE FROM inbox_announcement a WHERE a.id = ANY(%(announcements)s) AND NOT EXISTS (
    SELECT 1 FROM inbox_notification n WHERE n.event_id = a.event_id AND n.announcement_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM outbox_batch b
                   WHERE b.event_id = a.event_id AND b.announcement_id = a.id AND b.state <> 'done')
"""


def purge() -> dict[str, int]:
    """Remove what is past its retention; how many rows of each kind went."""
    settings = load()
    removed = {
        "events": _purge_rows(_EVENTS, settings.outbox_retention_days),
        "keys": _purge_rows(_USED_KEYS, settings.key_retention_days),
        "notifications": _purge_notifications(),
        "changes": _purge_changes(),
    }
    logger.info("Purged what is past its retention", extra=removed)
    return removed


def _purge_rows(sql: str, days: int) -> int:
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, {"days": days, "chunk": CHUNK})
            count = int(cursor.rowcount)
        removed += count
        if count < CHUNK:
            return removed


def _purge_notifications() -> int:
    rules = [kind for kind in all_declared() if kind.retention_days is not None]
    params: dict[str, Any] = {
        "kinds": [kind.name for kind in rules],
        "kind_days": [kind.retention_days for kind in rules],
        "days": load().retention_days,
        "after": 0,
    }
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_OLD_ANNOUNCEMENTS, params)
            old = cursor.fetchall()
        if not old:
            return removed
        announcements, events = [row[0] for row in old], [row[1] for row in old]
        doomed: dict[str, Any] = {"announcements": announcements, "events": events, "chunk": CHUNK}
        while count := _delete("inbox_notification", _DOOMED_NOTIFICATIONS, doomed, still=_GONE):
            removed += count
        with connection.cursor() as cursor:
            cursor.execute(_EMPTY_ANNOUNCEMENTS, {"announcements": announcements})
        params["after"] = announcements[-1]


def _purge_changes() -> int:
    removed = 0
    while count := _delete("inbox_change", _DOOMED_CHANGES, {"days": load().retention_days, "chunk": CHUNK}):
        removed += count
    return removed


def _delete(table: str, doomed: str, params: dict[str, Any], *, still: str = "true") -> int:
    """One transaction: find rows, lock their inboxes in order of users, delete what is `still` to go, raise floors."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(doomed, params)
        rows = cursor.fetchall()
        if not rows:
            return 0
        found = {"users": [row[0] for row in rows], "seqs": [row[1] for row in rows]}
        cursor.execute(_LOCK_INBOXES, found)
        cursor.execute(_DELETE.format(table=table, still=still), found)
        (count,) = cursor.fetchone()
        return int(count)
