"""The SQL that reads an inbox, whole, named and explained; used by the edge (psycopg) and the HTTP API (Django).

Each statement is one snapshot: head and log are of one instant. Parameters are named, as `%(user_id)s`, which is the
app's own key of a user. Unless keys are integers, the table `clarion_person` has the number of the inbox.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from ..user_keys import Key, KeyType

#: Without a row the epoch is "0"; an operator who restores a backup writes a new one.
EPOCH: Final = "coalesce((SELECT value FROM clarion_epoch), '0')"

#: Longer names are cut to the length of the column that notifications keep them in (characters).
NAME_MAX_LENGTH: Final = 150


def read_sql(row: str, read_floor: str) -> str:
    """Return the condition that a notification is read: by itself, or with all up to the read floor of its inbox."""
    return f"({row}.read_at IS NOT NULL OR ({row}.seq <= {read_floor} AND {row}.unread_again IS NULL))"


#: Whether the notification `n` of the inbox `head` is read, and whether it is shown and unread.
IS_READ: Final = read_sql("n", "head.read_floor")
IS_UNREAD: Final = f"NOT {IS_READ} AND n.deleted_at IS NULL AND n.replaced_by IS NULL"

#: `unseen` counts at most this many.
UNSEEN_MAX: Final = 100
#: Newest places of a log that one count reads, so that it has a bound also where a user reads for years without opening
#: the panel. By seq and without LIMIT, so that the bound does not depend on the plan.
UNSEEN_PLACES: Final = 500

#: The number of unread notifications above the seq that the user has seen, joined to the `head` of an inbox. A join
#: and no column, because a column would be counted for each row of the result.
UNSEEN: Final = f"""
CROSS JOIN LATERAL (
    SELECT least(count(*), {UNSEEN_MAX}) AS unseen FROM clarion_notification n
     WHERE n.recipient_id = head.user_id AND n.seq > greatest(head.seen, head.seq - {UNSEEN_PLACES}) AND head.unread > 0
       AND {IS_UNREAD}
) counted
"""  # noqa: S608 - constants

#: Columns of `Head`, which are the first of each statement.
HEAD_WIDTH: Final = 6

#: One row per entry of the log after a cursor, in order, or a single row with null columns without one; the
#: head of the inbox stands in every row. At most %(page)s entries are read, the lowest; nothing is read of the log
#: where more than %(limit)s entries are missing, where the cursor lies below the floor, or where it is null. Columns:
#: `Head`, then `LogRow`.
_LOG = """
LEFT JOIN LATERAL (
    (
        SELECT n.seq,
               CASE WHEN n.deleted_at IS NOT NULL THEN 'tombstone'
                    WHEN n.first IS NOT NULL THEN 'collapsed' ELSE 'created' END AS action,
               coalesce(n.first, n.seq) AS notification, NULL::bigint AS through, a.topic, a.kind, n.created_at,
               {is_read} AS is_read, n.quiet IS TRUE AS quiet, n.count, n.actors, n.actor_count,
               a.data, {actor}, a.actor_username, a.message_id, a.conversation_id, a.traceparent
          FROM clarion_notification n JOIN clarion_announcement a ON a.id = n.announcement_id
         WHERE n.recipient_id = head.user_id AND n.seq > {after} AND n.seq <= head.seq
         ORDER BY n.seq LIMIT %(page)s
    )
    UNION ALL
    (
        SELECT c.seq, c.action, c.notification, c.through, c.topic, c.kind, c.created_at,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM clarion_change c
         WHERE c.recipient_id = head.user_id AND c.seq > {after} AND c.seq <= head.seq
         ORDER BY c.seq LIMIT %(page)s
    )
    ORDER BY seq LIMIT %(page)s
) log ON head.seq - {after} <= %(limit)s AND {after} >= head.floor
"""

#: What a socket missed: the head of one inbox (zeros where the user has none yet), and its log after a cursor.
_LOG_AFTER = f"""
SELECT {EPOCH} AS epoch, coalesce(head.seq, 0) AS head_seq, coalesce(head.unread, 0), coalesce(head.floor, 0),
       coalesce(head.seen, 0), counted.unseen, log.*
  FROM (SELECT {{number}} AS user_id) one
  LEFT JOIN clarion_inbox head USING (user_id) {UNSEEN} {{log}}
