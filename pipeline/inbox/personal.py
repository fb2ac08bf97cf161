"""A person's data: what is kept of them, and its end.

Enters: a user id. Leaves: everything in their inbox, as it would be exported to them; or their inbox emptied and their
name as an actor gone from what others were told. The inbox keeps its head, so that no seq is ever used twice.
"""

from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from pipeline.inbox import reading
from pipeline.inbox.mutes import mutes_of
from shared.protocol import instant

#: Notifications read at a time.
PAGE = 500

#: In a statement of its own, so that the next sees what was committed before the lock was had.
_LOCK = "SELECT 1 FROM inbox_inbox WHERE user_id = %(user)s FOR NO KEY UPDATE"

_EMPTY = """
WITH notifications AS (DELETE FROM inbox_notification WHERE recipient_id = %(user)s RETURNING 1),
changes AS (DELETE FROM inbox_change WHERE recipient_id = %(user)s),
collapses AS (DELETE FROM inbox_collapse WHERE recipient_id = %(user)s),
mutes AS (DELETE FROM inbox_mute WHERE user_id = %(user)s),
emptied AS (
    UPDATE inbox_inbox SET unread = 0, seq = seq + 1, floor = seq + 1, window_at = NULL, window_count = 0
     WHERE user_id = %(user)s
)
SELECT count(*) FROM notifications
"""

_FORGET_NAME = """
UPDATE inbox_announcement SET actor_id = NULL, actor_username = NULL WHERE actor_id = %(user)s
"""

#: Of the lists of actors of collapsed notifications, by a scan of the table: on request, not every day.
_FORGET_ACTOR = """
UPDATE {table} SET actors = coalesce(
       (SELECT jsonb_agg(actor) FROM jsonb_array_elements(actors) actor WHERE actor->>'id' <> %(text)s), '[]')
 WHERE actors @> jsonb_build_array(jsonb_build_object('id', %(text)s))
"""


def exported(user_id: int) -> Iterator[dict[str, Any]]:
    """All that is kept of this user's inbox: the head, each notification, each mute."""
    page = reading.newest(user_id, limit=PAGE)
    yield {"inbox": {"user": str(user_id), "seq": page.head.seq, "unread": page.head.unread}}
    while page.notifications:
        for notification in page.notifications:
            yield {"notification": notification}
        page = reading.newest(user_id, limit=PAGE, before=page.notifications[-1]["seq"])
    for mute in mutes_of(user_id):
        yield {"mute": {"kind": mute.kind, "topic": mute.topic, "since": instant(mute.created_at)}}


def erase(user_id: int) -> int:
    """Empty the user's inbox and forget their name as an actor; how many notifications went."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK, {"user": user_id})
        cursor.execute(_EMPTY, {"user": user_id})
        (count,) = cursor.fetchone()
        cursor.execute(_FORGET_NAME, {"user": user_id})
        for table in ("inbox_notification", "inbox_collapse"):
            cursor.execute(_FORGET_ACTOR.format(table=table), {"text": str(user_id)})
    return int(count)
