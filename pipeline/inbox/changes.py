"""One action of a user on their inbox: one transaction, one row in the log, one frame, however many rows it changes.

Input: a user and their action. Output: the changed inbox, the next seq of its log, and a frame for every socket of
that user. Each action takes a constant number of statements. An action that changes nothing (reading a read
notification) takes no seq and sends no frame.

The frame is sent when the outermost transaction commits, because a caller may wrap the action in a transaction of its
own (`ATOMIC_REQUESTS` does) and roll it back. If the channel layer does not answer, the sockets find the change by
comparing their seq with Postgres.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from ...shared.inbox.frames import frame_of
from ...shared.inbox.queries import EPOCH, LogRow
from ..epoch import TIMELINE_CHANGED, TimelineChanged, follows_timeline
from ..errors import PipelineError
from ..publish import publish_frames

_LOCK = f"SELECT seq, unread, {TIMELINE_CHANGED} FROM clarion_inbox WHERE user_id = %(user)s FOR NO KEY UPDATE"  # noqa: S608

#: The row that stands for a notification: the newest of those that collapsed into it, or its only one. `name` is the
#: seq of the first, by which the notification goes.
_SHOWN = """
WITH shown AS (
    SELECT coalesce(replaced_by, seq) AS seq FROM clarion_notification
     WHERE recipient_id = %(user)s AND seq = %(name)s AND first IS NULL AND deleted_at IS NULL
)
"""

#: The first row is marked with the one that is shown, so that a replay of it does not look new. No row: no such
#: notification. Answers whether anything changed.
_SET_READ = f"""
{_SHOWN},
changed AS (
    UPDATE clarion_notification n SET read_at = CASE WHEN %(read)s THEN clock_timestamp() END
      FROM shown WHERE n.recipient_id = %(user)s AND n.seq IN (%(name)s, shown.seq) AND (n.read_at IS NULL) = %(read)s
    RETURNING n.seq
)
SELECT EXISTS (SELECT 1 FROM changed WHERE changed.seq = shown.seq) FROM shown
"""  # noqa: S608 - constants

#: `LIMIT 1` makes each first row a look-up in the index. As a join, with statistics from before an inbox grew, it would
#: compare all rows of the inbox with all that are read.
_READ_THROUGH = """
WITH changed AS (
    UPDATE clarion_notification n SET read_at = clock_timestamp()
     WHERE n.recipient_id = %(user)s AND n.seq <= %(through)s AND n.read_at IS NULL AND n.deleted_at IS NULL
       AND n.replaced_by IS NULL AND ((%(topic)s::text IS NULL AND %(kind)s::text IS NULL) OR EXISTS (
            SELECT 1 FROM clarion_announcement a WHERE a.id = n.announcement_id
               AND (%(topic)s::text IS NULL OR a.topic = %(topic)s)
               AND (%(kind)s::text IS NULL OR a.kind = %(kind)s)))
    RETURNING n.first
),
firsts AS (
    UPDATE clarion_notification SET read_at = clock_timestamp()
     WHERE ctid = ANY(ARRAY(
           SELECT one.ctid FROM changed CROSS JOIN LATERAL (
                  SELECT n.ctid FROM clarion_notification n
                   WHERE n.recipient_id = %(user)s AND n.seq = changed.first LIMIT 1) one
            WHERE changed.first IS NOT NULL))
)
SELECT count(*) FROM changed
"""

#: With all that collapsed into it, so that a replay shows none of it. Answers whether it was unread. No row: no such
#: notification.
_DELETE = f"""
{_SHOWN},
deleted AS (
    UPDATE clarion_notification n SET deleted_at = clock_timestamp()
      FROM shown WHERE n.recipient_id = %(user)s AND n.seq BETWEEN %(name)s AND shown.seq
       AND (n.seq = %(name)s OR n.first = %(name)s)
    RETURNING n.seq, n.read_at
)
SELECT deleted.read_at IS NULL FROM shown JOIN deleted USING (seq)
"""  # noqa: S608 - constants

_LOG = f"""
WITH head AS (
    UPDATE clarion_inbox SET seq = seq + 1, unread = unread + %(unread)s WHERE user_id = %(user)s
    RETURNING seq, unread
)
INSERT INTO clarion_change (recipient_id, seq, action, notification, through, topic, kind, created_at)
SELECT %(user)s, seq, %(action)s, %(notification)s, %(through)s, %(topic)s, %(kind)s, clock_timestamp() FROM head
RETURNING seq, created_at, (SELECT unread FROM head), {EPOCH}
"""  # noqa: S608 - constants


class NoSuchNotification(PipelineError):
    """You have no such notification; it may have been deleted."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the inbox after the action."""

    seq: int
    unread: int


