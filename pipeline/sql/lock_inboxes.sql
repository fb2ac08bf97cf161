-- Lock the inboxes of all recipients in the order of user ids; true if each recipient has one. If one is missing, none
-- is locked: a transaction that inserts it may wait for another that inserts the same, and must not hold locks that the
-- other waits for.
SELECT cardinality({users}) = (
    SELECT count(*) FROM (
        SELECT 1 FROM clarion_inbox
         WHERE user_id = ANY({users})
           AND cardinality({users}) = (SELECT count(*) FROM clarion_inbox WHERE user_id = ANY({users}))
         ORDER BY user_id FOR NO KEY UPDATE) locked)
