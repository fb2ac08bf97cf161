"""Actions of a user on their own inbox: read, unread, read all, delete, mute.

marking.py   mark as read or unread, delete: one transaction, one row in the log, one frame
snapshots.py the snapshot, the pages of the list, the unread count
mutes.py     the kinds and topics that a user has muted
rekey.py     a new key of a user
chunks.py    changes many rows of many inboxes, a chunk in each transaction
personal.py  export and erasure of a user's data
"""
