-- Remove everything of a user's inbox, and return the number of its notifications.
WITH notifications AS (DELETE FROM clarion_notification WHERE recipient_id = %(user)s RETURNING 1),
changes AS (DELETE FROM clarion_change WHERE recipient_id = %(user)s),
collapses AS (DELETE FROM clarion_collapse WHERE recipient_id = %(user)s),
mutes AS (DELETE FROM clarion_mute WHERE user_id = %(user)s),
-- The head stays, so that no seq is used twice; the raised floor sends RESYNC to every client.
emptied AS (
    UPDATE clarion_inbox SET unread = 0, seq = seq + 1, floor = seq + 1, window_at = NULL, window_count = 0
     WHERE user_id = %(user)s
)
SELECT count(*) FROM notifications
