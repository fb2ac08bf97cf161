-- Remove these changes of the log, and return their number. The inboxes are locked.
WITH removed AS (
    DELETE FROM clarion_change n USING unnest(%(users)s::bigint[], %(seqs)s::bigint[]) d(recipient_id, seq)
     WHERE n.recipient_id = d.recipient_id AND n.seq = d.seq
    RETURNING n.recipient_id, n.seq
),
-- A cursor below the removed rows gets RESYNC.
raised AS (
    UPDATE clarion_inbox i SET floor = greatest(i.floor, top.seq)
      FROM (SELECT recipient_id, max(seq) AS seq FROM removed GROUP BY recipient_id) top
     WHERE i.user_id = top.recipient_id
)
SELECT count(*) FROM removed
