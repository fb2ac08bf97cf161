"""What a user does with their own inbox: read, unread, read all, delete, mute.

changes.py   one action: one transaction, one row in the log, one frame
reading.py   the snapshot, the pages of the list, the unread count
mutes.py     what a user does not want to hear
personal.py  export and erasure of what is kept of a user
"""
