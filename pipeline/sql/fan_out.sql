-- Resolve the audiences of an event into announcements and batches. Returns at least one row, for the totals.
-- CTEs are scanned once until rows are grouped into batches. If the audiences have keys of users and a user has no number
-- yet, the total is NULL, and nothing is stored.

-- Each user of the audiences once, by the first audience that has them. Muted users keep a NULL rank, so the same pass
-- counts them. Some kinds are delivered in a muted topic, unless the mute names the kind.
WITH candidates AS (
    SELECT c.user_id, min(c.rank) FILTER (WHERE m.user_id IS NULL) AS rank
      FROM ({audiences}) c
      LEFT JOIN clarion_mute m ON m.user_id = c.user_id
                            AND (m.kind = c.kind OR m.kind IS NULL AND c.kind <> ALL (%(through_mutes)s::text[]))
                            AND (m.topic IS NULL OR m.topic = c.topic)
     WHERE {present} (c.user_id <> %(actor)s OR %(actor)s IS NULL)
     GROUP BY c.user_id
),
-- The number of the batch of each user, in the order of user ids.
numbered AS (
    SELECT user_id, rank, (row_number() OVER (PARTITION BY rank ORDER BY user_id) - 1) / %(size)s AS number
      FROM candidates
),
-- One row for each batch.
batched AS (
    SELECT rank, number, array_agg(user_id) AS recipients FROM numbered GROUP BY rank, number
),
-- The numbers of recipients and of muted users.
total AS (
    SELECT {n} AS n,
           coalesce(sum(cardinality(recipients)) FILTER (WHERE rank IS NULL), 0) AS muted
      FROM batched
),
-- The content of each audience's notifications, from the parameters.
content (rank, kind, topic, data, message_id, conversation_id) AS (VALUES {content}),
-- An announcement for each audience that has recipients.
announced AS (
    INSERT INTO clarion_announcement
           (event_id, kind, topic, data, message_id, conversation_id, actor_id, actor_username, traceparent, created_at)
    SELECT %(event)s, kind, topic, data, message_id, conversation_id, %(actor)s, ({username}), %(traceparent)s,
           clock_timestamp()
      FROM content WHERE rank IN (SELECT rank FROM batched){if_known}
    RETURNING id, kind, actor_username, created_at
),
-- The batches in the outbox. Their ids are assigned in this order, in which they are delivered too.
batches AS (
    INSERT INTO clarion_batch (event_id, announcement_id, number, recipients, lane, next_attempt_at)
    SELECT %(event)s, announced.id, batched.number, batched.recipients,
           CASE WHEN total.n <= %(small)s THEN %(lane)s ELSE %(bursts)s END,
           now() + make_interval(secs => CASE WHEN total.n <= %(few)s THEN %(soon)s ELSE %(later)s END)
      FROM batched JOIN content USING (rank) JOIN announced USING (kind) CROSS JOIN total
     ORDER BY rank, number
    RETURNING id, announcement_id
),
-- The event itself: expanded, or done if it has no recipients.
expanded AS (
    UPDATE clarion_event
       SET state = CASE WHEN total.n = 0 THEN 'done' ELSE 'expanded' END, error = '', recipients = total.n,
           muted = total.muted, dropped = %(dropped)s, enqueued_at = to_timestamp(%(enqueued_at)s),
           expanded_at = clock_timestamp(), finished_at = CASE WHEN total.n = 0 THEN clock_timestamp() END
      FROM total WHERE clarion_event.id = %(event)s{if_total}
),
-- The recipients of an event that is small enough to be delivered inline; none otherwise. The LIMIT never truncates. It
-- gives the planner a row estimate; without it the generic plan looks too expensive and Postgres replans every execution.
few AS (
    SELECT unnest(recipients) AS user_id FROM batched JOIN total ON total.n <= %(few)s WHERE rank IS NOT NULL
     LIMIT %(few)s
),
-- How many of them have an inbox.
existing AS (
    SELECT count(i.user_id) AS n
      FROM few LEFT JOIN LATERAL (SELECT user_id FROM clarion_inbox WHERE user_id = few.user_id LIMIT 1) i ON true
),
-- Lock their inboxes in the order of user ids, if none is missing (persist.py gives the reason). Storing has to begin
-- after the locks, and this saves a round trip.
locked AS (
    SELECT i.user_id
      FROM (SELECT user_id FROM few WHERE (SELECT n FROM existing) = (SELECT n FROM total) ORDER BY user_id) few
     CROSS JOIN LATERAL (SELECT user_id FROM clarion_inbox WHERE user_id = few.user_id LIMIT 1 FOR NO KEY UPDATE) i
)
-- `storing` sets how the planner plans the statement that stores the notifications, which also saves a round trip.
SELECT total.n::bigint, total.muted::bigint, (SELECT count(*) FROM locked), batches.id, announced.id, announced.kind,
       announced.actor_username, announced.created_at
  FROM total CROSS JOIN (SELECT {along_the_index}) storing
  LEFT JOIN (batches JOIN announced ON announced.id = batches.announcement_id) ON true
 ORDER BY batches.id
