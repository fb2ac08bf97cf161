"""Stores a batch: a notification for each recipient, with the next seq and the unread count of each inbox.

Input: claimed batches of one event, inside the transaction that claimed them. Output: one notification row for each
recipient, and the data that their frames need. One statement advances the inboxes, inserts the rows and marks the
batches as stored, whatever their size.

Inboxes are locked in order of user ids, so two batches with recipients in common wait for each other and never
deadlock. If there are few recipients, the fan-out has locked them. Otherwise a statement locks them first if there are
several batches, or if a kind collapses, since the open notification must be read under the lock. In all other cases
the update itself locks them, along the index. If some recipients have no inbox, none is locked until the missing ones
are inserted, in the same order.

The same statement inserts the rows of a batch and marks it, and a user is in one batch of an event only. So a marked
batch has all of its rows and is only published again; a batch without the mark has none.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..shared import metrics
from ..shared.protocol import NotificationContent
from ..shared.settings import get_settings
from . import prepared
from .kinds import kind_of
from .outbox.work import ClaimedBatch
from .prepared import ALONG_THE_INDEX

_USERS = "ARRAY(SELECT unnest(recipients) FROM clarion_batch WHERE id = ANY(%(batches)s))"

#: Whether all of them have an inbox and are locked now. If one is missing, none is locked: a transaction that inserts
#: it may wait for another that inserts the same, and must not hold locks that this one waits for.
_LOCK_INBOXES = f"""
SELECT cardinality({_USERS}) = (
    SELECT count(*) FROM (
        SELECT 1 FROM clarion_inbox
         WHERE user_id = ANY({_USERS})
           AND cardinality({_USERS}) = (SELECT count(*) FROM clarion_inbox WHERE user_id = ANY({_USERS}))
         ORDER BY user_id FOR NO KEY UPDATE) locked)
"""  # noqa: S608 - constants

_CREATE_INBOXES = f"""
INSERT INTO clarion_inbox (user_id)
SELECT told.user_id FROM unnest({_USERS}) told(user_id)
 WHERE NOT EXISTS (SELECT 1 FROM clarion_inbox i WHERE i.user_id = told.user_id)
 ORDER BY told.user_id
ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants

#: The recipients, each with their announcement. `collapsing` is null for a kind that does not collapse, and for an
#: announcement without a topic, which shares nothing that it could collapse by.
_RECIPIENTS = """
      FROM (SELECT a.id AS announcement_id, a.created_at, a.topic, kinds.collapsing, unnest(b.recipients) AS user_id
              FROM clarion_batch b
              JOIN clarion_announcement a ON a.id = b.announcement_id
              LEFT JOIN unnest(%(collapsing)s::text[]) kinds(collapsing) ON kinds.collapsing = a.kind AND a.topic <> ''
             WHERE b.id = ANY(%(batches)s)) r
"""

_IN_WINDOW = "i.window_at > clock_timestamp() - make_interval(secs => %(storm_seconds)s)"

_ADVANCED = f"""
       seq = i.seq + 1,
       window_at = CASE WHEN {_IN_WINDOW} THEN i.window_at ELSE clock_timestamp() END,
       window_count = CASE WHEN {_IN_WINDOW} THEN i.window_count + 1 ELSE 1 END
"""

#: Many inboxes are advanced, and so locked, in the order of user ids.
_ALONG_THE_INDEX = f"SELECT {ALONG_THE_INDEX}"

_NOTED = """
UPDATE clarion_batch SET persisted_at = clock_timestamp(), stored = cardinality(recipients) WHERE id = ANY(%(batches)s)
"""

_USERS_OF_ONE = "(SELECT recipients FROM clarion_batch WHERE id = %(batch)s)"

#: One batch, of a kind that does not collapse. Advancing gives each inbox its row; the window is looked at as it was
#: before. No row if a recipient has no inbox.
_INSERT = f"""
WITH advanced AS (
    UPDATE clarion_inbox i
       SET {_ADVANCED}, unread = i.unread + 1
     WHERE i.user_id = ANY({_USERS_OF_ONE}::bigint[])
       AND (SELECT count(*) FROM clarion_inbox WHERE user_id = ANY({_USERS_OF_ONE}::bigint[]))
           = cardinality({_USERS_OF_ONE})
    RETURNING i.user_id, i.seq, i.unread, CASE WHEN i.window_count > %(storm_limit)s THEN true END AS quiet
),
inserted AS (
    INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at, quiet)
    SELECT user_id, seq, %(announcement)s, %(event)s, %(created_at)s, quiet FROM advanced
),
noted AS ({_NOTED} AND EXISTS (SELECT 1 FROM advanced))
SELECT user_id, seq, unread, quiet IS TRUE FROM advanced
"""  # noqa: S608 - constants

