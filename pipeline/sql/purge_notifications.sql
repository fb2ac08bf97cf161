-- Remove these notifications, if they still may be removed; return their number. The inboxes are locked.
WITH removed AS (
    DELETE FROM clarion_notification n USING unnest(%(users)s::bigint[], %(seqs)s::bigint[]) d(recipient_id, seq)
     WHERE n.recipient_id = d.recipient_id AND n.seq = d.seq AND ({condition})
    RETURNING n.recipient_id, n.seq, {unread} AS unread
),
-- The next event starts a notification of its own where the open one is removed.
collapses AS (
    DELETE FROM clarion_collapse c USING removed WHERE c.recipient_id = removed.recipient_id AND c.latest = removed.seq
),
-- The floor rises with the removed rows. Removing unread ones also takes a seq, so that open sockets notice.
raised AS (
    UPDATE clarion_inbox i
       SET unread = i.unread - top.unread,
           seq = CASE WHEN top.unread = 0 THEN i.seq ELSE i.seq + 1 END,
           floor = CASE WHEN top.unread = 0 THEN greatest(i.floor, top.seq) ELSE i.seq + 1 END
      FROM (SELECT recipient_id, max(seq) AS seq, count(*) FILTER (WHERE unread) AS unread
              FROM removed GROUP BY recipient_id) top
     WHERE i.user_id = top.recipient_id
)
SELECT count(*) FROM removed
