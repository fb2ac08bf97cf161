-- Reserve the next turn of an actor for a kind (GCRA). Returns the seconds to wait, or NULL if the event would wait too
-- long; then it reserves nothing.

-- `ahead`: how far the actor's events reach beyond now at the rate of the limit (seconds).
WITH pace AS (
    SELECT now.at, greatest(extract(epoch FROM reserved_until - now.at)::float8, 0) AS ahead
      FROM clarion_pace, (SELECT clock_timestamp() AS at) now
     WHERE actor_id = %(actor)s AND kind = %(kind)s FOR UPDATE OF clarion_pace
),
-- Up to `burst` ahead the event is delivered immediately; beyond that it waits for the difference.
turn AS (
    SELECT at, ahead,
           CASE WHEN ahead <= %(burst)s THEN 0 WHEN ahead - %(burst)s <= %(wait)s THEN ahead - %(burst)s END AS wait
      FROM pace
),
-- The event takes one interval.
reserved AS (
    UPDATE clarion_pace SET reserved_until = at + make_interval(secs => ahead + %(interval)s)
      FROM turn WHERE actor_id = %(actor)s AND kind = %(kind)s AND wait IS NOT NULL
)
SELECT wait FROM turn
