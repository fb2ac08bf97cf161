-- Remove a page of finished events with their batches, and keep their keys. Returns the number of removed events, the
-- last id of the page, and whether the step is done.

-- A page in the order of ids. Events finish after they are recorded, so beyond the first young one none is old.
WITH page AS (
    SELECT id, recorded_at >= cutoff.at AS young, state = 'done' AND finished_at < cutoff.at AS old
      FROM clarion_event, (SELECT now() - make_interval(days => %(days)s) AS at) cutoff
     WHERE id > %(position)s ORDER BY id LIMIT %(chunk)s
),
batches AS (DELETE FROM clarion_batch USING page WHERE page.old AND clarion_batch.event_id = page.id),
removed AS (
    DELETE FROM clarion_event USING page WHERE page.old AND clarion_event.id = page.id
    RETURNING clarion_event.id, key, name, service, payload, recorded_at
),
-- A key stays in use for longer than its event.
keys AS (
    INSERT INTO clarion_used_key (key, name, service, event_id, digest, used_at)
    SELECT key, name, service, id, md5(payload::text)::uuid, recorded_at FROM removed
    ON CONFLICT DO NOTHING
)
SELECT (SELECT count(*) FROM removed), coalesce(max(id), 0), coalesce(bool_or(young), true) OR count(*) < %(chunk)s
  FROM page