#: Batches of which some are of kinds that collapse. `open` is the notification that is there and unread: its is the
#: name, the count goes on, and the rows that stood for it are replaced. Reading takes the same lock on the inbox, so it
#: happens before or after, never in between. LIMIT in a lateral join means: look it up, row by row. Left to itself the
#: planner sometimes reads a whole table for a batch, most of all where the table has grown quickly.
_INSERT_COLLAPSING = f"""
WITH new AS (
    SELECT i.user_id, i.seq + 1 AS seq, r.announcement_id, r.created_at, r.collapsing, coalesce(r.topic, '') AS topic,
           CASE WHEN {_IN_WINDOW} AND i.window_count >= %(storm_limit)s THEN true END AS quiet
    {_RECIPIENTS}
      JOIN LATERAL (SELECT * FROM clarion_inbox WHERE user_id = r.user_id LIMIT 1) i ON true
),
grown AS (
    SELECT new.*, open.first, open.latest, coalesce(open.count, 0) + 1 AS count,
           CASE WHEN %(actor)s::bigint IS NULL OR %(actor)s = ANY(open.actor_ids)
                     OR cardinality(open.actor_ids) >= %(actors_counted)s
                THEN coalesce(open.actor_ids, '{{}}') ELSE open.actor_ids || %(actor)s::bigint END AS actor_ids,
           -- Most begin anew: theirs is a constant.
           CASE WHEN open.first IS NULL THEN %(actors)s::jsonb ELSE (
                SELECT coalesce(jsonb_agg(actor ORDER BY place), '[]') FROM (
                    SELECT actor, place
                      FROM jsonb_array_elements(%(actors)s::jsonb || open.actors) WITH ORDINALITY named(actor, place)
                     WHERE place = 1 OR actor->>'id' IS DISTINCT FROM %(actor)s::text
                     ORDER BY place LIMIT %(actors_named)s) newest) END AS actors
      FROM new
      LEFT JOIN LATERAL (
           SELECT c.* FROM clarion_collapse c
             JOIN clarion_notification n ON n.recipient_id = c.recipient_id AND n.seq = c.latest
            WHERE c.recipient_id = new.user_id AND c.kind = new.collapsing AND c.topic = new.topic
              AND n.read_at IS NULL AND n.deleted_at IS NULL LIMIT 1) open ON true
),
inserted AS (
    INSERT INTO clarion_notification
           (recipient_id, seq, announcement_id, event_id, created_at, quiet, first, count, actors, actor_count)
    SELECT user_id, seq, announcement_id, %(event)s, created_at, quiet, first, nullif(count, 1),
           CASE WHEN first IS NOT NULL THEN actors END, CASE WHEN first IS NOT NULL THEN cardinality(actor_ids) END
      FROM grown
    RETURNING recipient_id, announcement_id, quiet, first, count, actors, actor_count
),
noted AS ({_NOTED}),
replaced AS (
    UPDATE clarion_notification n SET replaced_by = grown.seq
      FROM grown WHERE n.recipient_id = grown.user_id AND n.seq IN (grown.first, grown.latest)
),
kept AS (
    INSERT INTO clarion_collapse (recipient_id, kind, topic, first, latest, count, actors, actor_ids)
    SELECT user_id, collapsing, topic, coalesce(first, seq), seq, count, actors, actor_ids
      FROM grown WHERE collapsing IS NOT NULL
    ON CONFLICT (recipient_id, kind, topic) DO UPDATE
       SET first = excluded.first, latest = excluded.latest, count = excluded.count, actors = excluded.actors,
           actor_ids = excluded.actor_ids
),
advanced AS (
    UPDATE clarion_inbox i
       SET {_ADVANCED}, unread = i.unread + CASE WHEN inserted.first IS NULL THEN 1 ELSE 0 END
      FROM inserted WHERE i.user_id = inserted.recipient_id
    RETURNING inserted.*, i.user_id, i.seq, i.unread
)
SELECT announcement_id, user_id, seq, unread, quiet IS TRUE, first, count, actors, actor_count FROM advanced
"""  # noqa: S608 - constants

#: Rows that an earlier attempt stored and perhaps did not publish. Rows that were read or deleted since are not
#: published, and the edge repairs the gap that this leaves.
_STORED_BEFORE = f"""
SELECT n.announcement_id, n.recipient_id, n.seq, i.unread, n.quiet IS TRUE, n.first, n.count, n.actors, n.actor_count
  FROM clarion_notification n JOIN clarion_inbox i ON i.user_id = n.recipient_id
 WHERE n.event_id = %(event)s
   AND n.recipient_id = ANY({_USERS})
   AND n.read_at IS NULL AND n.deleted_at IS NULL AND n.replaced_by IS NULL
"""  # noqa: S608 - constants

