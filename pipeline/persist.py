"""Store a batch: dedupe, insert, and the next seq and unread of each inbox, set by set.

Enters: claimed batches of one event, inside the transaction that claimed them. Leaves: one notification row for each
recipient who has none of this event yet, and what must be told of each. Two statements, whatever the size:

1. lock the inboxes in order of user ids, so that two batches with recipients in common wait for each other and never
deadlock (where some are missing, they are made in the same order, and all are locked again); 2. insert what is not
there yet as the next seq of its inbox, advance exactly those inboxes, and note on the batches how many were new. The
second sees whatever was committed before the locks were had, so a second worker with the same batch finds every row
there. Of an event that is delivered at once, whoever cut it has locked the inboxes already.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from pipeline.kinds import kind_of
from pipeline.outbox.work import ClaimedBatch
from shared import metrics
from shared.protocol import Announced
from shared.settings import load

_LOCK_INBOXES = """
SELECT count(*) FROM (
    SELECT 1 FROM inbox_inbox WHERE user_id = ANY(%(users)s::bigint[]) ORDER BY user_id FOR NO KEY UPDATE
) locked
"""

_CREATE_INBOXES = """
INSERT INTO inbox_inbox (user_id) SELECT u FROM unnest(%(users)s::bigint[]) u ORDER BY u ON CONFLICT DO NOTHING
"""

#: The recipients with their inboxes and announcements. LIMIT in a lateral join means: look it up, row by row. Left to
#: itself the planner sometimes reads a whole table for a batch, most of all where the table has grown quickly.
_RECIPIENTS = """
      FROM unnest(%(users)s::bigint[], %(numbers)s::int[]) r(user_id, number)
      JOIN unnest(%(announcements)s::bigint[], %(created)s::timestamptz[], %(collapsing)s::text[], %(topics)s::text[])
           WITH ORDINALITY b(announcement_id, created_at, collapsing, topic, number) USING (number)
      JOIN LATERAL (SELECT * FROM inbox_inbox WHERE user_id = r.user_id LIMIT 1) i ON true
"""

_IN_WINDOW = "i.window_at > clock_timestamp() - make_interval(secs => %(storm_seconds)s)"

_QUIET = f"CASE WHEN {_IN_WINDOW} AND i.window_count >= %(storm_limit)s THEN true END"

#: `inserted` are the rows that are new. How many they are is noted on each batch, which is known by its number here.
_ADVANCE = f"""
, noted AS (
    UPDATE outbox_batch b SET persisted_at = clock_timestamp(), stored = coalesce(b.stored, 0) + new.stored
      FROM (SELECT batches.id, count(inserted.recipient_id) AS stored
              FROM unnest(%(batches)s::bigint[]) WITH ORDINALITY batches(id, number)
              JOIN unnest(%(users)s::bigint[], %(numbers)s::int[]) r(user_id, number) USING (number)
              LEFT JOIN inserted ON inserted.recipient_id = r.user_id
             GROUP BY batches.id) new
     WHERE b.id = new.id
)
UPDATE inbox_inbox i
   SET seq = i.seq + 1,
       unread = i.unread + CASE WHEN inserted.first IS NULL THEN 1 ELSE 0 END,
       window_at = CASE WHEN {_IN_WINDOW} THEN i.window_at ELSE clock_timestamp() END,
       window_count = CASE WHEN {_IN_WINDOW} THEN i.window_count + 1 ELSE 1 END
  FROM inserted WHERE i.user_id = inserted.recipient_id
RETURNING inserted.announcement_id, i.user_id, i.seq, i.unread, inserted.quiet IS TRUE,
          inserted.first, inserted.count, inserted.actors, inserted.actor_count