def mark_read(user_id: int, notification: int, *, read: bool) -> Head:
    """Mark one notification read or unread; raises NoSuchNotification."""

    def change() -> int | None:
        row = _one(_SET_READ, {"user": user_id, "name": notification, "read": read})
        if row is None:
            raise NoSuchNotification
        if not row[0]:
            return None
        return -1 if read else 1

    return _changed(user_id, change, "read" if read else "unread", notification=notification)


def delete(user_id: int, notification: int) -> Head:
    """Delete one notification; raises NoSuchNotification. A tombstone keeps its place in the log."""

    def change() -> int:
        deleted = _one(_DELETE, {"user": user_id, "name": notification})
        if deleted is None:
            raise NoSuchNotification
        return -1 if deleted[0] else 0

    return _changed(user_id, change, "deleted", notification=notification)


@follows_timeline
def read_through(
    user_id: int, *, through: int | None = None, topic: str | None = None, kind: str | None = None
) -> Head:
    """Mark all read: up to a seq, of a topic, of a kind, where given. A seq from the future is the newest."""

    with transaction.atomic():
        head = _locked(user_id)
        if head is None:
            return Head(0, 0)
        upto = head.seq if through is None else min(through, head.seq)
        changed = _one(_READ_THROUGH, {"user": user_id, "through": upto, "topic": topic, "kind": kind})
        if not changed or not changed[0]:
            return head
        row = _log(user_id, "read_through", unread=-changed[0], through=upto, topic=topic, kind=kind)
    return _publish_on_commit(user_id, *row)


@follows_timeline
def _changed(user_id: int, change: Callable[[], int | None], action: str, *, notification: int) -> Head:
    """Run `change` under the lock of the inbox, log it and publish it; its result is added to the unread count."""
    with transaction.atomic():
        head = _locked(user_id)
        if head is None:
            raise NoSuchNotification
        unread = change()
        if unread is None:
            return head
        row = _log(user_id, action, unread=unread, notification=notification)
    return _publish_on_commit(user_id, *row)


def _locked(user_id: int) -> Head | None:
    row = _one(_LOCK, {"user": user_id})
    if row is None:
        return None
    seq, unread, timeline_changed = row
    if timeline_changed:
        raise TimelineChanged
    return Head(seq, unread)


def _log(
    user_id: int,
    action: str,
    *,
    unread: int,
    notification: int | None = None,
    through: int | None = None,
    topic: str | None = None,
    kind: str | None = None,
) -> tuple[LogRow, int, str]:
    what: dict[str, Any] = {"notification": notification, "through": through, "topic": topic, "kind": kind}
    row = _one(_LOG, {"user": user_id, "action": action, "unread": unread, **what})
    assert row is not None  # noqa: S101 - the row is locked
    seq, created_at, now_unread, epoch = row
    return LogRow(seq=seq, action=action, created_at=created_at, **what), now_unread, epoch


def _publish_on_commit(user_id: int, row: LogRow, unread: int, epoch: str) -> Head:
    """Publish the frame of this row once it is committed; return the head that the action leads to."""

    def publish() -> None:
        publish_frames([(user_id, row.seq, frame_of(row, unread))], epoch=epoch)

    transaction.on_commit(publish, robust=True)
    return Head(row.seq, unread)


def _one(sql: str, params: dict[str, Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