"""  # noqa: S608 - composed of constants

#: Notifications of one inbox, newest first, with its head: of one instant.
_SHOWN = """
SELECT {epoch} AS epoch, head.seq AS head_seq, head.unread, head.floor, head.seen, counted.unseen,
       n.seq, n.first, {is_read} AS is_read, n.count, n.actors, n.actor_count,
       a.topic, a.kind, n.created_at, a.data, {actor}, a.actor_username,
       a.message_id, a.conversation_id, a.traceparent
  FROM (SELECT {number} AS user_id) one
  LEFT JOIN clarion_inbox head USING (user_id) {unseen}
  LEFT JOIN LATERAL (
        SELECT n.* FROM clarion_notification n JOIN clarion_announcement a ON a.id = n.announcement_id
         WHERE n.recipient_id = one.user_id AND n.deleted_at IS NULL AND n.replaced_by IS NULL AND {which}
         ORDER BY n.seq DESC LIMIT %(limit)s
  ) n ON true
  LEFT JOIN clarion_announcement a ON a.id = n.announcement_id
 ORDER BY n.seq DESC
"""

#: Those below a seq.
_NEWEST = """(%(before)s::bigint IS NULL OR n.seq < %(before)s)
           AND (%(is_read)s::boolean IS NULL OR {is_read} = %(is_read)s)
           AND (%(kind)s::text IS NULL OR a.kind = %(kind)s)
           AND (%(topic)s::text IS NULL OR a.topic = %(topic)s)"""

#: The notification of a name, which is the seq of the first of those that collapsed into it.
_ONE = """n.seq = (
             SELECT coalesce(replaced_by, seq) FROM clarion_notification
              WHERE recipient_id = one.user_id AND seq = %(name)s AND first IS NULL)"""

#: The number of the inbox of a user, and the actor of an announcement: with integer keys, and with others.
_NUMBER = {True: "%(user_id)s::bigint", False: "(SELECT id FROM clarion_person WHERE key = %(user_id)s)"}
_ACTOR = {True: "a.actor_id", False: "(SELECT key FROM clarion_person WHERE id = a.actor_id) AS actor_id"}


@cache
def log_after_sql(keys: KeyType) -> str:
    """Return the query for the head of one inbox and its log after a cursor; columns: `Head`, then `LogRow`."""
    return _LOG_AFTER.format(number=_NUMBER[keys is KeyType.INTEGER], log=log_sql(keys, "%(after)s"))


@cache
def newest_sql(keys: KeyType) -> str:
    """Return the query for the newest notifications below a seq: the snapshot and the pages of the list.

    A page ends at a seq and not at a notification's name, since one that collapses moves up.
    """
    return _shown_sql(keys, _NEWEST)


@cache
def one_sql(keys: KeyType) -> str:
    """Return the query for the notification of a name."""
    return _shown_sql(keys, _ONE)


def log_sql(keys: KeyType, after: str) -> str:
    """Return the join of the log after a cursor to the `head` of an inbox; `after` is SQL."""
    return _LOG.format(after=after, actor=_ACTOR[keys is KeyType.INTEGER], is_read=IS_READ)


def _shown_sql(keys: KeyType, which: str) -> str:
    integer = keys is KeyType.INTEGER
    return _SHOWN.format(
        epoch=EPOCH, unseen=UNSEEN, which=which.format(is_read=IS_READ), number=_NUMBER[integer],
        actor=_ACTOR[integer], is_read=IS_READ,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an inbox: its epoch, last seq, unread count, and the seq below which the log is purged.

    The user has seen all up to the seq `seen`; `unseen` is the number of unread ones above it, at most UNSEEN_MAX.
    """

    epoch: str
    seq: int
    unread: int
    floor: int
    seen: int = 0
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of the log, as the columns of `log_after_sql` after the head."""

    seq: int
    action: str
    notification: int | None
    through: int | None
    topic: str | None
    kind: str | None
    created_at: datetime
    is_read: bool | None = None
    quiet: bool | None = None
    count: int | None = None
    actors: list[dict[str, Any]] | None = None
    actor_count: int | None = None
    data: dict[str, Any] | None = None
    actor_id: Key | None = None
    actor_username: str | None = None
    message_id: str | None = None
    conversation_id: str | None = None
    traceparent: str | None = None
