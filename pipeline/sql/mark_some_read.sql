-- Mark the notifications of a topic or a kind as read, in a chunk of the log; return their number. The inbox is locked.

-- Those of the chunk that are shown and unread.
WITH unread AS (
    SELECT n.seq FROM clarion_inbox head JOIN clarion_notification n ON n.recipient_id = head.user_id
     WHERE head.user_id = %(user)s AND n.seq > %(after)s AND n.seq <= %(through)s AND {is_unread} AND {matches}
),
-- Those of earlier chunks that the user has marked as unread since: the frame of this chunk covers them too.
again AS (
    SELECT n.seq
      FROM clarion_change c
      JOIN clarion_notification name ON name.recipient_id = c.recipient_id AND name.seq = c.notification
      JOIN clarion_notification n ON n.recipient_id = c.recipient_id AND n.seq = coalesce(name.replaced_by, name.seq)
      JOIN clarion_inbox head ON head.user_id = c.recipient_id
     WHERE c.recipient_id = %(user)s AND c.seq > %(started)s AND c.action = 'unread' AND n.seq <= %(after)s
       AND {is_unread} AND {matches}
),
-- Both, each by a look-up of its key.
changed AS (
    UPDATE clarion_notification SET read_at = clock_timestamp(), unread_again = NULL
     WHERE recipient_id = %(user)s AND seq = ANY(ARRAY(SELECT seq FROM unread UNION SELECT seq FROM again))
    RETURNING first
),
-- The first row of each notification that collapsed, by whose seq it goes. LIMIT 1 makes each an index look-up. As a
-- join, with statistics from before an inbox grew, it would compare all rows of the inbox with all changed ones.
firsts AS (
    UPDATE clarion_notification SET read_at = clock_timestamp(), unread_again = NULL
     WHERE ctid = ANY(ARRAY(
           SELECT one.ctid FROM changed CROSS JOIN LATERAL (
                  SELECT n.ctid FROM clarion_notification n
                   WHERE n.recipient_id = %(user)s AND n.seq = changed.first LIMIT 1) one
            WHERE changed.first IS NOT NULL))
)
SELECT count(*) FROM changed
