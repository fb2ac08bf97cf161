-- Replace the key of an actor in the lists of actors in a table, a chunk of recipients at a time.

-- Recipients of rows that name the actor.
WITH found AS (
    SELECT DISTINCT recipient_id FROM (
           SELECT recipient_id FROM {table} WHERE actors @> jsonb_build_array(jsonb_build_object('id', %(old)s::text))
            LIMIT %(chunk)s) rows_with_name
),
-- Under the locks of their inboxes, as forget_actor.sql does it.
locked AS (
    SELECT user_id FROM clarion_inbox WHERE user_id IN (SELECT recipient_id FROM found)
     ORDER BY user_id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {table} SET actors = (
       SELECT jsonb_agg(CASE WHEN actor->>'id' = %(old)s THEN actor || jsonb_build_object('id', %(new)s::text)
                             ELSE actor END ORDER BY place)
         FROM jsonb_array_elements(actors) WITH ORDINALITY named(actor, place))
 WHERE recipient_id IN (SELECT user_id FROM locked)
   AND actors @> jsonb_build_array(jsonb_build_object('id', %(old)s::text))
