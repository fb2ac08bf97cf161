-- Store one batch of a kind that does not collapse. No row if a recipient has no inbox.

-- Advance each inbox, which locks it and assigns the seq. `quiet` is true beyond the limit of a storm.
WITH advanced AS (
    UPDATE clarion_inbox i
       SET {next_seq}, unread = i.unread + 1
     WHERE i.user_id = ANY({users}::bigint[])
       AND (SELECT count(*) FROM clarion_inbox WHERE user_id = ANY({users}::bigint[]))
           = cardinality({users})
    RETURNING i.user_id, {key}i.seq, i.unread, CASE WHEN i.window_count > %(storm_limit)s THEN true END AS quiet
),
-- A notification for each recipient.
inserted AS (
    INSERT INTO clarion_notification (recipient_id, seq, announcement_id, event_id, created_at, quiet)
    SELECT user_id, seq, %(announcement)s, %(event)s, %(created_at)s, quiet FROM advanced
),
-- Mark the batch as stored, in the same statement: a batch without the mark has no rows.
marked AS ({mark_stored} AND EXISTS (SELECT 1 FROM advanced))
SELECT {user}, seq, unread, quiet IS TRUE FROM advanced
