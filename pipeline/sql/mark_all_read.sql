-- Mark the unread notifications of an inbox as read, up to a seq, optionally of a topic or a kind. Returns their number.

-- Rows that stand for a notification; replaced ones are spared.
WITH changed AS (
    UPDATE clarion_notification n SET read_at = clock_timestamp()
     WHERE n.recipient_id = %(user)s AND n.seq <= %(through)s AND n.read_at IS NULL AND n.deleted_at IS NULL
       AND n.replaced_by IS NULL AND ((%(topic)s::text IS NULL AND %(kind)s::text IS NULL) OR EXISTS (
            SELECT 1 FROM clarion_announcement a WHERE a.id = n.announcement_id
               AND (%(topic)s::text IS NULL OR a.topic = %(topic)s)
               AND (%(kind)s::text IS NULL OR a.kind = %(kind)s)))
    RETURNING n.first
),
-- The first row of each notification that collapsed, by whose seq it goes. LIMIT 1 makes each an index look-up. As a
-- join, with statistics from before an inbox grew, it would compare all rows of the inbox with all changed ones.
firsts AS (
    UPDATE clarion_notification SET read_at = clock_timestamp()
     WHERE ctid = ANY(ARRAY(
           SELECT one.ctid FROM changed CROSS JOIN LATERAL (
                  SELECT n.ctid FROM clarion_notification n
                   WHERE n.recipient_id = %(user)s AND n.seq = changed.first LIMIT 1) one
            WHERE changed.first IS NOT NULL))
)
SELECT count(*) FROM changed
