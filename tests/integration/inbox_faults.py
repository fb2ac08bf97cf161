"""Lists the inconsistencies of an inbox by itself, for random histories."""

from typing import Any

from django.db import connection

from clarion.pipeline.inbox import snapshots

_SEQS = """
SELECT seq FROM clarion_notification WHERE recipient_id = %(user)s
UNION ALL SELECT seq FROM clarion_change WHERE recipient_id = %(user)s ORDER BY 1
"""
#: Those that are shown and unread: neither read by themselves nor below the floor, unless marked as unread since.
_SHOWN_UNREAD = """
  FROM clarion_notification n JOIN clarion_inbox i ON i.user_id = n.recipient_id
 WHERE n.recipient_id = %(user)s AND read_at IS NULL AND deleted_at IS NULL AND replaced_by IS NULL
   AND (n.seq > i.read_floor OR n.unread_again)
"""
_UNREAD = f"SELECT count(*) {_SHOWN_UNREAD}"
_UNSEEN = f"SELECT least(count(*), 100) {_SHOWN_UNREAD} AND n.seq > i.seen"
_ORPHANS = """
SELECT count(*) FROM clarion_notification n
 WHERE n.recipient_id = %(user)s AND NOT EXISTS (SELECT 1 FROM clarion_announcement a WHERE a.id = n.announcement_id)
"""


def faults_of(user: int, key: Any = None) -> list[str]:
    """Return the inconsistencies of an inbox: a repeated seq, a hole in its log, a wrong unread or unseen count.

    `key` is that of the user, where it is not the number of the inbox.
    """
    head = snapshots.newest(user if key is None else key, limit=1).head
    with connection.cursor() as cursor:
        cursor.execute(_SEQS, {"user": user})
        seqs = [seq for (seq,) in cursor.fetchall()]
        (unread,), (unseen,), (orphans,) = (_one(cursor, sql, user) for sql in (_UNREAD, _UNSEEN, _ORPHANS))
    found = []
    if len(seqs) != len(set(seqs)):
        found.append(f"a seq twice: {seqs}")
    above = [seq for seq in seqs if seq > head.floor]
    if above != list(range(head.floor + 1, head.seq + 1)):
        found.append(f"a hole between {head.floor} and {head.seq}: {above}")
    if head.unread != unread:
        found.append(f"unread is {head.unread}, and {unread} rows are")
    if head.unseen != unseen:
        found.append(f"unseen is {head.unseen}, and {unseen} rows are")
    if orphans:
        found.append(f"{orphans} notifications without an announcement")
    return found


def _one(cursor: Any, sql: str, user: int) -> tuple[int, ...]:
    cursor.execute(sql, {"user": user})
    return tuple(cursor.fetchone())
