"""Store a batch: dedupe, insert, and the next seq and unread of each inbox, set by set.

Enters: claimed batches of one event, inside the transaction that claimed them. Leaves: one notification row for each
recipient who has none of this event yet, and what must be told of each. Three statements, whatever the size:

1. make the inboxes that are missing, 2. lock all of them, each in order of user ids, so that two batches with
recipients in common wait for each other and never deadlock; 3. insert what is not there yet as the next seq of its
inbox, and advance exactly those inboxes. The third sees whatever was committed before the locks were had, so a second
worker with the same batch finds every row there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from pipeline.outbox.work import ClaimedBatch
from shared import metrics
from shared.protocol import Announced

_CREATE_INBOXES = """
INSERT INTO inbox_inbox (user_id)
SELECT u.user_id FROM unnest(%(users)s::bigint[]) u(user_id)
 WHERE NOT EXISTS (SELECT 1 FROM inbox_inbox i WHERE i.user_id = u.user_id)
 ORDER BY u.user_id
ON CONFLICT DO NOTHING
"""

_LOCK_INBOXES = """
SELECT count(*) FROM (
    SELECT 1 FROM inbox_inbox WHERE user_id = ANY(%(users)s::bigint[]) ORDER BY user_id FOR NO KEY UPDATE
) locked
"""

_INSERT = """
WITH inserted AS (
    INSERT INTO inbox_notification (recipient_id, seq, announcement_id, event_id, created_at)
    SELECT i.user_id, i.seq + 1, b.announcement_id, %(event)s, b.created_at
      FROM unnest(%(users)s::bigint[], %(numbers)s::int[]) r(user_id, number)
      JOIN unnest(%(announcements)s::bigint[], %(created)s::timestamptz[]) WITH ORDINALITY
           b(announcement_id, created_at, number) USING (number)
      JOIN inbox_inbox i ON i.user_id = r.user_id
     WHERE NOT EXISTS (
           SELECT 1 FROM inbox_notification n WHERE n.event_id = %(event)s AND n.recipient_id = i.user_id)
    RETURNING recipient_id, announcement_id
)
UPDATE inbox_inbox i SET seq = i.seq + 1, unread = i.unread + 1
  FROM inserted WHERE i.user_id = inserted.recipient_id
RETURNING inserted.announcement_id, i.user_id, i.seq, i.unread
"""

#: What an earlier attempt stored and perhaps did not publish; what was read or deleted since needs no telling, and
#: the gap that leaves is repaired by the edge.
_STORED_BEFORE = """
SELECT n.announcement_id, n.recipient_id, n.seq, i.unread
  FROM inbox_notification n JOIN inbox_inbox i ON i.user_id = n.recipient_id
 WHERE n.event_id = %(event)s AND n.recipient_id = ANY(%(users)s::bigint[])
   AND n.read_at IS NULL AND n.deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One announcement and its copies: (user id, seq, unread) of each recipient, as the frames will say them."""

    announced: Announced
    copies: Sequence[tuple[int, int, int]]


def persist(event_id: int, batches: Sequence[ClaimedBatch]) -> list[Stored]:
    """Store the notifications of `batches`, all of one event; what is to be published, old rows included."""
    params: dict[str, Any] = {
        "event": event_id,
        "users": [user for batch in batches for user in batch.recipients],
        "numbers": [number for number, batch in enumerate(batches, start=1) for _ in batch.recipients],
        "announcements": [batch.announcement_id for batch in batches],
        "created": [batch.announced.created_at for batch in batches],
    }
    with connection.cursor() as cursor:
        cursor.execute(_CREATE_INBOXES, params)
        cursor.execute(_LOCK_INBOXES, params)
        cursor.execute(_INSERT, params)
        rows = cursor.fetchall()
        metrics.NOTIFICATIONS_STORED.inc(len(rows))
        if len(rows) < len(params["users"]):
            cursor.execute(_STORED_BEFORE, params)
            rows = cursor.fetchall()
    copies: dict[int, list[tuple[int, int, int]]] = {batch.announcement_id: [] for batch in batches}
    for announcement_id, user_id, seq, unread in rows:
        copies[announcement_id].append((user_id, seq, unread))
    return [
        Stored(announced, copies[announcement_id])
        for announcement_id, announced in {batch.announcement_id: batch.announced for batch in batches}.items()
    ]
