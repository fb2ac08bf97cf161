"""Exports or erases a person's data.

Input: a user id. Output: everything in their inbox, as it would be exported to them; or their inbox emptied and their
name as an actor removed from the notifications of others. The inbox keeps its head, so that no seq is used twice.
"""

import time
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction

from ...shared.protocol import instant
from ..epoch import renewed
from . import reading
from .mutes import mutes_of

#: Notifications read at a time.
PAGE = 500

#: In a statement of its own, so that the next sees all rows that were committed before the lock was taken.
_LOCK = "SELECT 1 FROM clarion_inbox WHERE user_id = %(user)s FOR NO KEY UPDATE"

_EMPTY = """
WITH notifications AS (DELETE FROM clarion_notification WHERE recipient_id = %(user)s RETURNING 1),
changes AS (DELETE FROM clarion_change WHERE recipient_id = %(user)s),
collapses AS (DELETE FROM clarion_collapse WHERE recipient_id = %(user)s),
mutes AS (DELETE FROM clarion_mute WHERE user_id = %(user)s),
emptied AS (
    UPDATE clarion_inbox SET unread = 0, seq = seq + 1, floor = seq + 1, window_at = NULL, window_count = 0
     WHERE user_id = %(user)s
)
SELECT count(*) FROM notifications
"""

#: The name of a user as an actor, in the text that others were sent and in the lists of collapsed notifications. The
#: latter need a scan of the table: on request, not every day. Rows in use are left for the next round,
#: because waiting for them while holding others would deadlock with deliveries.
_FORGET_NAME = """
UPDATE clarion_announcement SET actor_id = NULL, actor_username = NULL WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM clarion_announcement WHERE actor_id = %(user)s LIMIT %(chunk)s FOR NO KEY UPDATE SKIP LOCKED))
"""
_NAMES_LEFT = "SELECT EXISTS (SELECT 1 FROM clarion_announcement WHERE actor_id = %(user)s)"

#: Under the locks of the inboxes, or a batch that is stored concurrently would write back the name that it has read.
_FORGET_ACTOR = """
WITH found AS (
    SELECT DISTINCT recipient_id FROM (
           SELECT recipient_id FROM {table} WHERE actors @> jsonb_build_array(jsonb_build_object('id', %(text)s))
            LIMIT %(chunk)s) rows_with_name
),
locked AS (
    SELECT user_id FROM clarion_inbox WHERE user_id IN (SELECT recipient_id FROM found)
     ORDER BY user_id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {table} SET actors = coalesce(
       (SELECT jsonb_agg(actor) FROM jsonb_array_elements(actors) actor WHERE actor->>'id' <> %(text)s), '[]')
 WHERE recipient_id IN (SELECT user_id FROM locked) AND actors @> jsonb_build_array(jsonb_build_object('id', %(text)s))
"""
_ACTORS_LEFT = (
    "SELECT EXISTS (SELECT 1 FROM {table} WHERE actors @> jsonb_build_array(jsonb_build_object('id', %(text)s)))"
)

#: Rows changed by one transaction.
CHUNK = 5000
#: Before the next round, where all rows that are left are in use (seconds).
WAIT_SECONDS = 0.05


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
    """Empty the user's inbox and forget their name as an actor; return how many notifications it had.

    The inbox is emptied by one transaction and locked by no other. An erasure that was interrupted can be repeated.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        renewed()
        cursor.execute(_LOCK, {"user": user_id})
        cursor.execute(_EMPTY, {"user": user_id})
        (count,) = cursor.fetchone()
    params = {"user": user_id, "text": str(user_id), "chunk": CHUNK}
    _in_chunks(_FORGET_NAME, _NAMES_LEFT, params)
    # In this order: of a collapse without the name, no further notification is made with it.
    for table in ("clarion_collapse", "clarion_notification"):
        _in_chunks(_FORGET_ACTOR.format(table=table), _ACTORS_LEFT.format(table=table), params)
    return int(count)


def _in_chunks(update: str, left: str, params: dict[str, Any]) -> None:
    """Run `update` until nothing is `left`."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(update, params)
            if cursor.rowcount > 0:
                continue
            cursor.execute(left, params)
            if not cursor.fetchone()[0]:
                return
        time.sleep(WAIT_SECONDS)