#: Actors that a collapsed notification names, and that it counts exactly.
ACTORS_NAMED = 3
ACTORS_COUNTED = 100


#: One recipient's copy, as its frame will say it: user id, seq, unread, whether quiet. As Postgres gives it, since a
#: burst has a hundred thousand.
Created = tuple[int, int, int, bool]


class CollapsedCopy(NamedTuple):
    """A copy that collapsed with an unread notification."""

    user_id: int
    seq: int
    unread: int
    quiet: bool
    first: int
    stands_for: int
    actors: str  # JSON
    actor_count: int


@dataclass(frozen=True, slots=True)
class Stored:
    """One announcement and its copies."""

    announced: NotificationContent
    created: Sequence[Created] = ()
    joined: Sequence[CollapsedCopy] = ()

    def __len__(self) -> int:
        return len(self.created) + len(self.joined)


def persist(event_id: int, batches: Sequence[ClaimedBatch], *, locked: bool = False) -> list[Stored]:
    """Store the notifications of `batches`, all of one event; return them for publishing, also those stored before.

    `locked` says that all recipients have inboxes, which this transaction has locked, and goes along indexes since.
    """
    settings = get_settings()
    new = [batch for batch in batches if not batch.persisted]
    old = [batch for batch in batches if batch.persisted]
    params: dict[str, Any] = {
        "event": event_id,
        "batches": [batch.id for batch in new],
        "storm_limit": settings.storm_limit,
        "storm_seconds": settings.storm_seconds,
    }
    stored: list[Stored] = []
    with prepared.cursor() as cursor:
        if new:
            stored = _store(cursor, new, params, locked=locked)
            metrics.NOTIFICATIONS_STORED.inc(sum(map(len, stored)))
        if old:
            cursor.execute(_STORED_BEFORE, params | {"batches": [batch.id for batch in old]})
            stored += _by_announcement(old, cursor.fetchall())
    return stored


def _store(cursor: Any, batches: Sequence[ClaimedBatch], params: dict[str, Any], *, locked: bool) -> list[Stored]:
    announced = [one.announced for one in batches]
    collapsing = sorted({one.kind for one in announced if one.topic and kind_of(one.kind).collapses})
    if not locked:
        cursor.execute(_ALONG_THE_INDEX)
        if collapsing or len(batches) > 1:
            cursor.execute(_LOCK_INBOXES, params)
            if not cursor.fetchone()[0]:
                cursor.execute(_CREATE_INBOXES, params)
                cursor.execute(_LOCK_INBOXES, params)
    if collapsing:
        cursor.execute(_INSERT_COLLAPSING, params | {"collapsing": collapsing} | _actor(batches[0].announced))
        return _by_announcement(batches, cursor.fetchall())
    stored: list[Stored] = []
    for batch in batches:
        of_batch = {"announcement": batch.announcement_id, "created_at": batch.announced.created_at}
        of_batch |= params | {"batch": batch.id, "batches": [batch.id]}
        cursor.execute(_INSERT, of_batch)
        if not cursor.rowcount:
            cursor.execute(_CREATE_INBOXES, of_batch)
            cursor.execute(_INSERT, of_batch)
        stored.append(Stored(batch.announced, cursor.fetchall()))
    return stored


def _by_announcement(batches: Sequence[ClaimedBatch], rows: Sequence[Sequence[Any]]) -> list[Stored]:
    """Rows of the announcement's id, the fields of every copy, and the fields that are null unless it collapsed."""
    created: dict[int, list[Created]] = {batch.announcement_id: [] for batch in batches}
    joined: dict[int, list[CollapsedCopy]] = {batch.announcement_id: [] for batch in batches}
    for announcement_id, user_id, seq, unread, quiet, first, *more in rows:
        if first is None:
            created[announcement_id].append((user_id, seq, unread, quiet))
        else:
            joined[announcement_id].append(CollapsedCopy(user_id, seq, unread, quiet, first, *more))
    announced = {batch.announcement_id: batch.announced for batch in batches}
    return [Stored(one, created[its_id], joined[its_id]) for its_id, one in announced.items()]


def _actor(announced: NotificationContent) -> dict[str, Any]:
    """Who is added to the actors of collapsed notifications: the event's, the same for all its batches."""
    actor = announced.actor()
    return {
        "actor": announced.actor_id,
        "actors": json.dumps([] if actor is None else [actor]),
        "actors_named": ACTORS_NAMED,
        "actors_counted": ACTORS_COUNTED,
    }
