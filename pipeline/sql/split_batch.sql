-- Move the recipients with locked inboxes from a batch to further batches of the same event.

-- The batch, if it is not stored yet and no other transaction holds it.
WITH batch AS (
    SELECT id, event_id, announcement_id, lane, recipients FROM clarion_batch
     WHERE id = %(batch)s AND state = 'pending' AND persisted_at IS NULL AND recipients @> %(users)s::bigint[]
       FOR UPDATE SKIP LOCKED
),
-- The recipients to move, in equal parts.
parts AS (
    SELECT part, array_agg(user_id ORDER BY user_id) AS recipients
      FROM (SELECT user_id, ntile(%(parts)s::int) OVER (ORDER BY user_id) AS part
              FROM unnest(%(users)s::bigint[]) moved(user_id)) parted
     GROUP BY part
),
-- A batch for each part, which the sweep enqueues after a short wait.
moved AS (
    INSERT INTO clarion_batch (event_id, announcement_id, number, recipients, lane, next_attempt_at, hinted_at)
    SELECT batch.event_id, batch.announcement_id,
           (SELECT max(number) FROM clarion_batch b WHERE b.event_id = batch.event_id) + parts.part,
           parts.recipients, batch.lane, now() + interval '2 seconds', 'epoch'
      FROM batch, parts
)
-- The batch keeps the others.
UPDATE clarion_batch SET recipients = ARRAY(
       SELECT user_id FROM unnest(batch.recipients) one(user_id) WHERE user_id <> ALL(%(users)s::bigint[])
        ORDER BY user_id)
  FROM batch WHERE clarion_batch.id = batch.id
