-- A page of announcements in the order of ids. `old`: beyond the retention days of its kind; `very_old`: beyond those of
-- unread notifications. An announcement of an unfinished batch is in use, however old: the workers may have been away,
-- or its kind paused.
SELECT a.id, a.event_id, a.created_at >= now() - make_interval(days => %(least_days)s) AS young,
       a.created_at < now() - make_interval(days => coalesce(rule.days, %(days)s)) AS old,
       a.created_at < now() - make_interval(days => %(unread_days)s) AS very_old,
       EXISTS (SELECT 1 FROM clarion_batch b
                WHERE b.event_id = a.event_id AND b.announcement_id = a.id AND b.state <> 'done') AS in_use
  FROM clarion_announcement a
  LEFT JOIN unnest(%(kinds)s::text[], %(kind_days)s::int[]) rule(kind, days) ON rule.kind = a.kind
 WHERE a.id > %(position)s ORDER BY a.id LIMIT %(announcements)s
