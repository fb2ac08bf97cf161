-- Remove an actor from the lists of actors in a table, a chunk of recipients at a time.

-- Recipients of rows that name the actor.
WITH found AS (
    SELECT DISTINCT recipient_id FROM (
           SELECT recipient_id FROM {table} WHERE actors @> jsonb_build_array(jsonb_build_object('id', %(text)s))
            LIMIT %(chunk)s) rows_with_name
),
-- Under the locks of their inboxes, because a batch that is stored concurrently would write back the name that it has
-- read. Locked inboxes are left for the next round.
locked AS (
    SELECT user_id FROM clarion_inbox WHERE user_id IN (SELECT recipient_id FROM found)
     ORDER BY user_id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {table} SET actors = coalesce(
       (SELECT jsonb_agg(actor) FROM jsonb_array_elements(actors) actor WHERE actor->>'id' <> %(text)s), '[]')
 WHERE recipient_id IN (SELECT user_id FROM locked) AND actors @> jsonb_build_array(jsonb_build_object('id', %(text)s))
