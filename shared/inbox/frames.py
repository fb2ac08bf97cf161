"""Builds the frame of one row of the log. Pure functions.

Input: a `LogRow`, and the counts of the inbox that were read with it. Output: the text of the frame, which is the
same when the pipeline publishes it and when the edge repairs a gap with it.

A replayed frame has the current unread count, not that of its own time: the count is absolute, so the last frame of a
replay makes it exact. A notification that was deleted since is replayed as its deletion, so its text is not shown.
"""

from .. import protocol
from ..protocol import AnnouncedFrames, Collapsed, NotificationContent
from .queries import LogRow


def frame_of(row: LogRow, unread: int, unseen: int = 0) -> str:
    """Build the frame of a row of the log; `unseen` is only in the frame of an action that marks as seen."""
    match row.action:
        case "created":
            frames = AnnouncedFrames(_announced(row))
            return frames.created(row.seq, unread, is_read=bool(row.is_read), quiet=bool(row.quiet)) + frames.rest
        case "collapsed":
            frames = AnnouncedFrames(_announced(row))
            into = Collapsed(_target(row), row.count or 1, row.actors or [], row.actor_count or 0)
            head = frames.collapsed(row.seq, unread, into, is_read=bool(row.is_read), quiet=bool(row.quiet))
            return head + frames.rest
        case "tombstone":
            return protocol.deleted(row.seq, unread, _target(row))
        case "read" | "unread":
            return protocol.updated(
                row.seq, unread, _target(row), is_read=row.action == "read", modified=row.created_at
            )
        case "deleted":
            return protocol.deleted(row.seq, unread, _target(row))
        case "read_through":
            return protocol.read_through(row.seq, unread, row.through or row.seq, topic=row.topic, kind=row.kind)
        case "seen":
            return protocol.seen(row.seq, unread, unseen, row.through or row.seq)
        case unknown:
            raise ValueError(f"a log row of an unknown action: {unknown}")


def _announced(row: LogRow) -> NotificationContent:
    return NotificationContent(
        kind=row.kind or "",
        created_at=row.created_at,
        data=row.data or {},
        actor_id=row.actor_id,
        actor_username=row.actor_username,
        topic=row.topic,
        message_id=row.message_id,
        conversation_id=row.conversation_id,
        traceparent=row.traceparent,
    )


def _target(row: LogRow) -> int:
    if row.notification is None:
        raise ValueError(f"a change of action {row.action} names no notification")
    return row.notification
