"""One action of a user on their inbox: one transaction, one row in the log, one frame, however many it concerns.

Input: a user and their action. Output: the changed inbox, the next seq of its log, and a frame for every socket of
that user. Each action takes a constant number of statements. An action that changes nothing (reading a read
notification) takes no seq and sends no frame. Reading all of a topic or a kind is an action for each chunk, so that
deliveries to the inbox wait for a chunk only.

The frame is sent when the outermost transaction commits, because a caller may wrap the action in a transaction of its
own (`ATOMIC_REQUESTS` does) and roll it back. If the channel layer does not answer, the sockets find the change by
comparing their seq with Postgres.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from ...shared.inbox.frames import frame_of
from ...shared.inbox.queries import EPOCH, IS_READ, IS_UNREAD, UNSEEN, LogRow
from ...shared.user_keys import Key
from ..epoch import TIMELINE_CHANGED, TimelineChanged, follows_timeline
from ..errors import PipelineError
from ..persons import key_of, number_of
from ..publish import publish_frames
from ..sql import load

#: The head of an inbox, and the seq of its oldest notification; without a lock.
_EXTENT = """
SELECT i.seq, coalesce((SELECT min(n.seq) FROM clarion_notification n WHERE n.recipient_id = i.user_id), i.seq)
  FROM clarion_inbox i WHERE i.user_id = %(user)s
"""
_LOCK = f"SELECT seq, unread, {TIMELINE_CHANGED} FROM clarion_inbox WHERE user_id = %(user)s FOR NO KEY UPDATE"  # noqa: S608

#: The row that is shown for a notification: the newest of those that collapsed into it, or its only one. `name` is the
#: seq of the first one, which identifies the notification.
_SHOWN = """
WITH shown AS (
    SELECT coalesce(replaced_by, seq) AS seq FROM clarion_notification
     WHERE recipient_id = %(user)s AND seq = %(name)s AND first IS NULL AND deleted_at IS NULL
)
"""

#: Also marks the first row, so that a replay of it does not look new. Returns whether the notification changed; no row
#: for an unknown notification.
_SET_READ = f"""
{_SHOWN},
changed AS (
    UPDATE clarion_notification n
       SET read_at = CASE WHEN %(read)s THEN clock_timestamp() END,
           unread_again = CASE WHEN NOT %(read)s AND n.seq <= head.read_floor THEN true END
      FROM shown, clarion_inbox head
     WHERE head.user_id = %(user)s AND n.recipient_id = %(user)s AND n.seq IN (%(name)s, shown.seq)
       AND {IS_READ} <> %(read)s
    RETURNING n.seq
)
SELECT EXISTS (SELECT 1 FROM changed WHERE changed.seq = shown.seq) FROM shown
"""  # noqa: S608 - constants

_MARK_ALL_READ = load("mark_all_read").format(is_unread=IS_UNREAD)

#: Whether the notification `n` has this topic and this kind.
_MATCHES = """EXISTS (SELECT 1 FROM clarion_announcement a WHERE a.id = n.announcement_id
                AND (%(topic)s::text IS NULL OR a.topic = %(topic)s)
                AND (%(kind)s::text IS NULL OR a.kind = %(kind)s))"""
_MARK_SOME_READ = load("mark_some_read").format(is_unread=IS_UNREAD, matches=_MATCHES)
#: Length of the part of a log in which one transaction marks notifications of a topic or a kind as read.
CHUNK = 5000

#: Also deletes the rows that collapsed into it, so that a replay shows none of them. Returns whether it was unread; no
#: row for an unknown notification.
_DELETE = f"""
{_SHOWN},
deleted AS (
    UPDATE clarion_notification n SET deleted_at = clock_timestamp()
      FROM shown, clarion_inbox head
     WHERE head.user_id = %(user)s AND n.recipient_id = %(user)s AND n.seq BETWEEN %(name)s AND shown.seq
       AND (n.seq = %(name)s OR n.first = %(name)s)
    RETURNING n.seq, {IS_READ} AS is_read
)
SELECT NOT deleted.is_read FROM shown JOIN deleted USING (seq)
"""  # noqa: S608 - constants

#: Nothing is new where no notification stands between the seq that was seen before and this one: no row then.
_SET_SEEN = """
UPDATE clarion_inbox SET seen = %(through)s
 WHERE user_id = %(user)s AND EXISTS (
       SELECT 1 FROM clarion_notification n
        WHERE n.recipient_id = %(user)s AND n.seq > clarion_inbox.seen AND n.seq <= %(through)s)
