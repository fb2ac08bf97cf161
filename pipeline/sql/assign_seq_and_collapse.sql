-- Store batches of which some are of kinds that collapse. The inboxes are locked. Reading takes the same lock, so it
-- happens before or after, never in between.
--
-- LIMIT in a lateral join makes it an index look-up for each row. Without it the planner sometimes reads a whole table
-- for a batch, most of all if the table has grown quickly.

-- The next seq of each recipient, and whether it is quiet: beyond the limit of a storm. `collapsing` is NULL for a kind
-- that does not collapse, and for an announcement without a topic, because only a topic groups notifications.
WITH new AS (
    SELECT i.user_id, i.seq + 1 AS seq, i.read_floor, r.announcement_id, r.created_at, r.collapsing, coalesce(r.topic, '') AS topic,
           CASE WHEN {in_window} AND i.window_count >= %(storm_limit)s THEN true END AS quiet
      FROM (SELECT a.id AS announcement_id, a.created_at, a.topic, kinds.collapsing, unnest(b.recipients) AS user_id
              FROM clarion_batch b
              JOIN clarion_announcement a ON a.id = b.announcement_id
              LEFT JOIN unnest(%(collapsing)s::text[]) kinds(collapsing) ON kinds.collapsing = a.kind AND a.topic <> ''
             WHERE b.id = ANY(%(batches)s)) r
      JOIN LATERAL (SELECT * FROM clarion_inbox WHERE user_id = r.user_id LIMIT 1) i ON true
),
-- With the open notification, which is the unread one of the same kind and topic: its name and count go on, and the
-- newest actors stand first. Most recipients have none, and get a constant list of actors.
grown AS (
    SELECT new.*, open.first, open.latest, coalesce(open.count, 0) + 1 AS count,
           CASE WHEN %(actor)s::bigint IS NULL OR %(actor)s = ANY(open.actor_ids)
                     OR cardinality(open.actor_ids) >= %(actors_counted)s
                THEN coalesce(open.actor_ids, ARRAY[]::bigint[]) ELSE open.actor_ids || %(actor)s::bigint
           END AS actor_ids,
           CASE WHEN open.first IS NULL THEN %(actors)s::jsonb ELSE (
                SELECT coalesce(jsonb_agg(actor ORDER BY place), '[]') FROM (
                    SELECT actor, place
                      FROM jsonb_array_elements(%(actors)s::jsonb || open.actors) WITH ORDINALITY named(actor, place)
                     WHERE place = 1 OR actor->>'id' IS DISTINCT FROM %(actor_key)s::text
                     ORDER BY place LIMIT %(actors_named)s) newest) END AS actors
      FROM new
      LEFT JOIN LATERAL (
           SELECT c.* FROM clarion_collapse c
             JOIN clarion_notification n ON n.recipient_id = c.recipient_id AND n.seq = c.latest
            WHERE c.recipient_id = new.user_id AND c.kind = new.collapsing AND c.topic = new.topic
              AND NOT {is_read} AND n.deleted_at IS NULL LIMIT 1) open ON true
),
-- A notification for each recipient.
inserted AS (
    INSERT INTO clarion_notification
           (recipient_id, seq, announcement_id, event_id, created_at, quiet, first, count, actors, actor_count)
    SELECT user_id, seq, announcement_id, %(event)s, created_at, quiet, first, nullif(count, 1),
           CASE WHEN first IS NOT NULL THEN actors END, CASE WHEN first IS NOT NULL THEN cardinality(actor_ids) END
      FROM grown
    RETURNING recipient_id, announcement_id, quiet, first, count, actors, actor_count
),
-- Mark the batches as stored, in the same statement: a batch without the mark has no rows.
marked AS ({mark_stored}),
-- The rows that stood for the open notification point to the new one.
replaced AS (
    UPDATE clarion_notification n SET replaced_by = grown.seq
      FROM grown WHERE n.recipient_id = grown.user_id AND n.seq IN (grown.first, grown.latest)
),
-- The open notification of each recipient, kind and topic, for the next event.
kept AS (
    INSERT INTO clarion_collapse (recipient_id, kind, topic, first, latest, count, actors, actor_ids)
    SELECT user_id, collapsing, topic, coalesce(first, seq), seq, count, actors, actor_ids
      FROM grown WHERE collapsing IS NOT NULL
    ON CONFLICT (recipient_id, kind, topic) DO UPDATE
       SET first = excluded.first, latest = excluded.latest, count = excluded.count, actors = excluded.actors,
           actor_ids = excluded.actor_ids
),
-- Advance each inbox. The unread count grows if nothing was open.
advanced AS (
    UPDATE clarion_inbox i
       SET {next_seq}, unread = i.unread + CASE WHEN inserted.first IS NULL THEN 1 ELSE 0 END
      FROM inserted WHERE i.user_id = inserted.recipient_id
    RETURNING inserted.*, i.user_id, {key}i.seq, i.unread
)
SELECT announcement_id, {user}, seq, unread, quiet IS TRUE, first, count, actors, actor_count FROM advanced
