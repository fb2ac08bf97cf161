"""Actions of a user on their own inbox: read, unread, read all, delete, mute.

changes.py   one action: one transaction, one row in the log, one frame
reading.py   the snapshot, the pages of the list, the unread count
mutes.py     the kinds and topics that a user has muted
personal.py  export and erasure of a user's data
"""