"""  # noqa: S608 - constants

_INSERT = f"""
WITH inserted AS (
    INSERT INTO inbox_notification (recipient_id, seq, announcement_id, event_id, created_at, quiet)
    SELECT i.user_id, i.seq + 1, b.announcement_id, %(event)s, b.created_at, {_QUIET}
    {_RECIPIENTS}
    ON CONFLICT (event_id, recipient_id) DO NOTHING
    RETURNING recipient_id, announcement_id, quiet, first, count, actors, actor_count
)
{_ADVANCE}
"""

#: As _INSERT, for kinds that collapse (`collapsing` is the kind's name; null for others of the same event). `open`
#: is the notification that is there and unread: its is the name, the count goes on, and the rows that stood for it are
#: replaced. Reading takes the same lock on the inbox, so it happens before or after, never in between.
_INSERT_COLLAPSING = f"""
WITH new AS (
    SELECT i.user_id, i.seq + 1 AS seq, b.announcement_id, b.created_at, b.collapsing, coalesce(b.topic, '') AS topic,
           {_QUIET} AS quiet
    {_RECIPIENTS}
      LEFT JOIN LATERAL (
           SELECT true AS told FROM inbox_notification n
            WHERE n.event_id = %(event)s AND n.recipient_id = r.user_id LIMIT 1) before ON true
     WHERE before.told IS NULL
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
           SELECT c.* FROM inbox_collapse c
             JOIN inbox_notification n ON n.recipient_id = c.recipient_id AND n.seq = c.latest
            WHERE c.recipient_id = new.user_id AND c.kind = new.collapsing AND c.topic = new.topic
              AND n.read_at IS NULL AND n.deleted_at IS NULL LIMIT 1) open ON true
),
inserted AS (
    INSERT INTO inbox_notification
           (recipient_id, seq, announcement_id, event_id, created_at, quiet, first, count, actors, actor_count)
    SELECT user_id, seq, announcement_id, %(event)s, created_at, quiet, first, nullif(count, 1),
           CASE WHEN first IS NOT NULL THEN actors END, CASE WHEN first IS NOT NULL THEN cardinality(actor_ids) END
      FROM grown
    RETURNING recipient_id, announcement_id, quiet, first, count, actors, actor_count
),
replaced AS (
    UPDATE inbox_notification n SET replaced_by = grown.seq
      FROM grown WHERE n.recipient_id = grown.user_id AND n.seq IN (grown.first, grown.latest)
),
kept AS (
    INSERT INTO inbox_collapse (recipient_id, kind, topic, first, latest, count, actors, actor_ids)
    SELECT user_id, collapsing, topic, coalesce(first, seq), seq, count, actors, actor_ids
      FROM grown WHERE collapsing IS NOT NULL
    ON CONFLICT (recipient_id, kind, topic) DO UPDATE
       SET first = excluded.first, latest = excluded.latest, count = excluded.count, actors = excluded.actors,
           actor_ids = excluded.actor_ids
)
{_ADVANCE}
"""  # noqa: S608 - constants

#: What an earlier attempt stored and perhaps did not publish; what was read or deleted since needs no telling, and
#: the gap that leaves is repaired by the edge.
_STORED_BEFORE = """
SELECT n.announcement_id, n.recipient_id, n.seq, i.unread, n.quiet IS TRUE, n.first, n.count, n.actors, n.actor_count
  FROM inbox_notification n JOIN inbox_inbox i ON i.user_id = n.recipient_id
 WHERE n.event_id = %(event)s AND n.recipient_id = ANY(%(users)s::bigint[])
   AND n.read_at IS NULL AND n.deleted_at IS NULL AND n.replaced_by IS NULL
"""

#: Actors that a collapsed notification names, and that it counts exactly.
ACTORS_NAMED = 3
ACTORS_COUNTED = 100


class Copy(NamedTuple):
    """One recipient's copy, as its frame will say it; the last four only where it collapsed."""

    user_id: int
    seq: int
    unread: int
    quiet: bool
    first: int | None
    stands_for: int | None
    actors: str | None
    actor_count: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    """One announcement and its copies."""

    announced: Announced
    copies: Sequence[Copy]


def persist(event_id: int, batches: Sequence[ClaimedBatch], *, locked: int = 0) -> list[Stored]:
    """Store the notifications of `batches`, all of one event; what is to be published, old rows included.

    `locked` is how many of the recipients have an inbox that this transaction has locked before.
    """
    settings = load()
    kinds = [kind_of(batch.announced.kind) for batch in batches]
    params: dict[str, Any] = {
        "event": event_id,
        "users": [user for batch in batches for user in batch.recipients],
        "batches": [batch.id for batch in batches],
        "numbers": [number for number, batch in enumerate(batches, start=1) for _ in batch.recipients],
        "announcements": [batch.announcement_id for batch in batches],
        "created": [batch.announced.created_at for batch in batches],
        "collapsing": [kind.name if kind.collapses else None for kind in kinds],
        "topics": [batch.announced.topic for batch in batches],
        "storm_limit": settings.storm_limit,
        "storm_seconds": settings.storm_seconds,
    }
    collapses = any(kind.collapses for kind in kinds)
    if collapses:
        params |= _actor(batches[0].announced)
    with connection.cursor() as cursor:
        if not locked:
            cursor.execute(_LOCK_INBOXES, params)
            (locked,) = cursor.fetchone()
        if locked < len(params["users"]):
            cursor.execute(_CREATE_INBOXES, params)
            cursor.execute(_LOCK_INBOXES, params)
        cursor.execute(_INSERT_COLLAPSING if collapses else _INSERT, params)
        rows = cursor.fetchall()
        metrics.NOTIFICATIONS_STORED.inc(len(rows))
        if len(rows) < len(params["users"]):
            cursor.execute(_STORED_BEFORE, params)
            rows = cursor.fetchall()
    copies: dict[int, list[Copy]] = {batch.announcement_id: [] for batch in batches}
    for announcement_id, *copy in rows:
        copies[announcement_id].append(Copy(*copy))
    return [
        Stored(announced, copies[announcement_id])
        for announcement_id, announced in {batch.announcement_id: batch.announced for batch in batches}.items()
    ]


def _actor(announced: Announced) -> dict[str, Any]:
    """Who is added to the actors of collapsed notifications: the event's, the same for all its batches."""
    actor = announced.actor()
    return {
        "actor": announced.actor_id,
        "actors": json.dumps([] if actor is None else [actor]),
        "actors_named": ACTORS_NAMED,
        "actors_counted": ACTORS_COUNTED,
    }
