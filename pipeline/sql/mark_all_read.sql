-- Mark the notifications of an inbox as read, up to a seq; return the number of those that were unread. The inbox is
-- locked, and its read floor rises to that seq with the row in the log.

-- Those that were marked as unread again below the floor.
WITH again AS (
    UPDATE clarion_notification SET read_at = clock_timestamp(), unread_again = NULL
     WHERE recipient_id = %(user)s AND seq <= %(through)s AND unread_again
)
-- The inbox knows how many are unread in all. So only those above the seq are counted, which are few or none: reading a
-- million takes as long as reading ten.
SELECT head.unread - (
       SELECT count(*) FROM clarion_notification n
        WHERE n.recipient_id = head.user_id AND n.seq > %(through)s AND n.seq <= head.seq AND {is_unread})
  FROM clarion_inbox head WHERE head.user_id = %(user)s
