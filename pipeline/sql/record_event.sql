-- Insert an event; no row if its key is in use, by an event of the outbox or by one that was purged. The lane is the
-- slow one if the source has recorded many events within the window, so that the quick one is left to others. Counting
-- stops at the limit. An event without a source is not counted.
INSERT INTO clarion_event (key, name, service, payload, {actor_column}, traceparent, next_attempt_at, source, lane)
SELECT %(key)s, %(name)s, %(service)s, %(payload)s::jsonb, %(actor)s, %(traceparent)s,
       now() + make_interval(secs => %(sweep_after)s), %(source)s,
       CASE WHEN count(*) < %(limit)s THEN %(quick)s ELSE %(slow)s END
  FROM (SELECT 1 FROM clarion_event
         WHERE source = %(source)s AND source <> '' AND recorded_at > now() - make_interval(secs => %(window)s)
         LIMIT %(limit)s) recent
HAVING NOT EXISTS (SELECT 1 FROM clarion_used_key WHERE key = %(key)s AND name = %(name)s AND service = %(service)s)
ON CONFLICT (key, name, service) DO NOTHING
RETURNING id, lane