RETURNING seen
"""

_UNSEEN = f"SELECT counted.unseen FROM clarion_inbox head {UNSEEN} WHERE head.user_id = %(user)s"  # noqa: S608 - constants

_LOG = f"""
WITH head AS (
    UPDATE clarion_inbox
       SET seq = seq + 1, unread = unread + %(unread)s, read_floor = greatest(read_floor, %(read_floor)s)
     WHERE user_id = %(user)s
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


@dataclass(frozen=True, slots=True)
class Seen(Head):
    """The head of the inbox after it was seen, with the number of unread notifications above that."""

    unseen: int


def mark_read(user_id: Key | UUID, notification: int, *, read: bool) -> Head:
    """Mark one notification as read or unread; raises NoSuchNotification."""

    def change(number: int) -> int | None:
        row = _one(_SET_READ, {"user": number, "name": notification, "read": read})
        if row is None:
            raise NoSuchNotification
        if not row[0]:
            return None
        return -1 if read else 1

    return _changed(user_id, change, "read" if read else "unread", notification=notification)


def delete(user_id: Key | UUID, notification: int) -> Head:
    """Delete one notification; raises NoSuchNotification. A tombstone keeps its place in the log."""

    def change(number: int) -> int:
        deleted = _one(_DELETE, {"user": number, "name": notification})
        if deleted is None:
            raise NoSuchNotification
        return -1 if deleted[0] else 0

    return _changed(user_id, change, "deleted", notification=notification)


def read_through(
    user_id: Key | UUID, *, through: int | None = None, topic: str | None = None, kind: str | None = None
) -> Head:
    """Mark all as read, optionally up to a seq, of a topic or of a kind. A seq beyond the head means the head.

    All take the same time, however many they are. Those of a topic or a kind are marked in chunks: for each part of the
    log that has some, a transaction, a row in the log and a frame. Inside a caller's transaction (`ATOMIC_REQUESTS`)
    the inbox stays locked until that ends.
    """
    if topic is None and kind is None:
        return _read_all(user_id, through)
    number = number_of(user_id)
    extent = None if number is None else _one(_EXTENT, {"user": number})
    if extent is None:
        return Head(0, 0)
    started, oldest = extent
    upto = started if through is None else min(through, started)
    after = min(oldest - 1, upto)
    while True:
        chunk = {"after": after, "through": min(after + CHUNK, upto), "started": started}
        head = _read_some(user_id, chunk, topic=topic, kind=kind)
        after = chunk["through"]
        if after == upto:
            return head


@follows_timeline
def _read_all(user_id: Key | UUID, through: int | None) -> Head:
    """Raise the read floor of the inbox."""
    with transaction.atomic():
        number = number_of(user_id)
        head = _locked(number)
        if number is None or head is None:
            return Head(0, 0)
        upto = head.seq if through is None else min(through, head.seq)
        (changed,) = _one(_MARK_ALL_READ, {"user": number, "through": upto}) or (0,)
        if not changed:
            return head
        row = _log(number, "read_through", unread=-changed, through=upto, read_floor=upto)
    return _publish_on_commit(user_id, *row)


@follows_timeline
def _read_some(user_id: Key | UUID, chunk: dict[str, int], *, topic: str | None, kind: str | None) -> Head:
    """Mark those of a part of the log as read. Those before it are read, but for what the user did since the start."""
    which: dict[str, Any] = {"topic": topic, "kind": kind}
    with transaction.atomic():
        number = number_of(user_id)
        head = _locked(number)
        if number is None or head is None:
            return Head(0, 0)
        (changed,) = _one(_MARK_SOME_READ, {"user": number, **chunk, **which}) or (0,)
        if not changed:
            return head
        row = _log(number, "read_through", unread=-changed, through=chunk["through"], **which)
    return _publish_on_commit(user_id, *row)


@follows_timeline
def mark_seen(user_id: Key | UUID, *, through: int | None = None) -> Seen:
    """Mark all as seen, or those up to a seq; it clears no unread mark, only the highlight of the badge.

    A seq beyond the head means the head. Once seen stays seen, so a seq below an earlier one changes nothing.
    """
    with transaction.atomic():
        number = number_of(user_id)
        head = _locked(number)
        if number is None or head is None:
            return Seen(0, 0, 0)
        upto = head.seq if through is None else min(through, head.seq)
        changed = _one(_SET_SEEN, {"user": number, "through": upto})
        (unseen,) = _one(_UNSEEN, {"user": number}) or (0,)
        if changed is None:
            return Seen(head.seq, head.unread, unseen)
        row = _log(number, "seen", unread=0, through=upto)
    head = _publish_on_commit(user_id, *row, unseen=unseen)
    return Seen(head.seq, head.unread, unseen)


@follows_timeline
def _changed(user_id: Key | UUID, change: Callable[[int], int | None], action: str, *, notification: int) -> Head:
    """Run `change` under the lock of the inbox, log it and publish it; its result is added to the unread count."""
    with transaction.atomic():
        number = number_of(user_id)
        head = _locked(number)
        if number is None or head is None:
            raise NoSuchNotification
        unread = change(number)
        if unread is None:
            return head
        row = _log(number, action, unread=unread, notification=notification)
    return _publish_on_commit(user_id, *row)


def _locked(number: int | None) -> Head | None:
    row = None if number is None else _one(_LOCK, {"user": number})
    if row is None:
        return None
    seq, unread, timeline_changed = row
    if timeline_changed:
        raise TimelineChanged
    return Head(seq, unread)


def _log(
    number: int,
    action: str,
    *,
    unread: int,
    notification: int | None = None,
    through: int | None = None,
    topic: str | None = None,
    kind: str | None = None,
    read_floor: int = 0,
) -> tuple[LogRow, int, str]:
    what: dict[str, Any] = {"notification": notification, "through": through, "topic": topic, "kind": kind}
    row = _one(_LOG, {"user": number, "action": action, "unread": unread, "read_floor": read_floor, **what})
    assert row is not None  # noqa: S101 - the row is locked
    seq, created_at, now_unread, epoch = row
    return LogRow(seq=seq, action=action, created_at=created_at, **what), now_unread, epoch


def _publish_on_commit(user_id: Key | UUID, row: LogRow, unread: int, epoch: str, *, unseen: int = 0) -> Head:
    """Publish the frame of this row after the commit; return the head after the action."""

    def publish() -> None:
        publish_frames([(key_of(user_id), row.seq, frame_of(row, unread, unseen))], epoch=epoch)

    transaction.on_commit(publish, robust=True)
    return Head(row.seq, unread)


def _one(sql: str, params: dict[str, Any]) -> tuple[Any, ...] | None:
    return next(iter(_all(sql, params)), None)


def _all(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
