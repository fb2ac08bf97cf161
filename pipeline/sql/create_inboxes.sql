-- Insert the missing inboxes of the recipients, in the order of user ids.
INSERT INTO clarion_inbox (user_id{key_column})
SELECT recipient.user_id{key_of_recipient} FROM unnest({users}) recipient(user_id)
 WHERE NOT EXISTS (SELECT 1 FROM clarion_inbox i WHERE i.user_id = recipient.user_id)
 ORDER BY recipient.user_id
ON CONFLICT DO NOTHING
