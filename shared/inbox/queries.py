"""The SQL that reads an inbox, whole, named and explained; used by the edge (psycopg) and the HTTP API (Django).

Each statement is one snapshot: head and log are of one instant. Parameters are named, as `%(user_id)s`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

#: Without a row the epoch is "0"; an operator who restores a backup writes a new one.
EPOCH: Final = "coalesce((SELECT value FROM inbox_epoch), '0')"

#: One row per entry of the log after a cursor, in order, or a single row with null columns where there is none; the
#: head of the inbox stands in every row. Nothing is read of the log where more than %(limit)s entries are missing,
#: where the cursor lies below the floor, or where it is null. Columns: `Head`, then `LogRow`.
_LOG = """
LEFT JOIN LATERAL (
    (
        SELECT n.seq,
               CASE WHEN n.deleted_at IS NOT NULL THEN 'tombstone'
                    WHEN n.first IS NOT NULL THEN 'collapsed' ELSE 'created' END AS action,
               coalesce(n.first, n.seq) AS notification, NULL::bigint AS through, a.topic, a.kind, n.created_at,
               n.read_at IS NOT NULL AS is_read, n.quiet IS TRUE AS quiet, n.count, n.actors, n.actor_count,
               a.data, a.actor_id, a.actor_username, a.message_id, a.conversation_id, a.traceparent
          FROM inbox_notification n JOIN inbox_announcement a ON a.id = n.announcement_id
         WHERE n.recipient_id = head.user_id AND n.seq > {after} AND n.seq <= head.seq
         ORDER BY n.seq LIMIT %(limit)s
    )
    UNION ALL
    (
        SELECT c.seq, c.action, c.notification, c.through, c.topic, c.kind, c.created_at,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
          FROM inbox_change c
         WHERE c.recipient_id = head.user_id AND c.seq > {after} AND c.seq <= head.seq
         ORDER BY c.seq LIMIT %(limit)s
    )
    ORDER BY seq
) log ON head.seq - {after} <= %(limit)s AND {after} >= head.floor
"""

#: What a socket missed: the head of one inbox (zeros where the user has none yet), and its log after a cursor.
LOG_AFTER: Final = f"""
SELECT {EPOCH} AS epoch, coalesce(head.seq, 0) AS head_seq, coalesce(head.unread, 0), coalesce(head.floor, 0), log.*
  FROM (SELECT %(user_id)s::bigint AS user_id) one
  LEFT JOIN inbox_inbox head USING (user_id) {_LOG.format(after="%(after)s")}
"""  # noqa: S608 - composed of constants

#: The newest notifications of one inbox, below a seq, with the head: the snapshot and the pages of the list. A page
#: ends at a seq and not at a notification's name, since one that collapses moves up.
NEWEST: Final = f"""
SELECT {EPOCH} AS epoch, head.seq AS head_seq, head.unread, head.floor, n.seq, n.first, n.read_at,
       n.count, n.actors, n.actor_count, a.topic, a.kind, n.created_at, a.data, a.actor_id, a.actor_username,
       a.message_id, a.conversation_id, a.traceparent
  FROM (SELECT %(user_id)s::bigint AS user_id) one
  LEFT JOIN inbox_inbox head USING (user_id)
  LEFT JOIN LATERAL (
        SELECT n.* FROM inbox_notification n JOIN inbox_announcement a ON a.id = n.announcement_id
         WHERE n.recipient_id = one.user_id AND n.deleted_at IS NULL AND n.replaced_by IS NULL
           AND (%(before)s::bigint IS NULL OR n.seq < %(before)s)
           AND (%(is_read)s::boolean IS NULL OR (n.read_at IS NOT NULL) = %(is_read)s)
           AND (%(kind)s::text IS NULL OR a.kind = %(kind)s)
           AND (%(topic)s::text IS NULL OR a.topic = %(topic)s)
         ORDER BY n.seq DESC LIMIT %(limit)s
  ) n ON true
  LEFT JOIN inbox_announcement a ON a.id = n.announcement_id
 ORDER BY n.seq DESC
"""  # noqa: S608 - composed of constants


def connect_sql(*, table: str, id_column: str, username_column: str, active_column: str, subject_column: str) -> str:
    """The one query of a connect, for any number of them: each user, the head of their inbox, its log after the cursor.

    Who is asked for is in three arrays: `user_ids`, or where that is null `subjects` (what another issuer calls the
    user), and `afters`. Columns: the number of the one asked for, from 1, user id, username, whether active, since when
    tokens count, then those of LOG_AFTER; in order. No row: no such user. The names are the operator's settings, never
    input; they are quoted all the same.
    """
    t, pk, name, active, subject = map(_quoted, (table, id_column, username_column, active_column, subject_column))
    user = f"SELECT u.{pk} AS id, u.{name} AS username, u.{active} AS active FROM {t} u"  # noqa: S608 - quoted
    return f"""
SELECT asked.number, u.id, u.username, u.active, head.not_before,
       {EPOCH} AS epoch, head.seq AS head_seq, head.unread, head.floor, log.*
  FROM unnest(%(user_ids)s::bigint[], %(subjects)s::text[], %(afters)s::bigint[])
       WITH ORDINALITY asked(user_id, subject, after, number)
  CROSS JOIN LATERAL (
        {user} WHERE u.{pk} = asked.user_id
         UNION ALL
        {user} WHERE asked.user_id IS NULL AND u.{subject} = asked.subject
  ) u
  CROSS JOIN LATERAL (
        SELECT u.id::bigint AS user_id, coalesce(max(i.seq), 0) AS seq, coalesce(max(i.unread), 0) AS unread,
               coalesce(max(i.floor), 0) AS floor, max(i.not_before) AS not_before
          FROM inbox_inbox i WHERE i.user_id = u.id
  ) head {_LOG.format(after="asked.after")}
 ORDER BY asked.number, log.seq
"""  # noqa: S608 - names quoted above


def heads_sql(*, table: str, id_column: str, active_column: str) -> str:
    """How far each of many inboxes is, and whether its user may still listen: what open sockets are held against.

    Columns: user id, epoch, seq, whether active, since when tokens count. No row: the user is gone.
    """
    t, pk, active = map(_quoted, (table, id_column, active_column))
    return f"""
SELECT u.{pk}, {EPOCH}, coalesce(i.seq, 0), u.{active}, i.not_before
  FROM {t} u LEFT JOIN inbox_inbox i ON i.user_id = u.{pk}
 WHERE u.{pk} = ANY(%(user_ids)s)
"""  # noqa: S608 - names quoted above


def password_sql(*, table: str, id_column: str) -> str:
    """The hash of a user's password, where sessions of the web app open sockets."""
    return f"SELECT password FROM {_quoted(table)} WHERE {_quoted(id_column)} = %(user_id)s"  # noqa: S608 - quoted


def _quoted(name: str) -> str:
    return f'"{name.replace(chr(34), "")}"'


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an inbox: its epoch, last seq, unread count, and the seq below which the log is purged."""

    epoch: str
    seq: int
    unread: int
    floor: int


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of the log, as LOG_AFTER's columns after the head."""

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
    actor_id: int | None = None
    actor_username: str | None = None
    message_id: str | None = None
    conversation_id: str | None = None
    traceparent: str | None = None
