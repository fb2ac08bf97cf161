"""The inbox of each user, as a log: a Django app of models that the pipeline writes and the edge reads.

    models.py    Announcement, Notification, Change, Inbox, Mute, Epoch
    queries.py   the SQL that reads an inbox: its head, and everything after a cursor
    log.py       one row of the log as the frame that says it
    migrations/

Every seq from 1 to `Inbox.seq` is exactly one row, a Notification or a Change, and exactly one frame. User ids are
plain integers here, without a foreign key: neither the hot path nor the edge should depend on the app's user model.
"""
